import { get } from 'node:http';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../src/cli/live-command.ts';
import { metricsServer, metricsText } from '../../src/cli/live-metrics.ts';
import { newLiveView } from '../../src/cli/live-view.ts';
import { parseDurationMs, parseSizeKib } from '../../src/cli/quantities.ts';
import { recordingText } from '../../src/cli/recording-line.ts';
import type { LiveState } from '../../src/live-check.ts';

const STATE: LiveState = {
  events: 1234,
  lost: 0,
  mappings: 3,
  bytes: 3 * 4096 + (2 << 20),
  pagesAllocated: 70,
  pagesFreed: 60,
  findings: new Map([['free-while-mapped', 2]]),
  devices: [
    { device: '0000:00:04.0', driver: 'ed"u', mappings: 2, bytes: 8192, made: 100, ended: 98 },
    { mappings: 1, bytes: (2 << 20) + 4096, made: 1, ended: 0 },
  ],
};

describe('metrics', () => {
  it('are in the text format of Prometheus', () => {
    const text = metricsText(STATE);
    expect(text).toContain('# TYPE iommusan_events_total counter\niommusan_events_total 1234\n');
    expect(text).toContain('iommusan_mappings{device="0000:00:04.0",driver="ed\\"u"} 2\n');
    expect(text).toContain('iommusan_mappings{device="unknown",driver=""} 1\n');
    expect(text).toContain('iommusan_findings_total{rule="free-while-mapped"} 2\n');
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(?:# (?:HELP|TYPE) iommusan_\w+ .+|iommusan_\w+(?:\{.*\})? \d+)$/);
    }
  });

  it('are served at /metrics, and at no other path', async () => {
    const server = await metricsServer({ host: '127.0.0.1', port: 0 }, () => STATE);
    const fetched = (url: string): Promise<[number | undefined, string]> =>
      new Promise((settle, fail) => {
        get(url, response => {
          let body = '';
          response.on('data', part => {
            body += part;
          });
          response.on('end', () => settle([response.statusCode, body]));
        }).on('error', fail);
      });
    try {
      expect(await fetched(server.url)).toEqual([200, metricsText(STATE)]);
      expect((await fetched(server.url.replace('/metrics', '/')))[0]).toBe(404);
      const second = metricsServer(
        { host: '127.0.0.1', port: Number(new URL(server.url).port) },
        () => STATE,
      );
      await expect(second).rejects.toThrow(/metrics cannot be served at 127\.0\.0\.1:\d+ \(EADDRINUSE\)\./);
    } finally {
      server.close();
    }
  });

  it('are on the loopback unless a host is given', () => {
    expect(parseEndpoint('9177')).toEqual({ host: '127.0.0.1', port: 9177 });
    expect(parseEndpoint('0.0.0.0:80')).toEqual({ host: '0.0.0.0', port: 80 });
    expect(parseEndpoint('[::1]:9177')).toEqual({ host: '::1', port: 9177 });
    for (const wrong of ['', 'host', ':80', '70000', '1:2:3']) expect(() => parseEndpoint(wrong)).toThrow();
  });
});

describe('the view of a live check', () => {
  /** A stream that keeps what is written. */
  function kept(
    isTTY: boolean,
    size = { columns: 100, rows: 40 },
  ): { readonly stream: Writable & { isTTY?: boolean }; text(): string } {
    const parts: string[] = [];
    const stream = new Writable({
      write(part, _encoding, done) {
        parts.push(String(part));
        done();
      },
    });
    return { stream: Object.assign(stream, { isTTY, ...size }), text: () => parts.join('') };
  }

  function show(isTTY: boolean, size?: { columns: number; rows: number }): string {
    const out = kept(isTTY, size);
    let now = 0;
    const view = newLiveView({ stdout: out.stream, stderr: out.stream, env: {} }, 1000, () => now);
    view.state(STATE);
    view.finding('ERROR: something\n');
    now = 2000;
    const [first, ...others] = STATE.devices;
    view.state({ ...STATE, events: 3234, devices: first ? [{ ...first, made: 300 }, ...others] : [] });
    view.close();
    return out.text();
  }

  it('is a table on a terminal, below what was found', () => {
    const text = show(true);
    expect(text).toContain('ERROR: something');
    expect(text).toMatch(/device +driver +mappings +mapped +maps\/s +unmaps\/s/);
    expect(text).toMatch(/0000:00:04\.0 +ed"u +2 +8 KiB +100 +0/);
    expect(text).toContain('1,000 events/s, 3 mappings of 2.0 MiB, nothing lost, 2 findings');
  });

  it('is the same on a terminal that does not know its size', () => {
    expect(show(true, { columns: 0, rows: 0 })).toMatch(/0000:00:04\.0 +ed"u +2 +8 KiB +100 +0/);
  });

  it('is a line now and then elsewhere, without control characters', () => {
    const text = show(false);
    expect(text).toBe(
      'ERROR: something\n\n1,617 events/s, 3 mappings of 2.0 MiB, nothing lost, 2 findings\n',
    );
  });
});

describe('quantities on the command line', () => {
  it('are times with a unit, in seconds where it has none', () => {
    expect(['30', '250ms', '1.5m', '2h'].map(parseDurationMs)).toEqual([30_000, 250, 90_000, 7_200_000]);
    for (const wrong of ['', '0', '-1', '5 m', '1w']) expect(() => parseDurationMs(wrong)).toThrow();
  });

  it('are sizes with a unit, in KiB where it has none', () => {
    expect(['4096', '512K', '8M', '1GiB'].map(parseSizeKib)).toEqual([4096, 512, 8192, 1 << 20]);
    for (const wrong of ['', '4', '1T', '8.5M']) expect(() => parseSizeKib(wrong)).toThrow();
  });

  it('are told in one line while recording', () => {
    expect(recordingText({ events: 157_170, bytes: 12_345_678, lost: 0 }, 8_210)).toBe(
      '157,170 events, 12.3 MB, 0 lost, 8.2 s',
    );
  });
});
