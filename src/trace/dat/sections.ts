/** Section and option ids of a version 7 file: trace-cmd.dat.v7.5, and lib/trace-cmd/include/private/trace-cmd-private.h. */
export const SECTION = {
  options: 0,
  buffer: 3,
  strings: 15,
  headerInfo: 16,
  ftraceEvents: 17,
  eventFormats: 18,
  kallsyms: 19,
  printk: 20,
  cmdlines: 21,
  bufferText: 22,
  /** Not trace-cmd's: a chunk of one CPU in a file that iommusan has not finished, see write/partial-file.ts. */
  partialChunk: 0x4953,
} as const;

export const OPTION = {
  done: 0,
  date: 1,
  cpuStat: 2,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  hook: 6,
  offset: 7,
  cpuCount: 8,
  version: 9,
  processMaps: 10,
  traceId: 11,
  timeShift: 12,
  guest: 13,
  tsc2nsec: 14,
  bufferText: 22,
} as const;

/** Bytes of a section header: u16 id, u16 flags, u32 description, u64 size. */
export const SECTION_HEADER_SIZE = 16;

/** Bit of the flags of a section whose body is compressed. */
export const SECTION_COMPRESSED = 1;
