import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import { type PageData, pageData } from '../../src/report/page-data.ts';
import { hostile } from './hostile.ts';
import { everything, report, useAfterFree } from './samples.ts';

const PAGE =
  '<title>t</title><script type="application/json" id="data"><!--iommusan:data--></script><script>1</script>';

/** What the page's script finds in the element of the data. */
function dataOf(html: string): string {
  const [, data = ''] = /id="data">([^<]*)<\/script><script>1<\/script>$/.exec(html) ?? [];
  return data;
}

describe('the page of HTML', () => {
  it('holds the reports', () => {
    const data: PageData = JSON.parse(dataOf(renderHtml([everything], PAGE)));
    expect(data).toEqual(JSON.parse(JSON.stringify(pageData([everything]))));
    expect(data.reports[0]?.findings.map(({ rule }) => rule)).toEqual(
      everything.findings.map(({ rule }) => rule),
    );
  });

  it('has no character in its data that means anything to a browser', () => {
    expect(dataOf(renderHtml([hostile], PAGE))).toMatch(/^\{[^<>&]*\}$/);
  });

  it('is refused where it has no place for the data', () => {
    expect(() => renderHtml([], '<p></p>')).toThrow('the page has no <!--iommusan:data-->');
  });

  it('tells each stack and each frame once', () => {
    const { frames, stacks, reports } = pageData([report([useAfterFree, useAfterFree, useAfterFree])]);
    expect(stacks).toHaveLength(3);
    expect(new Set(frames).size).toBe(frames.length);
    const freed = reports[0]?.findings[2]?.story[1];
    expect(frames[stacks[freed?.stack ?? -1]?.[0] ?? -1]).toBe('__free_frozen_pages+0x547/0x5f0');
  });

  it('stays small with many findings, and says how many it leaves out', () => {
    const [life] = everything.findings.flatMap(finding => finding.life ?? []);
    const many = Array.from({ length: 1200 }, (_, index) => ({
      ...useAfterFree,
      signature: index.toString(16).padStart(16, '0'),
      // Lives are told of the first 200 findings.
      ...(index < 200 &&
        life && { life: { ...life, events: Array.from({ length: 20 }, () => life.events).flat() } }),
    }));
    const html = renderHtml([report(many)], PAGE);
    expect(html.length).toBeLessThan(4e6);
    expect(pageData([report(many)]).reports[0]).toMatchObject({ findingsOmitted: 200 });
  });
});
