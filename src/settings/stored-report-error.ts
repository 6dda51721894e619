/** A file that should be a stored report and is none. */
export class StoredReportError extends Error {
  override readonly name = 'StoredReportError';

  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
  }
}
