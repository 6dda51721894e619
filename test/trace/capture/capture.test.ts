import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/index.ts';
import { TraceError } from '../../../src/trace/trace-error.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { captureOf, writeFiles } from '../../helpers/raw-capture.ts';
import { fixture } from '../../helpers/traces.ts';
import { verdictOf } from '../../helpers/verdict.ts';

const files = temporaryFiles();
const UAF = fixture('sanitizer-kernel/uaf.dat');
let capture: Map<string, Uint8Array>;

beforeAll(async () => {
  capture = await captureOf(UAF);
  writeFiles(files.path('capture'), capture);
});

/** The capture with one file more, another one, or one less. */
function changed(name: string, path: string, bytes: Uint8Array | string | undefined): string {
  const some = new Map(capture);
  if (bytes === undefined) some.delete(path);
  else some.set(path, Buffer.from(bytes));
  return writeFiles(files.path(name), some);
}

/** A tar of the capture, made by tar itself. */
function tarOf(name: string, ...options: string[]): string {
  execFileSync('tar', ['-cf', files.path(name), ...options, '-C', files.path(''), 'capture']);
  return files.path(name);
}

describe('a raw capture', () => {
  it('gives the report of its trace.dat', async () => {
    const report = await checkTrace(files.path('capture'));
    const binary = await checkTrace(UAF);
    expect(verdictOf(report)).toEqual(verdictOf(binary));
    expect(report.findings[0]?.story.map(({ stack }) => stack)).toEqual(
      binary.findings[0]?.story.map(({ stack }) => stack),
    );
    expect(report.trace).toEqual({
      ...binary.trace,
      files: [files.path('capture')],
      format: 'raw capture directory',
    });
    expect(report.findings[0]?.story[0]?.location?.file).toBe(
      files.path('capture/per_cpu/cpu1/trace_pipe_raw'),
    );
  });

  it.each([
    ['in a tar', [], ''],
    ['in a tar of GNU', ['--format=gnu'], ''],
    ['in a tar with pax headers', ['--format=pax'], ''],
    ['in a compressed tar', ['-z'], ', compressed by gzip'],
  ])('is read %s', async (name, options, container) => {
    const report = await checkTrace(tarOf(`${name}.tar`, ...options));
    expect(verdictOf(report)).toEqual(verdictOf(await checkTrace(UAF)));
    expect(report.trace.format).toBe(`raw capture in a tar${container}`);
    expect(report.gaps).toEqual([]);
  });

  it('has the buffers of instances beside the main one', async () => {
    const dump = capture.get('per_cpu/cpu1/trace_pipe_raw') ?? new Uint8Array(0);
    const path = changed('instances', 'instances/guest/per_cpu/cpu0/trace_pipe_raw', dump);
    const report = await checkTrace(path);
    expect(report.trace.events).toBeGreaterThan((await checkTrace(UAF)).trace.events);
  });

  it.each([
    ['uname', { pageSize: 4096 }],
    ['page_size', { pageSize: 4096 }],
    ['trace_clock', { clock: 'local' }],
  ])('is read without %s', async (path, summary) => {
    const report = await checkTrace(changed(`without ${path}`, path, undefined));
    expect(verdictOf(report)).toEqual(verdictOf(await checkTrace(UAF)));
    expect(report.trace).toMatchObject(summary);
  });

  it('says which dump is cut', async () => {
    const dump = capture.get('per_cpu/cpu1/trace_pipe_raw') ?? new Uint8Array(0);
    const path = changed('cut', 'per_cpu/cpu1/trace_pipe_raw', dump.subarray(0, dump.length - 4000));
    const report = await checkTrace(path);
    expect(report.gaps[0]?.file).toBe(`${path}/per_cpu/cpu1/trace_pipe_raw`);
    expect(report.gaps[0]?.message).toMatch(/^some events of CPU 1 were not read: a sub-buffer claims/);
  });

  it.each([
    ['without header_page', 'events/header_page', undefined, 'holds no events/header_page: no raw capture'],
    ['with an empty header_page', 'events/header_page', '', 'holds no events/header_page'],
    [
      'with prose for header_page',
      'events/header_page',
      'hello',
      'does not describe timestamp, commit and data',
    ],
  ])('is refused %s', async (name, path, bytes, message) => {
    await expect(checkTrace(changed(name, path, bytes))).rejects.toThrow(message);
  });

  it('is refused without dumps', async () => {
    const some = new Map([...capture].filter(([path]) => !path.startsWith('per_cpu')));
    await expect(checkTrace(writeFiles(files.path('none'), some))).rejects.toThrow('nothing was recorded');
  });

  it('is not any directory, nor any tar', async () => {
    writeFiles(files.path('other'), new Map([['a/b', Buffer.from('x')]]));
    await expect(checkTrace(files.path('other'))).rejects.toThrow('holds no events/header_page');
    execFileSync('tar', ['-cf', files.path('other.tar'), '-C', files.path('other'), '.']);
    await expect(checkTrace(files.path('other.tar'))).rejects.toThrow(
      'is a tar archive without events/header_page',
    );
  });

  it('in a damaged tar ends in a report or a clear error', async () => {
    const tar = readFileSync(tarOf('whole.tar'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.nat(tar.length),
        async (changes, length) => {
          const bytes = Uint8Array.from(tar.subarray(0, length < tar.length / 8 ? length : tar.length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const path = files.write('damaged.tar', bytes);
          await checkTrace(path).catch(error => expect(error).toBeInstanceOf(TraceError));
        },
      ),
      { numRuns: 30 },
    );
  });
});
