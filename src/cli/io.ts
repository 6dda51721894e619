/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Everything of the process that the command uses, so that it can run inside a test. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A report could not be written to the file that was named for it. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/**
 * Writes `text` and waits until it is written.
 *
 * @returns false when nobody reads any more (`iommusan ... | head`)
 * @throws the system's error for any other failure, such as a full disk
 */
export function write(to: Output, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    to.write(text, error => {
      if (!error) resolve(true);
      else if (isClosedPipe(error)) resolve(false);
      else reject(error);
    });
  });
}

/**
 * Keeps a failed write from ending the process where it stands: {@link write} reports it to its caller. For good,
 * because Node emits the event after the callback.
 */
export function holdWriteErrors({ stdout, stderr }: Io): void {
  const ignore = (): void => {};
  stdout.on('error', ignore);
  stderr.on('error', ignore);
}

function isClosedPipe(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}
