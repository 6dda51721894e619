import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/check-trace.ts';
import { anonymizeTrace, convertTrace } from '../../src/convert-trace.ts';
import { renderText } from '../../src/report/text.ts';
import { temporaryFiles } from '../helpers/play.ts';

const files = temporaryFiles();

/** A recording with `--initial-state`, as tracefs prints it: two pages were mapped, one of which is freed too early. */
function recording(): string {
  const line = (us: number, task: string, text: string): string =>
    `${task}-81      [000] ...1.     1.${String(us).padStart(6, '0')}: ${text}`;
  const path = files.path('trace.txt');
  writeFileSync(
    path,
    `${[
      '# tracer: nop',
      line(1, 'iommusan', 'tracing_mark_write: iommusan: state begin 1'),
      line(
        2,
        'iommusan',
        'tracing_mark_write: iommusan: found 0000:00:04.0 100000 ffffe+1=5000 fffff+1=6000',
      ),
      line(3, 'iommusan', 'tracing_mark_write: iommusan: state end'),
      line(
        4,
        'rmmod',
        'unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096',
      ),
      line(5, 'rmmod', 'mm_page_free: page=0000000012345678 pfn=0x6000 order=0'),
      line(6, 'rmmod', 'mm_page_free: page=0000000012345678 pfn=0x5000 order=0'),
    ].join('\n')}\n`,
  );
  return path;
}

async function verdict(path: string): Promise<unknown> {
  const { findings, accounting } = await checkTrace(path);
  return [
    accounting.mappingsMade,
    findings.map(({ rule, certainty, story }) => [rule, certainty, story.map(({ role }) => role)]),
  ];
}

describe('a recording with what was mapped before', () => {
  const found = [0, [['free-while-mapped', 'certain', ['found mapped', 'freed']]]];

  it('is judged by it', async () => {
    const report = await checkTrace(recording());
    expect(report.findings.map(({ page }) => page?.pfn)).toEqual(['0x5000']);
    const text = renderText(report, { color: false, width: 80 });
    expect(text).toContain('Mapped before the recording began, and found so at 1.000002 s');
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      '2 ranges in 1 page table were mapped before the recording began: who mapped what is there is not known.',
    );
    expect(await verdict(recording())).toEqual(found);
  });

  it('is judged alike as a trace.dat, and without names', async () => {
    const [converted, anonymous] = [files.path('converted.dat'), files.path('anonymous.dat')];
    await convertTrace(recording(), converted, 'trace.dat');
    expect(await verdict(converted)).toEqual(found);
    await anonymizeTrace(recording(), anonymous);
    expect(await verdict(anonymous)).toEqual(found);
  });
});
