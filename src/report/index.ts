export { renderJson } from './json.ts';
export { renderStats, renderStatsJson, type StatsOptions } from './stats.ts';
export { renderText, type TextOptions } from './text.ts';
