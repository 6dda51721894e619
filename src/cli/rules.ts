import { toJson } from '../report/json.ts';
import { renderRulePage } from '../report/rule-page.ts';
import { renderRules, ruleEntry } from '../report/rules.ts';
import type { EngineLoader } from './engine.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { readRulePage } from './rule-pages.ts';
import { findRule } from './rule-selection.ts';
import { type ColorMode, textWidth, wantsColor } from './terminal.ts';

/** Options of `iommusan rules`, as commander hands them over. */
export interface RulesOptions {
  readonly format: 'text' | 'json';
  readonly color: ColorMode;
}

/** `iommusan rules`: all of them, or the page of one. */
export async function rules(
  id: string | undefined,
  { format, color }: RulesOptions,
  io: Io,
  loadEngine: EngineLoader,
): Promise<ExitCode> {
  const { RULES } = await loadEngine();
  const text = { color: wantsColor(color, io), width: textWidth(io) };
  if (id === undefined) {
    await write(io.stdout, format === 'json' ? toJson(RULES.map(ruleEntry)) : renderRules(RULES, text));
    return EXIT.clean;
  }
  const rule = findRule(id, RULES);
  const page = await readRulePage(rule.id);
  await write(
    io.stdout,
    format === 'json' ? toJson({ ...ruleEntry(rule), page }) : renderRulePage(page, text),
  );
  return EXIT.clean;
}
