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
  return { width: Math.max(40, width), style: color ? COLOURED : PLAIN };
}

/** Select Graphic Rendition of ECMA-48: the code that sets a rendition, and the one that takes it back. */
function rendition(on: number, off: number): Paint {
  return text => `\x1b[${on}m${text}\x1b[${off}m`;
}

const bold = rendition(1, 22);
const red = rendition(31, 39);
const green = rendition(32, 39);
const yellow = rendition(33, 39);
const cyan = rendition(36, 39);

const COLOURED: Style = {
  severity: {
    error: text => bold(red(text)),
    warning: text => bold(yellow(text)),
    note: text => bold(cyan(text)),
  },
  heading: bold,
  alarm: text => bold(red(text)),
  good: text => bold(green(text)),
  faint: rendition(2, 22),
};

const asItIs: Paint = text => text;

const PLAIN: Style = {
  severity: { error: asItIs, warning: asItIs, note: asItIs },
  heading: asItIs,
  alarm: asItIs,
  good: asItIs,
  faint: asItIs,
};
