import { describe, expect, it } from 'vitest';
import { parseSuppressions } from '../../src/settings/suppressions.ts';

const parse = (text: string) => parseSuppressions(text, 'iommusan.suppressions');

describe('a file of suppressions', () => {
  it('is a list, each entry with its line', () => {
    const text = `
# What we live with.
- rule: unbind-leak
  driver: e1000e
  reason: fixed in 7.3   # not backported
- function: lab_*
  device: 0000:00:04.0
  signature: 0123456789012345
  reason: "the lab driver is wrong on purpose"
`;
    expect(parse(text)).toEqual([
      {
        rule: 'unbind-leak',
        driver: 'e1000e',
        reason: 'fixed in 7.3',
        file: 'iommusan.suppressions',
        line: 3,
      },
      {
        function: 'lab_*',
        device: '0000:00:04.0',
        // A number to YAML, and too large to be one: it stays as it is written.
        signature: '0123456789012345',
        reason: 'the lab driver is wrong on purpose',
        file: 'iommusan.suppressions',
        line: 6,
      },
    ]);
  });

  it.each(['', '# nothing yet\n', '[]'])('may be empty: %j', text => {
    expect(parse(text)).toEqual([]);
  });

  it.each([
    [
      '- rule: a\n  reason: b\n- rule: unbind-leak\n',
      'line 3: a suppression needs a reason: say why this may stay.',
    ],
    ['- rule: a\n  reason:\n', 'line 2: "reason" of a suppression must be a text.'],
    ['- rule: a\n  reason: "  "\n', 'line 2: "reason" of a suppression must be a text.'],
    [
      '- reason: all is well\n',
      'line 1: a suppression needs something to match: rule, driver, device, function, signature.',
    ],
    [
      '- rule: a\n  module: b\n  reason: c\n',
      'line 2: a suppression has no "module"; it may have rule, driver, device, function, signature, reason.',
    ],
    ['- rule: a\n  driver: [b]\n  reason: c\n', 'line 2: "driver" of a suppression must be a text.'],
    ['rule: a\nreason: b\n', 'line 1: suppressions are a list: each begins with "- ".'],
    ['- unbind-leak\n', 'line 1: a suppression must be a mapping of names to values.'],
    ['- rule: a\n  rule: b\n  reason: c\n', 'line 2: Map keys must be unique.'],
    ['- rule: "a\n', 'line 2: Missing closing "quote.'],
  ])('%j is refused with its line', (text, problem) => {
    expect(() => parse(text)).toThrow(`iommusan.suppressions, ${problem}`);
  });
});
