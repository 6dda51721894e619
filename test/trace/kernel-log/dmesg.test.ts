import { describe, expect, it } from 'vitest';
import { parseDmesg, readDmesg } from '../../../src/trace/kernel-log/dmesg.ts';
import { temporaryFiles } from '../../helpers/play.ts';

const FAULT =
  'DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0xffff000 [fault reason 0x05] PTE Write access is not set';

const files = temporaryFiles();

function parse(text: string) {
  return parseDmesg('log', Buffer.from(text, 'latin1'));
}

describe('a line of a log', () => {
  it.each<[string, string]>([
    ['dmesg', '[    8.558969] '],
    ['dmesg -r', '<3>[    8.558969] '],
    ['dmesg of a kernel that prints callers', '[    8.558969][  T135] '],
    ['journalctl -k -o short-monotonic', '[    8.558969] host kernel: '],
    ['a syslog', 'Nov 27 08:13:34 host kernel: [    8.558969] '],
  ])('has a time in the form of %s', (_, prefix) => {
    const { lines, faults } = parse(`first\n${prefix}${FAULT}\n`);
    expect(lines[1]).toEqual({ timeNs: 8_558_969_000, text: FAULT, line: 2, offset: 6 });
    expect(faults).toEqual([
      { fault: { device: '0000:00:04.0', iova: 0xffff000, isWrite: 1 }, at: lines[1] },
    ]);
  });

  it('has none where only the wall clock is told, or nothing', () => {
    const { lines, faults } = parse(`[Fri Nov 27 08:13:34 2026] ${FAULT}\r\n${FAULT}`);
    expect(lines.map(({ timeNs }) => timeNs)).toEqual([undefined, undefined]);
    expect(faults).toHaveLength(2);
  });

  it('tells of a fault that takes several at the time of the first', () => {
    const smmu = '[  1.500000] arm-smmu-v3 arm-smmu-v3.0.auto: ';
    const words = ['0x0000000800000010', '0x0000020000000000', '0x00000000fffff040', '0x0000000000000000'];
    const { faults } = parse([`${smmu}event 0x10 received:`, ...words.map(w => smmu + w)].join('\n'));
    expect(faults.map(({ fault, at }) => [fault.iova, at.line])).toEqual([[0xfffff040, 1]]);
  });
});

describe('a file that is no log', () => {
  it('is refused with what to give instead', () => {
    expect(() => readDmesg(files.path('missing'))).toThrow(
      `${files.path('missing')}: cannot be read (ENOENT); --dmesg takes the output of dmesg as a file`,
    );
    const binary = files.write('binary', Uint8Array.of(0x41, 0, 0x42));
    expect(() => readDmesg(binary)).toThrow('is no kernel log: it holds bytes that are no text (at byte 1)');
  });
});
