import { execFileSync, spawn } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputFile } from '../../../src/trace/file/input-file.ts';
import { TraceError } from '../../../src/trace/trace-error.ts';
import { temporaryFiles } from '../../helpers/play.ts';

const files = temporaryFiles();

describe('an input file', () => {
  it('is read at any place', () => {
    const file = InputFile.open(files.write('abc', Buffer.from('0123456789')));
    expect(file.size).toBe(10);
    expect(Buffer.from(file.read(3, 4, 'the middle')).toString()).toBe('3456');
    expect(Buffer.from(file.readUpTo(8, 100)).toString()).toBe('89');
    expect(file.readUpTo(10, 1)).toHaveLength(0);
    expect(file.readUpTo(1e15, 1)).toHaveLength(0);
    file.close();
  });

  it('says what it should have held when it is too short', () => {
    const path = files.write('short', Buffer.from('0123'));
    const file = InputFile.open(path);
    expect(() => file.read(2, 8, 'a section header')).toThrow(
      `${path}: a section header should be 8 bytes long, but the file ends after 4 bytes; it is cut short or damaged (at byte 2)`,
    );
    expect(() => file.read(0, 2 ** 50, 'the symbols')).toThrow(TraceError);
    file.close();
  });

  it('may be cut while it is read', () => {
    const path = files.write('shrinking', Buffer.from('0123456789'));
    const file = InputFile.open(path);
    truncateSync(path, 4);
    expect(Buffer.from(file.readUpTo(0, 10)).toString()).toBe('0123');
    expect(() => file.read(0, 10, 'the header')).toThrow('the header could not be read whole');
    file.close();
  });

  it('that is none is refused with its name', () => {
    const missing = files.path('missing.dat');
    expect(() => InputFile.open(missing)).toThrow(`${missing}: there is no such file`);
    expect(() => InputFile.open(files.path(''))).toThrow('is a directory; name the trace.dat file in it');
    expect(() => InputFile.open(`${files.write('plain', Buffer.from('x'))}/x`)).toThrow(TraceError);
    expect(() => InputFile.open('a\0b')).toThrow(TraceError);
  });

  // Windows has no mkfifo.
  it.skipIf(process.platform === 'win32')('may be a pipe, which is read to its end first', () => {
    const pipe = files.path('pipe');
    execFileSync('mkfifo', [pipe]);
    const content = files.write('content', new Uint8Array(3 << 20).fill(0x2a));
    spawn('sh', ['-c', `cat '${content}' > '${pipe}'`], { stdio: 'ignore' });
    const file = InputFile.open(pipe);
    expect(file.size).toBe(3 << 20);
    expect(file.readUpTo((3 << 20) - 1, 9)).toEqual(Uint8Array.of(0x2a));
    file.close();
  });
});
