import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/findings/check-report.ts';
import { checkTrace } from '../../src/index.ts';
import { perfDataOf } from '../helpers/perf-data.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { TEXT_STYLES, textOf } from '../helpers/trace-text.ts';
import { verdictOf } from '../helpers/verdict.ts';
import { recording } from './shared.ts';

const files = temporaryFiles();

const RECORDINGS = [
  ...['ok', 'uaf', 'uaf_order3_tail', 'leak_unbind', 'alias', 'wrong_size', 'wrong_dir', 'sync_after_unmap'],
  ...['sg_ok', 'coherent_ok', 'coherent_leak', 'dom_over_unmap', 'dom_short_unmap', 'dom_double_unmap'],
  ...['dom_two_domains', 'dom_many', 'dom_overlap_map', 'pp_leak', 'fuzz-1', 'fuzz-3'],
];

describe.each(RECORDINGS)('%s gives the same findings as', name => {
  const path = recording(`sanitizer-kernel/${name}`);

  it('a perf.data of its events, but for the functions, which a perf.data does not name', async () => {
    const perf = await checkTrace(files.write('perf.data', await perfDataOf(path)));
    const binary = await checkTrace(path);
    const rules = (report: CheckReport): string[] =>
      [...new Set(report.findings.map(({ rule }) => rule))].sort();
    expect(rules(perf)).toEqual(rules(binary));
    expect(perf.accounting).toEqual(binary.accounting);
    expect(perf.gaps).toEqual([]);
  });

  it.each(TEXT_STYLES)('text in the style of $name', async style => {
    const text = await checkTrace(files.write('text', Buffer.from(await textOf(path, style))));
    const binary = await checkTrace(path);
    expect(verdictOf(text)).toEqual(verdictOf(binary));
    const { mappingsMade, mappingsLive, pagesAllocated, pagesFreed } = binary.accounting;
    expect(text.accounting).toMatchObject({ mappingsMade, mappingsLive, pagesAllocated, pagesFreed });
    expect(text.gaps).toEqual([]);
  });
});
