import { describe, expect, it } from 'vitest';
import { renderJson } from '../../src/report/json.ts';
import { looksLikeJson, parseStoredReports } from '../../src/settings/stored-reports.ts';
import { everything, report, useAfterFree } from '../report/samples.ts';

describe('a stored report', () => {
  it.each([
    ['with every field', [everything]],
    ['of several traces', [report([useAfterFree]), report([])]],
  ])('%s comes back as it was', (_, reports) => {
    const [only] = reports;
    const text = reports.length === 1 && only ? renderJson(only) : renderJson(reports);
    expect(parseStoredReports(text, 'r.json')).toEqual(reports);
  });

  it('may have fields that this release does not know', () => {
    const newer = { ...report([{ ...useAfterFree, mood: 'sour' } as never]), weather: 'fair' };
    expect(parseStoredReports(JSON.stringify(newer), 'r.json')).toEqual([newer]);
  });

  it.each([
    ['', 'r.json: no report of iommusan: it is no JSON: Unexpected end of JSON input'],
    [
      '{}',
      'r.json: no report of "iommusan check --format json": the document must have required property \'schemaVersion\'.',
    ],
    ['7', 'r.json: no report of "iommusan check --format json": the document must be object.'],
    [
      '{"schemaVersion": 2}',
      'r.json: a report of version 2; this iommusan reads version 1. Use a newer one.',
    ],
    [
      renderJson(report([{ ...useAfterFree, count: 'many' } as never])),
      'r.json: no report of "iommusan check --format json": /findings/0/count must be integer.',
    ],
  ])('that is %j is none', (text, problem) => {
    expect(() => parseStoredReports(text, 'r.json')).toThrow(problem);
  });

  it('is told from a trace by its first bytes', () => {
    expect(looksLikeJson(new TextEncoder().encode('\n  [{'))).toBe(true);
    expect(looksLikeJson(Uint8Array.of(0x17, 0x08, 0x44, 0x74))).toBe(false);
    expect(looksLikeJson(new Uint8Array())).toBe(false);
  });
});
