export * from './check-report.ts';
export { FindingCollector } from './collector.ts';
export * from './finding.ts';
export type { Incident, IncidentEvent, IncidentHandle } from './incident.ts';
export { kernelFrames } from './recording-frames.ts';
export * from './rule.ts';
export { signatureOf } from './signature.ts';
export * from './trace-stats.ts';
