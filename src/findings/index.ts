export * from './check-report.ts';
export * from './finding.ts';
export * from './rule.ts';
