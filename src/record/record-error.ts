/** What keeps a recording from being made: one clear sentence for the person who asked for it. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** `code` of a system error, `ENOENT`; empty for any other. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
