import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { anonymizeTrace, convertTrace } from '../../src/convert-trace.ts';
import { readPerfetto } from '../helpers/perfetto.ts';
import { play, temporaryFiles } from '../helpers/play.ts';
import { FIXTURES, fixture, tracesBelow } from '../helpers/traces.ts';

const files = temporaryFiles();

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const out = files.path('events.jsonl');
  await convertTrace(path, out, 'jsonl');
  const text = readFileSync(out, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

describe('a text as trace.dat', () => {
  it('gives the same verdict, and tells what the text tells', async () => {
    const text = join(import.meta.dirname, '../fixtures/texts/trace-cmd-report-t.txt');
    const out = files.path('text.dat');
    await convertTrace(text, out, 'trace.dat');
    const without = (lines: Record<string, unknown>[]) => lines.map(({ stack: _stack, ...line }) => line);
    expect(without(await linesOf(out))).toEqual(without(await linesOf(text)));
    const [own, converted] = [await checkTrace(text), await checkTrace(out)];
    expect(converted.findings.map(({ rule, certainty, count }) => ({ rule, certainty, count }))).toEqual(
      own.findings.map(({ rule, certainty, count }) => ({ rule, certainty, count })),
    );
    expect(converted.trace.clock).toBe('global');
  });
});

describe('JSON lines', () => {
  it('have one line for each event, in its order', async () => {
    const lines = await linesOf(fixture('sanitizer-kernel/uaf.dat'));
    const { calls, moments } = await play(fixture('sanitizer-kernel/uaf.dat'));
    expect(lines.map(({ event }) => event)).toEqual(calls.map(([method]) => method));
    expect(lines.map(({ timeNs }) => timeNs)).toEqual(moments.map(at => at?.timeNs));
  });

  it('name what the event is about, in words', async () => {
    const lines = await linesOf(fixture('sanitizer-kernel/uaf.dat'));
    const map = lines.find(({ event }) => event === 'iommuMap');
    expect(map).toMatchObject({
      task: 'insmod',
      domain: expect.stringMatching(/^0xff/),
      iova: expect.stringMatching(/^0x[0-9a-f]+$/),
      phys: expect.stringMatching(/^0x[0-9a-f]+$/),
      size: 4096,
      stack: expect.arrayContaining(['iommu_dma_map_phys']),
    });
    expect(lines.find(({ event }) => event === 'dmaMap')).toMatchObject({
      kind: 'single',
      device: '0000:00:04.0',
      attrs: 'none',
    });
  });

  it('say what was lost', async () => {
    const lines = await linesOf(fixture('stock-kernel/overrun.dat'));
    expect(lines[0]).toEqual({ event: 'eventsLost', cpu: 0, count: 20_956, untilNs: expect.any(Number) });
  });

  it.each(['forms/uaf-v6.dat', 'forms/uaf-v7-none.dat'])(
    'are the same for every form of a trace: %s',
    async name => {
      expect(await linesOf(fixture(name))).toEqual(await linesOf(fixture('forms/uaf-v7-zstd.dat')));
    },
  );
});

describe('a Perfetto trace', () => {
  it.each(['uaf', 'fuzz-1', 'sg_ok', 'dom_many', 'leak_unbind'])(
    'follows the schema, and has each mapping of %s as a slice and each finding as an instant',
    async name => {
      const path = fixture(`sanitizer-kernel/${name}.dat`);
      const out = files.path('trace.pftrace');
      await convertTrace(path, out, 'perfetto');
      const { tracks, events } = readPerfetto(readFileSync(out));
      const report = await checkTrace(path);
      const slices = events.filter(({ type, categories }) => type === 'begin' && categories === 'iommu');
      expect(slices).toHaveLength(report.accounting.mappingsMade);
      const instants = events.filter(({ type }) => type === 'instant');
      expect(instants.map(event => event.name)).toEqual(
        report.findings.map(({ rule, title }) => `${rule}: ${title}`),
      );
      // What has not ended is what still lives.
      const open = new Map<number, number>();
      for (const { type, track } of events) {
        if (type === 'instant') continue;
        open.set(track, (open.get(track) ?? 0) + (type === 'begin' ? 1 : -1));
        // Slices of a track nest, and these do not overlap at all.
        expect([0, 1]).toContain(open.get(track));
      }
      const live = [...open].filter(([track, count]) => count > 0 && tracks.get(track)?.name === 'mappings');
      expect(live).toHaveLength(report.accounting.mappingsLive);
      for (const { parent } of tracks.values()) expect(parent === undefined || tracks.has(parent)).toBe(true);
    },
  );

  it('names lanes by domain and device, and shows what was lost', async () => {
    const out = files.path('trace.pftrace');
    await convertTrace(fixture('stock-kernel/overrun.dat'), out, 'perfetto');
    const { tracks, events } = readPerfetto(readFileSync(out));
    const names = [...tracks.values()].map(({ name }) => name);
    expect(names).toContain('Device 0000:00:04.0');
    expect(names).toContain('Events lost on CPU 0');
    expect(names.some(name => /^Domain 0x[0-9a-f]+$/.test(name) || name.startsWith('Domain 0x'))).toBe(true);
    const lost = events.find(({ name }) => name === '20956 events lost');
    expect(lost).toMatchObject({ type: 'begin', timeNs: 0 });
    const map = events.find(({ categories }) => categories === 'iommu');
    expect(map?.annotations).toMatchObject({
      iova: map?.name,
      size: 4096,
      task: expect.stringContaining('-'),
    });
  });
});

describe('an anonymous trace', () => {
  it.each(tracesBelow(FIXTURES).filter(name => !name.startsWith('forms/')))(
    'gives the findings of %s',
    async name => {
      const out = files.path('anonymous.dat');
      await anonymizeTrace(fixture(name), out);
      const [own, anonymous] = [await checkTrace(fixture(name)), await checkTrace(out)];
      const verdict = ({ findings }: typeof own) =>
        findings.map(({ rule, severity, certainty, count, pages, echoes, firstNs, lastNs, story }) => ({
          rule,
          severity,
          certainty,
          count,
          pages,
          echoes,
          firstNs,
          lastNs,
          roles: story.map(event => event.role),
        }));
      expect(verdict(anonymous)).toEqual(verdict(own));
      expect(anonymous.accounting).toEqual(own.accounting);
      expect(anonymous.lost).toEqual(own.lost);
      expect(anonymous.skippedChecks).toEqual(own.skippedChecks);
    },
  );

  it('names no command, driver, module, pointer or address of the original', async () => {
    const out = files.path('anonymous.dat');
    const path = fixture('sanitizer-kernel/fuzz-1.dat');
    await anonymizeTrace(path, out, { compression: 'none' });
    const bytes = readFileSync(out).toString('latin1');
    for (const word of ['insmod', 'dmabugs']) expect(bytes).not.toContain(word);
    const lines = await linesOf(path);
    const hidden = await linesOf(out);
    const addresses = (list: typeof lines, field: string) =>
      new Set(list.map(line => line[field]).filter(Boolean));
    for (const field of ['domain', 'phys', 'task'] as const) {
      const [before, after] = [addresses(lines, field), addresses(hidden, field)];
      expect(after.size).toBe(before.size);
      for (const value of before)
        expect(after.has(value), `${field} ${value}`).toBe(value === '<idle>' || value === '<...>');
    }
    const symbols = new Set(hidden.flatMap(({ stack = [] }) => stack as string[]));
    expect([...symbols].some(symbol => symbol.startsWith('iommu_'))).toBe(true);
    expect([...symbols].some(symbol => /^function\d+$/.test(symbol))).toBe(true);
  });
});
