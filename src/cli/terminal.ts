import type { TextIo } from './io.ts';

export const COLOR_MODES = ['auto', 'always', 'never'] as const;

export type ColorMode = (typeof COLOR_MODES)[number];

/** Lines of prose are not made longer than this, however wide the terminal is. */
const WIDEST = 100;

/** Whether to use colour: what the option says, then `NO_COLOR` and `FORCE_COLOR`, then what standard output is. */
export function wantsColor(mode: ColorMode, { env, stdout }: TextIo): boolean {
  if (mode !== 'auto') return mode === 'always';
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced) return forced !== '0' && forced !== 'false';
  return stdout.isTTY === true && env['TERM'] !== 'dumb';
}

/** Columns to write prose in: those of the terminal, and 80 where there is none or it does not know. */
export function textWidth({ stdout }: TextIo): number {
  return Math.min(stdout.columns || 80, WIDEST);
}
