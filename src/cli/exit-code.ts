/** What the exit status of the command says. */
export const EXIT = {
  /** Nothing found; notes alone are no findings. */
  clean: 0,
  findings: 1,
  usage: 2,
  unreadable: 3,
  tooMuchLost: 4,
  /** A fault in iommusan itself, or a report that could not be written (`EX_SOFTWARE` of sysexits.h). */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Of two verdicts the one that a caller must hear of first: what was not checked at all, or not wholly, leads. */
const PRIORITY: readonly ExitCode[] = [
  EXIT.clean,
  EXIT.findings,
  EXIT.tooMuchLost,
  EXIT.unreadable,
  EXIT.usage,
  EXIT.internal,
];

/** The exit code of a run over several traces. */
export function worse(a: ExitCode, b: ExitCode): ExitCode {
  return PRIORITY.indexOf(a) >= PRIORITY.indexOf(b) ? a : b;
}

/** Which findings make a command fail. */
export const FAIL_ON = ['new', 'all', 'none'] as const;

export type FailOn = (typeof FAIL_ON)[number];
