import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { CheckReport } from '../findings/check-report.ts';
import { looksLikeJson, parseStoredReports } from '../settings/stored-reports.ts';

/** Bytes that tell a report from a trace. */
const BEGINNING_BYTES = 64;

/** The reports of a file; `-` is standard input. @throws StoredReportError or the system's error */
export function readStoredReports(file: string): CheckReport[] {
  return parseStoredReports(readFileSync(file === '-' ? 0 : file, 'utf8'), file);
}

/** Whether a file holds reports, not a trace. Standard input is not looked at. */
export function isStoredReport(file: string): boolean {
  if (file === '-') return false;
  const handle = openSync(file, 'r');
  try {
    const beginning = new Uint8Array(BEGINNING_BYTES);
    return looksLikeJson(beginning.subarray(0, readSync(handle, beginning)));
  } finally {
    closeSync(handle);
  }
}
