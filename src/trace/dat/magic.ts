/** What every trace.dat begins with: 0x17 0x08 0x44 and "tracing" (trace-cmd.dat.v7.5). */
export const MAGIC = Uint8Array.of(0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67);

/** Whether a file that begins with these bytes is a trace.dat, of whatever version. */
export function isTraceDat(head: Uint8Array): boolean {
  return MAGIC.every((byte, i) => head[i] === byte);
}
