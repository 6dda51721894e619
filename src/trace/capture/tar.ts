import type { InputFile } from '../file/input-file.ts';
import { latin1 } from '../file/latin1.ts';
import { TraceError } from '../trace-error.ts';
import type { Folder, Member } from './folder.ts';

/** A tar consists of blocks of this size: a header, then the content of the file, filled up (POSIX pax, "ustar"). */
const BLOCK = 512;

/** Places of the fields in a header: offset and size. */
const NAME = [0, 100] as const;
const SIZE = [124, 12] as const;
const TYPE = 156;
const MAGIC = 257;
const PREFIX = [345, 155] as const;

/** Types of entries: a file; GNU's long name; a pax header, which may hold name and size of what follows. */
const FILES = ['0', '\0', '7'];
const LONG_NAME = 'L';
const PAX = 'x';

/** A long name or pax header is no longer. */
const LONGEST_HEADER = 1 << 20;

/** Files of a capture at most. */
const MOST_FILES = 100_000;

const DESCRIPTION = 'events/header_page';

export function isTar(head: Uint8Array): boolean {
  return head.length >= BLOCK && latin1(head.subarray(MAGIC, MAGIC + 5)) === 'ustar';
}

/** A capture in a tar, wherever in it the capture begins. Its files are read where they are. */
export function openTar(file: InputFile): Folder {
  const problems: string[] = [];
  const members = readMembers(file, problems);
  const roots = [...members.keys()].filter(path => path === DESCRIPTION || path.endsWith(`/${DESCRIPTION}`));
  const [description] = roots.sort((a, b) => a.length - b.length);
  if (description === undefined) {
    throw new TraceError(
      file.name,
      `is a tar archive without ${DESCRIPTION}: no raw capture (docs/raw-capture.md). If there is a trace in it, extract that`,
    );
  }
  const root = description.slice(0, -DESCRIPTION.length);
  const paths = [...members.keys()]
    .filter(path => path.startsWith(root))
    .map(path => path.slice(root.length));
  return {
    name: file.name,
    form: 'raw capture in a tar',
    paths,
    problems,
    open: path => members.get(root + path),
    close: () => file.close(),
  };
}

function readMembers(file: InputFile, problems: string[]): Map<string, Member> {
  const members = new Map<string, Member>();
  let longName: string | undefined;
  let longSize: number | undefined;
  let offset = 0;
  while (offset + BLOCK <= file.size) {
    const header = file.read(offset, BLOCK, 'a header of the tar');
    // Two blocks of zeroes end an archive.
    if (header[0] === 0) break;
    if (!isTar(header)) {
      problems.push(
        `the tar is damaged at byte ${offset}: no header of a file is there; what follows was not read`,
      );
      break;
    }
    const type = String.fromCharCode(header[TYPE] as number);
    const size = longSize ?? numberIn(header, ...SIZE);
    const content = offset + BLOCK;
    const available = Math.max(0, Math.min(size, file.size - content));
    if (type === LONG_NAME || type === PAX) {
      const text = file.readUpTo(content, Math.min(available, LONGEST_HEADER));
      if (type === LONG_NAME) longName = textIn(text, 0, text.length);
      else ({ path: longName, size: longSize } = paxFields(text));
    } else {
      const prefix = textIn(header, ...PREFIX);
      const name = longName ?? (prefix === '' ? '' : `${prefix}/`) + textIn(header, ...NAME);
      if (FILES.includes(type)) {
        members.set(name.replace(/^(\.?\/)+/, ''), { file, offset: content, size: available });
        if (available < size)
          problems.push(`the tar is cut short in ${name}: ${size - available} bytes are missing`);
      }
      longName = longSize = undefined;
    }
    if (members.size > MOST_FILES) {
      problems.push(`the tar holds more than ${MOST_FILES} files; the rest was not read`);
      break;
    }
    offset = content + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

function textIn(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return latin1(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits or, where the first bit is set, a big-endian binary number (GNU). */
function numberIn(bytes: Uint8Array, at: number, length: number): number {
  if (((bytes[at] as number) & 0x80) === 0) return Number.parseInt(textIn(bytes, at, length).trim(), 8) || 0;
  let value = 0;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}

/** `LENGTH KEY=VALUE\n`, again and again. */
function paxFields(bytes: Uint8Array): { path: string | undefined; size: number | undefined } {
  const text = latin1(bytes);
  const size = /(?:^|\n)\d+ size=(\d+)\n/.exec(text)?.[1];
  return {
    path: /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1],
    size: size === undefined ? undefined : Number(size),
  };
}
