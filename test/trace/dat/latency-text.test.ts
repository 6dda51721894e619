import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { convertTrace } from '../../../src/convert-trace.ts';
import { checkTrace } from '../../../src/index.ts';
import { openSource } from '../../../src/trace/open-source.ts';
import { TraceSource } from '../../../src/trace/trace-source.ts';
import { PAGE_FREE } from '../../helpers/kernel-events.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { recordingOf } from '../../helpers/recording.ts';
import { S390, X86_64 } from '../../helpers/ring-buffer.ts';
import { hasTraceCmd } from '../../helpers/trace-cmd.ts';
import { type Form, type RecordedText, type Recording, writeTraceFile } from '../../helpers/trace-file.ts';
import { verdictOf } from '../../helpers/verdict.ts';

const files = temporaryFiles();

const TEXT_PATH = fileURLToPath(new URL('../../fixtures/texts/tracefs-latency.txt', import.meta.url));
const TEXT = readFileSync(TEXT_PATH, 'latin1');

const FORMS: readonly (readonly [name: string, form: Form])[] = [
  ['version 6', { version: 6 }],
  ['version 7', { version: 7 }],
  ['version 7 with zlib', { version: 7, compression: 'zlib' }],
];

/** A file of a latency tracer: texts, and no ring buffers unless asked for. */
function holding(texts: readonly RecordedText[], more: Partial<Recording> = {}): Recording {
  return {
    ...recordingOf([]),
    formats: [PAGE_FREE],
    buffers: [],
    texts,
    commandNames: '81 insmod-by-its-whole-name\n',
    clocks: 'local global [mono] boot',
    uname: 'Linux host 7.2.13 x86_64',
    ...more,
  };
}

const ONE = [{ name: '', text: TEXT }];

describe.each(FORMS)('the text of a latency tracer in a trace.dat of %s', (name, form) => {
  it('gives the findings of the text', async () => {
    const path = files.write('a.dat', writeTraceFile(holding(ONE), form).bytes);
    const found = await checkTrace(path);
    const alone = await checkTrace(TEXT_PATH);
    expect(verdictOf(found)).toEqual(verdictOf(alone));
    expect(found.findings.length).toBeGreaterThan(0);
    expect(found.accounting).toEqual(alone.accounting);
    expect(found.gaps).toEqual([]);
  });

  it('is told with what the file says of the machine', async () => {
    const path = files.write('a.dat', writeTraceFile(holding(ONE), form).bytes);
    const source = await openSource(path);
    await source.walk(() => undefined, { eventsLost: () => undefined });
    expect(source.description).toMatchObject({
      format: `text of tracefs in a trace.dat ${name.replace('with zlib', '(zlib)')}`,
      uname: 'Linux host 7.2.13 x86_64',
      pageSize: 4096,
      buffers: [{ clock: 'mono' }],
    });
    // The text has room for eight characters of a name.
    expect(source.names.task(81)).toBe('insmod-by-its-whole-name');
    expect(source.notes.filter(note => note.includes('neither its clock'))).toEqual([]);
    source.close();
  });

  it('is read from big-endian machines', async () => {
    const path = files.write('be.dat', writeTraceFile(holding(ONE, { machine: S390 }), form).bytes);
    expect((await checkTrace(path)).accounting).toEqual((await checkTrace(TEXT_PATH)).accounting);
  });

  // In version 6 the text is the rest of the file: no length says that some of it is missing.
  it.skipIf(form.version === 6)('is read as far as the file goes', async () => {
    const { bytes, borders } = writeTraceFile(holding(ONE), form);
    const start = borders.at(-2) ?? 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    // The section claims a megabyte more than there is, and a chunk more.
    view.setUint32(start + 8, view.getUint32(start + 8, true) + (1 << 20), true);
    if (form.compression) view.setUint32(start + 16, view.getUint32(start + 16, true) + 1, true);
    const { gaps, accounting } = await checkTrace(files.write('cut.dat', bytes));
    expect(accounting.pagesFreed).toBe((await checkTrace(TEXT_PATH)).accounting.pagesFreed);
    expect(gaps.length).toBeGreaterThan(0);
  });

  it('is converted', async () => {
    const path = files.write('a.dat', writeTraceFile(holding(ONE), form).bytes);
    await convertTrace(path, files.path('b.dat'), 'trace.dat');
    const converted = await checkTrace(files.path('b.dat'));
    expect(converted.accounting).toEqual((await checkTrace(path)).accounting);
  });

  it('that is no trace is refused', async () => {
    const text = 'nothing that any tracer prints\n'.repeat(10);
    const path = files.write('no.dat', writeTraceFile(holding([{ name: '', text }]), form).bytes);
    await expect(checkTrace(path)).rejects.toThrow(/has no event in a form that is understood/);
  });

  it('is not opened as events', async () => {
    const path = files.write('a.dat', writeTraceFile(holding(ONE), form).bytes);
    await expect(TraceSource.open(path)).rejects.toThrow(
      'holds the text of a latency tracer, not events; openSource() reads it',
    );
  });

  // CI installs trace-cmd; Debian's is built without zlib.
  it.skipIf(!hasTraceCmd() || form.compression === 'zlib')('is printed by trace-cmd', () => {
    const path = files.write('a.dat', writeTraceFile(holding(ONE), form).bytes);
    const { stdout } = spawnSync('trace-cmd', ['report', '-i', path], { encoding: 'latin1' });
    expect(stdout).toContain(TEXT.split('\n')[3]);
  });
});

describe('a trace.dat with texts beside other instances', () => {
  const EVENTS = [{ timeNs: 1000, type: PAGE_FREE, values: { pfn: 1 } }];

  it('is read by its events, and says that the text was not', async () => {
    const recording = holding([{ name: 'wakeup', text: TEXT }], { buffers: recordingOf(EVENTS).buffers });
    const path = files.write('both.dat', writeTraceFile(recording, { version: 7 }).bytes);
    const { notes, accounting } = await checkTrace(path);
    expect(accounting.pagesFreed).toBe(1);
    expect(notes).toContain(
      'The text of a latency tracer (instance "wakeup") in the file was not read: the events of another instance were, and the two cannot be joined.',
    );
  });

  it('of which one is of the top instance is read by that', async () => {
    const recording = holding([{ name: 'wakeup', text: '# tracer: wakeup\n' }, ...ONE], { machine: X86_64 });
    const path = files.write('two.dat', writeTraceFile(recording, { version: 7 }).bytes);
    const { notes, accounting } = await checkTrace(path);
    expect(accounting).toEqual((await checkTrace(TEXT_PATH)).accounting);
    expect(notes).toContain(
      'The text of a latency tracer (instance "wakeup") in the file was not read: the text of another instance was, and the two cannot be joined.',
    );
  });

  it('whose option does not point at a text is refused', async () => {
    const { bytes, borders } = writeTraceFile(holding(ONE), { version: 7 });
    bytes[borders.at(-2) ?? 0] = 3;
    await expect(checkTrace(files.write('wrong.dat', bytes))).rejects.toThrow(
      'has a section of kind 3 where the text of a latency tracer (kind 22) should be; it is damaged',
    );
  });
});
