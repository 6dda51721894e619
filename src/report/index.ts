export { renderGithub } from './github.ts';
export { renderHtml } from './html.ts';
export { renderJson } from './json.ts';
export { renderJsonLines } from './json-lines.ts';
export { renderJunit } from './junit.ts';
export { renderMarkdown } from './markdown.ts';
export { renderSarif } from './sarif.ts';
export { renderStats, renderStatsJson, type StatsOptions } from './stats.ts';
export { renderText, type TextOptions } from './text.ts';
