/**
 * The words of perf.data: tools/perf/Documentation/perf.data-file-format.txt, tools/perf/util/header.h and
 * tools/lib/perf/include/perf/event.h; records and samples are those of include/uapi/linux/perf_event.h.
 */

/** The first eight bytes as a number: written in the order of the recording machine. */
export const MAGIC = 'PERFILE2';
export const MAGIC_SWAPPED = '2ELIFREP';

/** Bytes of the header of a file, and of a stream (`perf record -o -`), which is of magic and size alone. */
export const FILE_HEADER_BYTES = 104;
export const PIPE_HEADER_BYTES = 16;

export const RECORD = {
  lost: 2,
  comm: 3,
  sample: 9,
  lostSamples: 13,
  headerAttr: 64,
  tracingData: 66,
  finishedRound: 68,
  auxtrace: 71,
  headerFeature: 80,
  compressed: 81,
  compressed2: 83,
} as const;

/** `PERF_SAMPLE_*`: the fields of a sample, in the order in which they stand in it. */
export const SAMPLE = {
  identifier: 1 << 16,
  ip: 1 << 0,
  tid: 1 << 1,
  time: 1 << 2,
  addr: 1 << 3,
  id: 1 << 6,
  streamId: 1 << 9,
  cpu: 1 << 7,
  period: 1 << 8,
  read: 1 << 4,
  callchain: 1 << 5,
  raw: 1 << 10,
} as const;

/** `PERF_FORMAT_*` of `PERF_SAMPLE_READ`. */
export const READ = { enabled: 1, running: 2, id: 4, group: 8, lost: 16 } as const;

/** `HEADER_*`: optional sections of a file. */
export const FEATURE = { tracingData: 1, osRelease: 4, arch: 6, compressed: 27 } as const;

export const TYPE_TRACEPOINT = 2;

/** A word of a callchain whose upper half is this, and whose lower half is at least this, says of whom the frames behind it are. */
export const CONTEXT_HIGH = 0xffff_ffff;
export const CONTEXT_LOWEST = 0xffff_f001;
/** `PERF_CONTEXT_KERNEL`, -128 */
export const CONTEXT_KERNEL = 0xffff_ff80;
