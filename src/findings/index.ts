export * from './check-report.ts';
export { FindingCollector } from './collector.ts';
export * from './finding.ts';
export type { Incident, IncidentEvent, IncidentHandle } from './incident.ts';
export * from './rule.ts';
export { isTracingFrame, kernelFrames, signatureOf } from './signature.ts';
export * from './trace-stats.ts';
