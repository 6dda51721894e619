import { closeSync } from 'node:fs';
import { TraceError } from '../trace-error.ts';
import { containerOf, contentOf } from './containers.ts';
import { InputFile } from './input-file.ts';
import { type Descriptor, openDescriptor, readNext } from './open-descriptor.ts';
import { openSpool, writeWhole } from './spool.ts';

/** Bytes of the beginning that tell what an input is. */
const HEAD_BYTES = 16 << 10;

/** Bytes that tell a container: more than any of them needs. */
const MAGIC_BYTES = 8;

/** Bytes that are read at once. */
const CHUNK = 256 << 10;

/**
 * An input before its form is known: a file, a pipe, or a compressed one of either. Its content is read as it comes
 * or, where a form needs that, at any offset: one of the two, and once. Memory does not grow with its length.
 */
export interface Input {
  /** As the caller named it. */
  readonly name: string;
  /** What the content is compressed by: `gzip`, `zstd` or `xz`. */
  readonly container: string | undefined;
  /** The first bytes of the content: some 16 KiB, or all of it. */
  readonly head: Uint8Array;
  /** Bytes of the file in all; 0 where nobody knows. */
  readonly total: number;
  /** Bytes of the file that were read so far. */
  consumed(): number;
  /**
   * The content up to its end or to the first {@link damage}.
   *
   * @param spare chunks that the caller needs no more, added while it reads on: some are used again for later ones
   */
  chunks(spare?: Uint8Array[]): AsyncIterable<Uint8Array>;
  /**
   * A file with the content, for whoever asked to close. A pipe and the content of a container are copied for it to
   * a temporary file without a name, up to the first {@link damage}.
   */
  file(): Promise<InputFile>;
  /** Why the content ended early, if it did; known once it was read. */
  damage(): TraceError | undefined;
  /** Closes what {@link file} did not hand out. */
  close(): void;
}

/** @throws {@link TraceError} for what cannot be opened, and for a container that is damaged in its first bytes */
export async function openInput(path: string): Promise<Input> {
  const descriptor = openDescriptor(path);
  try {
    if (descriptor.size === undefined) return await openStream(descriptor);
    const file = InputFile.fromDescriptor(descriptor.name, descriptor.fd);
    const head = file.readUpTo(0, HEAD_BYTES);
    return containerOf(head) ? await openStream(descriptor) : plainFile(file, head);
  } catch (error) {
    closeSync(descriptor.fd);
    throw error;
  }
}

function plainFile(file: InputFile, head: Uint8Array): Input {
  let consumed = 0;
  return {
    name: file.name,
    container: undefined,
    head,
    total: file.size,
    consumed: () => consumed,
    async *chunks(spare = []) {
      for (;;) {
        const bytes = file.readUpTo(consumed, CHUNK, spare.pop());
        if (bytes.length === 0) return;
        consumed += bytes.length;
        yield bytes;
      }
    },
    file: async () => file,
    damage: () => undefined,
    close: () => file.close(),
  };
}

async function openStream(descriptor: Descriptor): Promise<Input> {
  const { name, fd, size } = descriptor;
  let consumed = 0;
  let damage: TraceError | undefined;
  let isOpen = true;
  const raw = (function* (): Generator<Uint8Array> {
    const buffer = new Uint8Array(CHUNK);
    for (let count = readNext(descriptor, buffer); count > 0; count = readNext(descriptor, buffer)) {
      consumed += count;
      yield buffer.slice(0, count);
    }
  })();
  const first = takeBytes(raw, MAGIC_BYTES);
  const container = containerOf(Buffer.concat(first));
  const whole = (function* (): Generator<Uint8Array> {
    yield* first;
    yield* raw;
  })();
  const decoded = container ? contentOf(container, whole, name) : asynchronous(whole);
  const content = (async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* decoded;
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      damage = error;
    }
  })();
  const beginning: Uint8Array[] = [];
  for (let got = 0; got < HEAD_BYTES; ) {
    const next = await content.next();
    if (next.done) break;
    beginning.push(next.value);
    got += next.value.length;
  }
  if (damage && beginning.length === 0) throw damage;

  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield* beginning;
    yield* content;
  };
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
    // A decoder that is not at its end keeps what the next one waits for.
    void content.return(undefined);
  };
  return {
    name,
    container: container?.name,
    head: Buffer.concat(beginning).subarray(0, HEAD_BYTES),
    total: size ?? 0,
    consumed: () => consumed,
    chunks,
    async file() {
      const copy = openSpool();
      try {
        for await (const chunk of chunks()) writeWhole(copy, chunk);
      } catch (error) {
        closeSync(copy);
        throw error;
      }
      close();
      return InputFile.fromDescriptor(name, copy);
    },
    damage: () => damage,
    close,
  };
}

/** The first chunks, of `count` bytes together or more. */
function takeBytes(chunks: Iterator<Uint8Array>, count: number): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let got = 0; got < count; ) {
    const next = chunks.next();
    if (next.done) break;
    taken.push(next.value);
    got += next.value.length;
  }
  return taken;
}

async function* asynchronous(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
