import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Input, openInput } from '../../../src/trace/file/input.ts';
import { splitStreams } from '../../../src/trace/file/xz-streams.ts';
import { temporaryFiles } from '../../helpers/play.ts';

const files = temporaryFiles();

/** What `zstd -19` and `xz -9e` made of the content. */
const COMPRESSED = fileURLToPath(new URL('../../fixtures/compressed/', import.meta.url));

/** 600 KB that compress to a tenth, with no two lines alike. */
const CONTENT = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `this is the line number ${i}\n`).join(''),
);

async function contentOf(input: Input): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const CONTAINERS: readonly [string, () => Uint8Array][] = [
  ['gzip', () => gzipSync(CONTENT)],
  ['zstd', () => readFileSync(`${COMPRESSED}lines.txt.zst`)],
  ['xz', () => readFileSync(`${COMPRESSED}lines.txt.xz`)],
];

describe.each(CONTAINERS)('what %s has compressed', (container, compress) => {
  it('is read as it comes', async () => {
    const input = await openInput(files.write(container, compress()));
    expect([input.container, input.head.length]).toEqual([container, 16_384]);
    expect((await contentOf(input)).equals(CONTENT)).toBe(true);
    expect([input.consumed(), input.damage()]).toEqual([input.total, undefined]);
    input.close();
  });

  it('is read at any place, from a copy', async () => {
    const input = await openInput(files.write(container, compress()));
    const file = await input.file();
    expect([
      file.size,
      Buffer.from(file.read(100_000, 20, 'it')).equals(CONTENT.subarray(100_000, 100_020)),
    ]).toEqual([CONTENT.length, true]);
    file.close();
    input.close();
  });

  it('is read as far as it is whole', async () => {
    const bytes = compress();
    const input = await openInput(files.write('cut', bytes.subarray(0, bytes.length / 2)));
    const found = await contentOf(input);
    expect(found.length).toBeGreaterThan(10_000);
    expect(found.equals(CONTENT.subarray(0, found.length))).toBe(true);
    expect(input.damage()?.message).toBe(
      `${files.path('cut')}: its ${container} data is damaged or cut short: only the first ${found.length} bytes of the content could be decompressed`,
    );
    input.close();
  });

  it('is read whole where several of it were joined', async () => {
    const input = await openInput(files.write('joined', Buffer.concat([compress(), compress()])));
    expect((await contentOf(input)).equals(Buffer.concat([CONTENT, CONTENT]))).toBe(true);
    expect(input.damage()).toBe(undefined);
    input.close();
  });

  it('is refused where nothing of it can be read', async () => {
    const bytes = Uint8Array.from(compress());
    bytes.fill(0xa5, 8, 600);
    await expect(openInput(files.write('damaged', bytes))).rejects.toThrow(
      /damaged: its .* data is damaged or cut short: only the first 0 bytes/,
    );
  });

  it('comes from a pipe as well', async () => {
    const path = files.path(`${container}.pipe`);
    execFileSync('mkfifo', [path]);
    spawn('sh', ['-c', `cat ${files.write('behind', compress())} > ${path}`]);
    const input = await openInput(path);
    expect([input.container, input.total]).toEqual([container, 0]);
    expect((await contentOf(input)).equals(CONTENT)).toBe(true);
    input.close();
  });
});

describe('a file of xz', () => {
  const one = readFileSync(`${COMPRESSED}lines.txt.xz`);
  const twice = Buffer.concat([CONTENT, CONTENT]);

  it.each([
    ['one after the other', [one, one]],
    ['with zeros between and behind them', [one, new Uint8Array(8), one, new Uint8Array(300 << 10)]],
  ])('may be several streams, %s', async (_, streams) => {
    const input = await openInput(files.write('two.xz', Buffer.concat(streams)));
    expect((await contentOf(input)).equals(twice)).toBe(true);
    expect(input.damage()).toBe(undefined);
    input.close();
  });

  it('may be several streams wherever its chunks end', () => {
    const bytes = Buffer.concat([one.subarray(-100), one.subarray(0, 100)]);
    for (const size of [1, 5, 6, 7, 97, 100, 103, 200]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const pieces = [...splitStreams(chunks)];
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      const starts = pieces.map((_, i) => Buffer.concat(pieces.slice(0, i)).length);
      expect(starts).toContain(100);
    }
  });

  it.each([
    ['something else follows', [one, Buffer.from('and then nothing that xz has written')]],
    ['the second stream is cut short', [one, one.subarray(0, 2000)]],
    ['the second stream is damaged', [one, one.subarray(0, 8), new Uint8Array(2000).fill(0xa5)]],
  ])('in which %s is read up to there, and says so', async (_, parts) => {
    const input = await openInput(files.write('bad.xz', Buffer.concat(parts)));
    const content = await contentOf(input);
    // What the decoder had unpacked together with the damage it does not hand out.
    expect(content.length).toBeGreaterThan(CONTENT.length - (64 << 10));
    expect(twice.subarray(0, content.length).equals(content)).toBe(true);
    expect(input.damage()?.message).toContain(
      `its xz data is damaged or cut short: only the first ${content.length} bytes of the content could be decompressed`,
    );
    input.close();
  });

  it('that is closed before its end leaves the decoder to others', async () => {
    for (let i = 0; i < 3; i++) (await openInput(files.write('some.xz', one))).close();
    const input = await openInput(files.write('some.xz', one));
    expect((await contentOf(input)).equals(CONTENT)).toBe(true);
    input.close();
  });
});

describe('what is not compressed', () => {
  it('is read as it comes, and at any place', async () => {
    const path = files.write('plain', CONTENT);
    const input = await openInput(path);
    expect([input.container, input.head.length, input.total]).toEqual([undefined, 16_384, CONTENT.length]);
    expect((await contentOf(input)).equals(CONTENT)).toBe(true);
    const file = await input.file();
    expect(file.size).toBe(CONTENT.length);
    file.close();
    input.close();
  });

  it('leaves no file open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    for (const bytes of [CONTENT, gzipSync(CONTENT)]) {
      const input = await openInput(files.write('some', bytes));
      (await input.file()).close();
      input.close();
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });
});
