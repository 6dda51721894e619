import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LiveState } from '../live-check.ts';
import { RecordError } from '../record/record-error.ts';
import type { Endpoint } from './live-command.ts';

/** A metrics endpoint that is being served. */
export interface MetricsServer {
  readonly url: string;
  close(): void;
}

/**
 * Serves `/metrics` until it is closed.
 *
 * @throws {@link RecordError} where the address cannot be listened at
 */
export async function metricsServer(
  { host, port }: Endpoint,
  state: () => LiveState,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('The metrics are at /metrics.\n');
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      .end(request.method === 'HEAD' ? '' : metricsText(state()));
  });
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}/metrics`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((settle, fail) => {
    server.once('error', (error: Error & { code?: string }) =>
      fail(new RecordError(`metrics cannot be served at ${host}:${port} (${error.code ?? error.message}).`)),
    );
    server.listen(port, host, settle);
  });
}

/**
 * The state in the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 */
export function metricsText(state: LiveState): string {
  const byDevice = (value: (device: LiveState['devices'][number]) => number): Sample[] =>
    state.devices.map(device => [
      { device: device.device ?? 'unknown', driver: device.driver ?? '' },
      value(device),
    ]);
  return [
    metric('events_total', 'counter', 'Trace events that were judged.', [[{}, state.events]]),
    metric('lost_events_total', 'counter', 'Trace events that were lost before they were read.', [
      [{}, state.lost],
    ]),
    metric('pages_allocated_total', 'counter', 'Pages that the page allocator handed out.', [
      [{}, state.pagesAllocated],
    ]),
    metric('pages_freed_total', 'counter', 'Pages that went back to the page allocator.', [
      [{}, state.pagesFreed],
    ]),
    metric(
      'mappings',
      'gauge',
      'IOMMU mappings made since the start that are live.',
      byDevice(({ mappings }) => mappings),
    ),
    metric(
      'mapped_bytes',
      'gauge',
      'Bytes that they map.',
      byDevice(({ bytes }) => bytes),
    ),
    metric(
      'maps_total',
      'counter',
      'IOMMU mappings made.',
      byDevice(({ made }) => made),
    ),
    metric(
      'unmaps_total',
      'counter',
      'IOMMU mappings that have ended.',
      byDevice(({ ended }) => ended),
    ),
    metric(
      'findings_total',
      'counter',
      'Different bugs found, by rule.',
      Array.from(state.findings, ([rule, count]) => [{ rule }, count] as const),
    ),
  ].join('');
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const full = `iommusan_${name}`;
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${full}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

/** A label's value: backslash, quote and line feed are escaped. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
