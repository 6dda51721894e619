import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/checks/all-checks.ts';
import { readRulePage } from '../../src/cli/rule-pages.ts';
import { renderRulePage } from '../../src/report/rule-page.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

/** What a reader of a rule's page looks for, in this order. */
const SECTIONS = [
  'Meaning',
  'Cause',
  'Why it may be benign',
  'How to fix it',
  'Example',
  'What the kernel would have said',
];

/** The text of each section by its heading. */
function sectionsOf(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^## /m);
  return new Map(
    parts.map(part => {
      const [heading = '', ...lines] = part.split('\n');
      return [heading, lines.join('\n').trim()];
    }),
  );
}

describe('the page of', () => {
  it.each(RULES.map(rule => [rule.id, rule] as const))('%s has every section', async (id, rule) => {
    const page = await readRulePage(id);
    const sections = sectionsOf(page);
    expect([...sections.keys()]).toEqual(SECTIONS);
    for (const [heading, text] of sections) expect(`${heading}: ${text}`).toMatch(/: .{10}/s);
    expect(page.startsWith(`# ${id}\n`)).toBe(true);
    expect(page).toContain(`- Severity: ${rule.severity}`);
    expect(page).toContain(`- Default: ${rule.isOffByDefault ? 'off' : 'on'}\n`);
    // An example is of this rule.
    expect(sections.get('Example')).toMatch(new RegExp(`^(ERROR|WARNING|NOTE)(, POSSIBLE)?.*: ${id}:`, 'm'));
  });
});

describe('the pages', () => {
  it('are of rules that exist', () => {
    const pages = readdirSync(`${DOCS}checks`).map(name => name.replace(/\.md$/, ''));
    expect(pages.sort()).toEqual(RULES.map(({ id }) => id).sort());
  });

  it('stand each in the index, with severity and default', () => {
    const index = readFileSync(`${DOCS}checks.md`, 'utf8');
    for (const { id, severity, isOffByDefault, title } of RULES) {
      const row = index.split('\n').find(line => line.startsWith(`| [${id}](checks/${id}.md) | ${severity}`));
      expect(row).toContain(`| ${title} |`);
      expect(row?.includes('off by default')).toBe(isOffByDefault ?? false);
    }
    expect(index).toContain(`${RULES.length} rules.`);
  });

  it('fit a terminal without marks, and keep their examples', async () => {
    for (const { id } of RULES) {
      const text = renderRulePage(await readRulePage(id), { color: false, width: 80 });
      const [prose = '', example = ''] = text.split('\nExample\n');
      for (const line of prose.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      expect(prose).not.toMatch(/[`#]|\]\(|\*\*/);
      expect(example).toMatch(new RegExp(`^ {4}(ERROR|WARNING|NOTE).*: ${id}:`, 'm'));
    }
  });
});
