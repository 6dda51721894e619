import type { CheckReport } from '../findings/check-report.ts';
import { pageData } from './page-data.ts';
import { unicodeEscape } from './printable.ts';

/** Where the page expects its data. */
const PLACE = '<!--iommusan:data-->';

/**
 * The reports as one page of HTML that needs nothing else: no network, no server.
 *
 * The data stands in a script element that is no script: within it, only the characters that could end it or begin a
 * comment mean anything to a browser, and these are escaped as JSON allows. The page shows every string as text.
 *
 * @param page the page without data, `web/report.html` of the package
 */
export function renderHtml(reports: readonly CheckReport[], page: string): string {
  const [before, after] = page.split(PLACE);
  if (before === undefined || after === undefined) throw new Error(`the page has no ${PLACE}`);
  const json = JSON.stringify(pageData(reports)).replace(/[<>&]/g, unicodeEscape);
  return `${before}${json}${after}`;
}
