import type { InputFile } from '../file/input-file.ts';

/** Where the bytes of one file of a capture are. */
export interface Member {
  readonly file: InputFile;
  readonly offset: number;
  readonly size: number;
}

/** The files of a capture, in a directory or in a tar of one. */
export interface Folder {
  /** As the caller named it. */
  readonly name: string;
  /** What it is, for the report. */
  readonly form: string;
  /** Paths of all files, relative to the root of the capture, with `/`. */
  readonly paths: readonly string[];
  /** A file of the capture; `undefined` where there is none. Stays open until {@link close}. */
  open(path: string): Member | undefined;
  /** Parts that cannot be read, as sentences. */
  readonly problems: readonly string[];
  close(): void;
}

/** The content of a small file, cut at `limit` bytes. */
export function contentOf(folder: Folder, path: string, limit: number): Uint8Array | undefined {
  const member = folder.open(path);
  return member?.file.readUpTo(member.offset, Math.min(member.size, limit));
}
