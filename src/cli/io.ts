/** Where text goes: standard output or error. */
export interface TextOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done: (error?: Error | null) => void): unknown;
}

/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command needs of the process that only writes text. */
export interface TextIo {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Everything of the process that the command uses, so that it can run inside a test. */
export interface Io extends TextIo {
  readonly stdout: Output;
  readonly stderr: Output;
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
export function write(to: TextOutput, text: string): Promise<boolean> {
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
export function holdWriteErrors(...streams: readonly NodeJS.WritableStream[]): void {
  const ignore = (): void => {};
  for (const stream of streams) stream.on('error', ignore);
}

function isClosedPipe(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}
