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
} as const;

export const OPTION = {
  done: 0,
  buffer: 3,
  traceClock: 4,
  uname: 5,
  cpuStat: 2,
  cpuCount: 8,
} as const;

/** Bytes of a section header: u16 id, u16 flags, u32 description, u64 size. */
export const SECTION_HEADER_SIZE = 16;

/** Bit of the flags of a section whose body is compressed. */
export const SECTION_COMPRESSED = 1;
