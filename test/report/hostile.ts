import type { CheckReport } from '../../src/findings/check-report.ts';
import { report, useAfterFree } from './samples.ts';

/** Text that means something to browsers, terminals, Markdown, XML, JSON in HTML and workflow commands. */
export const HOSTILE_TEXTS = [
  '<script>document.title="injected"</script>',
  '</script><script>document.title="injected"</script>',
  '<!--<script>',
  '<img src=x onerror=document.title="injected">',
  '"><svg onload=document.title="injected">',
  "javascript:document.title='injected'",
  ']]>&amp;&#60;script&#62;',
  '::error title=x::y\n::set-output name=z::1',
  '[click](javascript:alert(1)) `code` **bold**',
  '\u001b[2J\u001b]0;title\u0007',
  '\u202eesrever\u2028line\u2029paragraph',
  '\ud800 half \udc00 a pair \uffff',
  '{{constructor.constructor("return 1")()}} __proto__',
] as const;

/** A report in which every string that a trace can hold is one of {@link HOSTILE_TEXTS}, in turn. */
export const hostile: CheckReport = (() => {
  let turn = 0;
  const next = (): string => HOSTILE_TEXTS[turn++ % HOSTILE_TEXTS.length] ?? '';
  const findings = HOSTILE_TEXTS.map((title, index) => ({
    ...useAfterFree,
    title,
    signature: index.toString(16).padStart(16, '0'),
    driver: next(),
    device: next(),
    mapping: { iova: '0x1000', phys: '0x2000', sizeBytes: 4096, domain: next(), device: next() },
    facts: [{ name: next(), value: next() }],
    advice: [next()],
    story: useAfterFree.story.map(event => ({
      ...event,
      task: next(),
      stack: [
        { address: '0xffffffff81000000', symbol: next(), offset: 1, size: 2, module: next() },
        ...event.stack,
      ],
      location: { file: next(), offset: 0x1000 },
    })),
  }));
  const base = report(findings);
  return {
    ...base,
    trace: { ...base.trace, files: [next()], kernel: next(), format: next(), clock: next() },
    notes: [next()],
    gaps: [{ file: next(), offset: 1, message: next() }],
    skippedChecks: [{ rule: 'map-free-page', reason: next() }],
    lost: { events: 3, uncountedGaps: 0, windows: [{ cpu: 0, count: 3, sinceNs: 8e9, untilNs: 8.1e9 }] },
  };
})();
