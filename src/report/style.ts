import picocolors from 'picocolors';
import type { Severity } from '../findings/rule.ts';

type Paint = (text: string) => string;

/** The few ways in which a text report sets words apart, all of them the identity where colour is off. */
export interface Style {
  readonly severity: Readonly<Record<Severity, Paint>>;
  readonly heading: Paint;
  /** What must not be overlooked. */
  readonly alarm: Paint;
  readonly good: Paint;
  /** What is there for reference. */
  readonly faint: Paint;
}

/** Where text goes: how wide a line may be, and how words are set apart. */
export interface Page {
  readonly width: number;
  readonly style: Style;
}

/** @param width columns; lines of fewer than 40 are not made */
export function newPage(width: number, color: boolean): Page {
  const colors = picocolors.createColors(color);
  return {
    width: Math.max(40, width),
    style: {
      severity: {
        error: text => colors.bold(colors.red(text)),
        warning: text => colors.bold(colors.yellow(text)),
        note: text => colors.bold(colors.cyan(text)),
      },
      heading: colors.bold,
      alarm: text => colors.bold(colors.red(text)),
      good: text => colors.bold(colors.green(text)),
      faint: colors.dim,
    },
  };
}
