import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageData, PageReport } from '../../src/report/page-data.ts';
import { Findings } from './findings.tsx';
import { Help } from './help.tsx';
import { IovaMaps } from './iova-map.tsx';
import { useKeys } from './keys.ts';
import { Limits, LossNotice } from './limits.tsx';
import { MappingsChart } from './mappings-chart.tsx';
import { StacksContext } from './stack.tsx';
import { Summary } from './summary.tsx';
import { ThemeButton, useTheme } from './theme.tsx';

/** The whole page: one report, and a choice where there are several. */
export function App({ data }: { data: PageData }) {
  const [selected, select] = useState(0);
  const theme = useTheme();
  const help = useRef<HTMLDialogElement>(null);
  useKeys({ '?': () => help.current?.showModal(), t: theme.next });
  const report = data.reports[selected];
  const name = report === undefined ? 'no report' : nameOf(report);
  useEffect(() => {
    document.title = `${name} · iommusan`;
  }, [name]);

  return (
    <StacksContext.Provider value={data}>
      <a class="skip" href="#findings">
        Skip to the findings
      </a>
      <header class="top">
        <span class="brand">iommusan</span>
        {data.reports.length > 1 ? (
          <label class="choice">
            <span class="quiet">Trace</span>
            <select value={selected} onChange={event => select(Number(event.currentTarget.value))}>
              {data.reports.map((one, index) => (
                <option value={index}>{nameOf(one)}</option>
              ))}
            </select>
          </label>
        ) : (
          <span class="trace-name">{name}</span>
        )}
        <span class="tools">
          <ThemeButton theme={theme} />
          <button type="button" class="plain" onClick={() => help.current?.showModal()} aria-label="Keys">
            ?
          </button>
        </span>
      </header>
      {report === undefined ? (
        <main>
          <p>This page holds no report.</p>
        </main>
      ) : (
        <Report key={selected} report={report} theme={theme.name} />
      )}
      <Help dialog={help} />
    </StacksContext.Provider>
  );
}

function Report({ report, theme }: { report: PageReport; theme: string }) {
  const { series } = report;
  return (
    <main>
      <Summary report={report} />
      <LossNotice report={report} />
      <Findings report={report} />
      {series !== undefined && series.devices.length > 0 && (
        <MappingsChart series={series} report={report} theme={theme} />
      )}
      {series !== undefined && series.domains.length > 0 && (
        <IovaMaps series={series} report={report} theme={theme} />
      )}
      <Limits report={report} />
      <footer class="quiet">
        {report.tool.name} {report.tool.version} · report version {report.schemaVersion} · this page is
        complete in itself and loads nothing
      </footer>
    </main>
  );
}

function nameOf({ trace }: PageReport): string {
  return trace.files.join(', ');
}
