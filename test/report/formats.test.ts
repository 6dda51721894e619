import { readFileSync } from 'node:fs';
import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import DraftFour from 'ajv-draft-04';
import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import type { CheckReport } from '../../src/findings/check-report.ts';
import type { Rule } from '../../src/findings/rule.ts';
import { renderGithub } from '../../src/report/github.ts';
import { renderJsonLines } from '../../src/report/json-lines.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderSarif } from '../../src/report/sarif.ts';
import { expectGolden } from './golden.ts';
import { hostile } from './hostile.ts';
import {
  everything,
  incomplete,
  possibleFinding,
  report,
  smallNote,
  unbindLeak,
  useAfterFree,
} from './samples.ts';

const RULES: readonly Rule[] = [
  {
    id: 'free-while-mapped',
    severity: 'error',
    title: 'a page went back to the allocator while a mapping still reaches it',
    needs: ['hasPageAllocator'],
    advice: ['Unmap before the memory is freed.'],
  },
  { id: 'unbind-leak', severity: 'error', title: 'a driver left with mappings', needs: [], advice: [] },
  { id: 'map-free-page', severity: 'error', title: 'a free page was mapped', needs: [], advice: [] },
];

const SAMPLES: readonly [string, readonly CheckReport[]][] = [
  ['nothing at all', []],
  ['a clean trace', [report([])]],
  ['a use-after-free', [report([useAfterFree])]],
  ['several traces', [report([useAfterFree, smallNote]), report([unbindLeak])]],
  ['an incomplete trace', [report([possibleFinding], incomplete)]],
  ['every field there is', [everything]],
  ['a hostile trace', [hostile]],
];

