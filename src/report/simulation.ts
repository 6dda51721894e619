import type { Finding } from '../findings/finding.ts';
import { cellTable } from './cell-table.ts';
import { joinParagraphs, type Paragraph } from './paragraphs.ts';
import { section } from './section.ts';
import { newPage, type Page } from './style.ts';
import { tableLines } from './table.ts';
import { counted, times } from './words.ts';
import { bullet, wrap } from './wrap.ts';

/** One line of the story of a simulated machine. */
export interface SimulationStep {
  readonly operation: string;
  readonly returned: string;
  readonly refs: string;
  readonly printed: readonly string[];
  readonly reach: readonly string[];
}

/** What a simulated run has shown. */
export interface SimulationView {
  readonly id: string;
  readonly title: string;
  readonly story: string;
  /** What the machine is made of, in words. */
  readonly machine: readonly string[];
  readonly steps: readonly SimulationStep[];
  /** "Detected page leak!" lines of the kernel. */
  readonly pageLeaks: number;
  /** The same, counted by iommusan from the events. */
  readonly kernelWarnings: number;
  /** Accesses of devices: all, those that reached a page of another, and in words what these were. */
  readonly accesses: number;
  readonly badAccesses: readonly string[];
  /** DMA unmaps whose ops were not those of the map any more. */
  readonly deadUnmaps: readonly string[];
  readonly findings: readonly Pick<Finding, 'rule' | 'severity' | 'title' | 'count' | 'pages'>[];
  /** What did not come out as the scenario says. */
  readonly differences: readonly string[];
}

/** A scenario in a list of them. */
export interface ScenarioLine {
  readonly id: string;
  readonly title: string;
  readonly formats: readonly string[];
}

export interface SimulationOptions {
  readonly color: boolean;
  readonly width: number;
}

/** More lines of the kernel's log than this are not shown for one step. */
const MOST_LINES = 3;

/** The story of a simulated run, step by step, and the verdicts on it. */
export function renderSimulation(view: SimulationView, options: SimulationOptions): string {
  const page = newPage(options.width, options.color);
  const lines = joinParagraphs([
    [
      ...wrap(`${view.id}: ${view.title}`, page.width).map(page.style.heading),
      ...wrap(view.story, page.width),
    ],
    view.machine.flatMap(line => wrap(line, page.width)).map(page.style.faint),
    stepTable(view.steps, page),
    kernelVerdict(view, page),
    truthVerdict(view, page),
    section(
      'Unmapped through dead ops',
      view.deadUnmaps.flatMap(text => bullet(text, page.width)),
      page,
    ),
    findingsVerdict(view, page),
    section(
      'Not as the scenario says',
      view.differences.flatMap(text => bullet(text, page.width)),
      page,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

/** The scenarios that can be simulated. */
export function renderScenarioList(scenarios: readonly ScenarioLine[]): string {
  const columns = [{ title: 'Scenario' }, { title: 'Page tables' }, { title: 'What happens' }];
  const rows = scenarios.map(({ id, title, formats }) => [id, formats.join(' '), title]);
  return `${tableLines(columns, rows).join('\n')}\n`;
}

function stepTable(steps: readonly SimulationStep[], page: Page): Paragraph {
  const columns = [
    { title: '#', share: 1 },
    { title: 'Operation', share: 9 },
    { title: 'Returned', share: 4 },
    { title: 'Counters', share: 5 },
    { title: 'Kernel prints', share: 7 },
    { title: 'Device reaches', share: 6 },
  ];
  const rows = steps.map(({ operation, returned, refs, printed, reach }, index) => [
    String(index + 1),
    operation,
    returned,
    refs,
    printedText(printed),
    reach.join('; '),
  ]);
  return cellTable(columns, rows, page);
}

function printedText(printed: readonly string[]): string {
  if (printed.length <= MOST_LINES) return printed.join('; ');
  return `${printed[0]}; and ${printed.length - 1} more`;
}

function kernelVerdict({ pageLeaks, kernelWarnings, steps }: SimulationView, page: Page): Paragraph {
  const other = steps.reduce((sum, { printed }) => sum + printed.length, 0) - pageLeaks;
  const said =
    pageLeaks + other === 0
      ? 'The kernel prints nothing.'
      : `The kernel prints ${pageLeaks} times "Detected page leak!" and ${other} other ${other === 1 ? 'line' : 'lines'}.`;
  const counted =
    kernelWarnings === pageLeaks
      ? `iommusan counts the same from the events (--accounting kernel).`
      : `From the events iommusan counts ${kernelWarnings} (--accounting kernel).`;
  return wrap(`${said} ${counted}`, page.width);
}

function truthVerdict({ accesses, badAccesses }: SimulationView, page: Page): Paragraph {
  if (badAccesses.length === 0) {
    if (accesses === 0) return ['No access of a device got through.'];
    return wrap(
      `The truth: of ${accesses} accesses of devices none reached a page of another owner.`,
      page.width,
    );
  }
  const lines = badAccesses.slice(0, 10).flatMap(text => bullet(text, page.width));
  const more = badAccesses.length > 10 ? [`  and ${badAccesses.length - 10} more`] : [];
  const often = times(badAccesses.length);
  const title = `The truth: devices reached a page of another owner ${often}, table walks included; ${counted(accesses, 'access', 'accesses')} got through`;
  return [...wrap(title, page.width).map(page.style.alarm), ...lines, ...more];
}

function findingsVerdict({ findings }: SimulationView, page: Page): Paragraph {
  if (findings.length === 0) return ['iommusan finds nothing.'];
  const lines = findings.flatMap(({ rule, severity, title, count, pages }) => {
    const amounts = [count > 1 ? `${count} times` : '', pages > 1 ? `${pages} pages` : ''].filter(
      text => text !== '',
    );
    const tail = amounts.length > 0 ? ` (${amounts.join(', ')})` : '';
    const [first = '', ...rest] = wrap(
      `${rule}: ${title}${tail}`,
      page.width,
      `  ${severity.toUpperCase()} `,
      '    ',
    );
    return [
      first.replace(severity.toUpperCase(), page.style.severity[severity](severity.toUpperCase())),
      ...rest,
    ];
  });
  return section('iommusan finds', lines, page);
}
