import { describe, expect, it } from 'vitest';
import { compareWithBaseline, findingsOf } from '../../src/findings/baseline.ts';
import { differenceOf } from '../../src/findings/difference.ts';
import { report, smallNote, unbindLeak, useAfterFree } from '../report/samples.ts';

describe('a baseline', () => {
  it('makes a finding of the same signature known, whatever else is different', () => {
    const earlier = { ...useAfterFree, title: 'page 0x1 was freed', count: 7, firstNs: 1 };
    const compared = compareWithBaseline(report([useAfterFree, unbindLeak]), {
      file: 'old.json',
      findings: [earlier, smallNote],
    });
    expect(compared.findings.map(({ baseline }) => baseline)).toEqual(['known', 'new']);
    expect(compared.baseline).toEqual({
      file: 'old.json',
      gone: [
        {
          rule: 'multiple-map',
          severity: 'note',
          signature: smallNote.signature,
          title: smallNote.title,
          count: 1,
        },
      ],
    });
  });

  it('knows what was suppressed, and misses nothing that is suppressed now', () => {
    const suppressed = [{ reason: 'known', file: 'f', line: 1, finding: unbindLeak }];
    expect(findingsOf([report([useAfterFree], { suppressed })])).toEqual([useAfterFree, unbindLeak]);
    const compared = compareWithBaseline(report([], { suppressed }), { file: 'f', findings: [unbindLeak] });
    expect(compared.baseline?.gone).toEqual([]);
  });
});

describe('a difference', () => {
  it('tells new, gone, changed and equal findings apart', () => {
    const before = [report([useAfterFree, unbindLeak])];
    const after = [report([{ ...useAfterFree, count: 3, certainty: 'possible' }, smallNote])];
    const difference = differenceOf(before, after);
    expect(difference.new).toEqual([smallNote]);
    expect(difference.gone).toEqual([unbindLeak]);
    expect(difference.changed.map(({ changes }) => changes)).toEqual([
      [
        { name: 'certainty', before: 'certain', after: 'possible' },
        { name: 'count', before: '1', after: '3' },
      ],
    ]);
    expect(difference.same).toBe(0);
  });

  it('is empty between equal verdicts, and mirrored when they change places', () => {
    const one = [report([useAfterFree, unbindLeak])];
    const other = [report([unbindLeak, smallNote])];
    expect(differenceOf(one, one)).toMatchObject({ new: [], gone: [], changed: [], same: 2 });
    expect(differenceOf(one, other).new).toEqual(differenceOf(other, one).gone);
  });

  it('takes one bug in several traces as one', () => {
    const twice = [report([useAfterFree]), report([useAfterFree])];
    const { changed } = differenceOf([report([useAfterFree])], twice);
    expect(changed[0]?.changes).toEqual([
      { name: 'count', before: '1', after: '2' },
      { name: 'pages', before: '1', after: '2' },
    ]);
  });
});