describe('SARIF', () => {
  // The schema names formats (uri, date-time) that ajv has in a package of their own; it is the shape that matters here.
  const validate = new DraftFour.default({
    strict: false,
    allErrors: true,
    validateFormats: false,
    // One pattern of the schema is none to engines that know Unicode.
    unicodeRegExp: false,
  }).compile(schema);
  const sarif = (...reports: CheckReport[]): Log => JSON.parse(renderSarif(reports, RULES));

  it.each(SAMPLES)('follows the published schema for %s', (_, reports) => {
    const log: unknown = JSON.parse(renderSarif(reports, RULES));
    validate(log);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('is refused by that schema when it is wrong, so that the test above could fail', () => {
    expect(validate({ ...sarif(report([])), version: '2.0.0' })).toBe(false);
  });

  it('has the signature as fingerprint, and the story as code flow with stacks', () => {
    const result = sarif(report([useAfterFree])).runs[0]?.results?.[0];
    expect(result?.partialFingerprints).toEqual({ 'iommusanSignature/v1': useAfterFree.signature });
    const steps = result?.codeFlows?.[0]?.threadFlows[0]?.locations ?? [];
    expect(steps.map(({ location, importance }) => [location?.message?.text, importance])).toEqual([
      ['Mapped by insmod-81 on CPU 1 at 9.922412 s', 'important'],
      ['Freed by insmod-81 on CPU 1 at 9.923700 s', 'essential'],
      ['Unmapped by insmod-81 on CPU 0 at 10.071202 s', 'important'],
    ]);
    // Not the frames through which the event was recorded.
    expect(steps[1]?.stack?.frames[0]?.location?.logicalLocations?.[0]?.fullyQualifiedName).toBe(
      'vmlinux!__free_frozen_pages',
    );
    expect(steps[1]?.stack?.frames[1]?.module).toBe('dmabugs');
    expect(result?.locations?.[0]?.physicalLocation?.region).toMatchObject({ byteOffset: 0x4b000 });
  });

  it('says what is suppressed, new, unchanged and gone', () => {
    const findings = [
      { ...useAfterFree, baseline: 'known' as const },
      { ...unbindLeak, baseline: 'new' as const },
    ];
    const results = sarif({ ...everything, findings }).runs[0]?.results ?? [];
    expect(
      results.map(({ baselineState, suppressions }) => [baselineState, suppressions?.[0]?.justification]),
    ).toEqual([
      ['unchanged', undefined],
      ['new', undefined],
      [undefined, 'fixed in 7.3'],
      ['absent', undefined],
    ]);
  });

  it('points from each result to its rule, also to one that this release does not know', () => {
    const { tool, results = [] } = sarif(report([useAfterFree, smallNote])).runs[0] as Log['runs'][number];
    for (const { ruleId, ruleIndex = -1 } of results) expect(tool.driver.rules?.[ruleIndex]?.id).toBe(ruleId);
  });
});

describe('JUnit', () => {
  const xsd = readFileSync(new URL('./junit.xsd', import.meta.url), 'utf8');
  const validate = (contents: string) =>
    validateXML({
      xml: { fileName: 'report.xml', contents },
      schema: { fileName: 'junit.xsd', contents: xsd },
    });

  it.each(SAMPLES)('is what CI servers read, for %s', async (_, reports) => {
    const { errors } = await validate(renderJunit(reports, RULES));
    expect(errors).toEqual([]);
  });

  it('is refused when it is wrong, so that the test above could fail', async () => {
    const xml = renderJunit([report([useAfterFree])], RULES).replace('<failure', '<failure severity="high"');
    expect((await validate(xml)).valid).toBe(false);
  });

  it('has a test for each finding and for each rule that was quiet', () => {
    expectGolden('junit.xml', renderJunit([report([useAfterFree, smallNote])], RULES));
  });

  it('counts what it holds', () => {
    const xml = renderJunit(
      [{ ...everything, findings: [{ ...useAfterFree, baseline: 'known' }, unbindLeak] }],
      RULES,
    );
    const [, tests, failures] = /<testsuites tests="(\d+)" failures="(\d+)" errors="0"/.exec(xml) ?? [];
    const [, skipped] = / skipped="(\d+)"/.exec(xml) ?? [];
    expect(Number(tests)).toBe(xml.match(/<testcase /g)?.length);
    expect(Number(failures)).toBe(xml.match(/<failure /g)?.length);
    expect(Number(skipped)).toBe(xml.match(/<skipped>/g)?.length);
    expect([failures, skipped]).toEqual(['1', '3']);
  });
});

describe('JSON lines', () => {
  it.each(SAMPLES)('are one object a line, for %s', (_, reports) => {
    const lines = renderJsonLines(reports).split('\n').slice(0, -1);
    const types = lines.map(line => JSON.parse(line).type);
    expect(types.filter(type => type === 'report')).toHaveLength(reports.length);
    expect(types.filter(type => type === 'finding')).toHaveLength(
      reports.flatMap(({ findings }) => findings).length,
    );
  });

  it('hold the whole report', () => {
    const [head = '', ...rest] = renderJsonLines([everything]).trimEnd().split('\n');
    const { type: _, ...summary } = JSON.parse(head);
    const of = (wanted: string) =>
      rest
        .map(line => JSON.parse(line))
        .filter(({ type }) => type === wanted)
        .map(({ type: _, trace: __, ...one }) => one);
    expect({ ...summary, findings: of('finding'), suppressed: of('suppressed') }).toEqual(everything);
  });
});

describe('GitHub annotations', () => {
  it('are ten of each level, and a summary that says how many are missing', () => {
    const many = Array.from({ length: 12 }, () => useAfterFree);
    const lines = renderGithub([report([...many, smallNote])])
      .trimEnd()
      .split('\n');
    expect(lines.filter(line => line.startsWith('::error '))).toHaveLength(10);
    expect(lines.at(-1)).toBe(
      '::notice title=iommusan::1 trace: 12 errors, 0 warnings, 1 note; 2 more findings not shown here',
    );
  });

  it('pass over what the baseline knows', () => {
    const known = { ...useAfterFree, baseline: 'known' as const };
    expect(renderGithub([report([known])])).toBe(
      '::notice title=iommusan::1 trace: 0 errors, 0 warnings, 0 notes; 1 known from the baseline\n',
    );
  });

  it('warn of lost events', () => {
    expect(renderGithub([report([], incomplete)])).toContain(
      '::warning title=iommusan%3A events lost::uaf.dat: 20,956 events, and an unknown number in 1 gap lost; bugs may be missing here.\n',
    );
  });

  it('let no text of a trace become a command of its own', () => {
    for (const line of renderGithub([hostile]).trimEnd().split('\n')) {
      expect(line).toMatch(/^::(error|warning|notice) title=[^,:]*::/);
    }
  });
});

describe('Markdown', () => {
  it('reads well as a mail', () => {
    expectGolden('report.md', renderMarkdown([report([useAfterFree, unbindLeak], incomplete)]));
  });

  it('says when there is nothing to say', () => {
    expectGolden('nothing.md', renderMarkdown([report([])]));
  });

  it('takes no text of a trace for Markdown or HTML', () => {
    const text = renderMarkdown([hostile]);
    const outsideOfCode = text.split('\n').filter(line => !line.startsWith('    '));
    for (const line of outsideOfCode) {
      expect(line).not.toMatch(/(?<!\\)[<>]/);
      expect(line).not.toMatch(/(?<!\\)\[.*\]\(/);
    }
  });
});
