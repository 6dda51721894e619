import type { CheckReport } from '../findings/check-report.ts';
import { UNPRINTABLE, unicodeEscape } from './printable.ts';

/**
 * The report for programs, in the form of `schema/report.v1.json`: one object for one trace, an array for several.
 * Two spaces of indentation, a newline at the end, and no character in it that could command a terminal.
 */
export function renderJson(report: CheckReport | readonly CheckReport[]): string {
  return toJson(report);
}

/** Any value as JSON, as {@link renderJson} writes it. */
export function toJson(value: unknown): string {
  // JSON.stringify() escapes what JSON demands; the line breaks of its own are to stay.
  const text = JSON.stringify(value, undefined, 2).replace(UNPRINTABLE, character =>
    character === '\n' ? character : unicodeEscape(character),
  );
  return `${text}\n`;
}
