import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The full recordings stand beside a checkout on the project's own machines, and nowhere else. */
const SHARED = fileURLToPath(new URL('../../../shared/traces/', import.meta.url));

/** Recordings with their symbols dropped, in the repository. */
const FIXTURES = fileURLToPath(new URL('../fixtures/traces/', import.meta.url));

export const sharedRecordings = existsSync(SHARED);

/** Path of a recording: the full one where it is there, else the one in the repository. */
export function recording(name: string): string {
  return `${sharedRecordings ? SHARED : FIXTURES}${name}.dat`;
}

/** Whether this checkout has the recording in some form. */
export function hasRecording(name: string): boolean {
  return existsSync(recording(name));
}

/** Path of the recording as it is in the repository. */
export function fixture(name: string): string {
  return `${FIXTURES}${name}`;
}
