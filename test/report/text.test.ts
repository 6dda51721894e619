import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/findings/finding.ts';
import { renderText, type TextOptions } from '../../src/report/text.ts';
import { expectGolden } from './golden.ts';
import {
  everything,
  incomplete,
  possibleFinding,
  report,
  smallNote,
  unbindLeak,
  useAfterFree,
} from './samples.ts';

const PLAIN: TextOptions = { color: false, width: 80, elapsedMs: 142 };

const twentyFive: Finding[] = Array.from({ length: 25 }, (_, index) => ({
  ...smallNote,
  rule: 'unmap-unmapped',
  severity: index < 22 ? 'error' : 'warning',
  title: `nothing was mapped at IOVA 0x${(0x10000 + index * 0x1000).toString(16)}`,
  signature: `unmap-unmapped:${index}`,
  count: index === 21 ? 1_200 : 1,
}));

describe('whole text reports', () => {
  it('tells a use-after-free by three stacks', () => {
    expectGolden('use-after-free.txt', renderText(report([useAfterFree]), PLAIN));
  });

  it('tells the same in colour', () => {
    expectGolden('use-after-free.color.txt', renderText(report([useAfterFree]), { ...PLAIN, color: true }));
  });

  it('tells a leak that was seen three times', () => {
    expectGolden('leak.txt', renderText(report([unbindLeak]), PLAIN));
  });

  it('tells what is only possible, and cannot be overlooked to be incomplete', () => {
    expectGolden('possible-with-loss.txt', renderText(report([possibleFinding], incomplete), PLAIN));
  });

  it('is short when nothing was found', () => {
    expectGolden('nothing.txt', renderText(report([]), PLAIN));
  });

  it('shows twenty findings in full and folds the rest', () => {
    expectGolden('twenty-five.txt', renderText(report(twentyFive), PLAIN));
  });
});

describe('renderText()', () => {
  it('keeps prose within the width, and colour out of it', () => {
    for (const width of [80, 100]) {
      const text = renderText(everything, { ...PLAIN, width });
      const long = text.split('\n').filter(line => line.length > width);
      // The closing line is one line for `tail -1`.
      expect(long).toEqual([expect.stringMatching(/^157,170 events/)]);
      expect(text).not.toContain('\x1b');
    }
  });

  it('differs in colour by escape sequences only', () => {
    const color = renderText(everything, { ...PLAIN, color: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's colour codes begin with the control character ESC
    expect(color.replace(/\x1b\[\d+m/g, '')).toBe(renderText(everything, PLAIN));
  });

  it('shows all findings in full when asked', () => {
    const text = renderText(report(twentyFive), { ...PLAIN, all: true });
    expect(text).not.toContain('one line each');
    expect(text.match(/^signature: /gm)).toHaveLength(25);
  });

  it('lets no text of the trace command the terminal', () => {
    const [mapped, freed] = useAfterFree.story;
    const evil = { ...freed, ...mapped, role: 'freed' as const, task: '\x1b[2Jx\n\u202e' };
    const text = renderText(report([{ ...useAfterFree, story: [evil], firedAt: 0 } as Finding]), PLAIN);
    expect(text).toContain('Freed by \\x1b[2Jx\\x0a\\u202e-81 on CPU 1');
    expect(text).not.toContain('\x1b');
  });

  it('does not call notes findings', () => {
    const text = renderText(report([smallNote]), PLAIN);
    expect(text).toContain('No DMA lifetime bug found. Notes alone are no findings.');
    expect(text).toMatch(/ · no findings, 1 note\n$/);
  });

  it('does not call an incomplete trace clean', () => {
    const text = renderText(report([], incomplete), PLAIN);
    expect(text).toContain('found in what could be read');
    expect(text).toContain('EVENTS LOST: 20,956 events, and an unknown number in 1 gap.');
  });

  it('says what the in-kernel sanitizer would have printed', () => {
    expect(renderText(everything, PLAIN)).toContain('the in-kernel sanitizer would have printed 2 warnings');
  });

  it('does without a story, a driver or an elapsed time', () => {
    const text = renderText(report([{ ...useAfterFree, story: [], firedAt: 3 }]), {
      color: false,
      width: 80,
    });
    expect(text).toContain('For 148 ms the device could reach memory');
    expect(text).not.toContain('checked in');
  });
});
