import { render } from 'preact';
import type { PageData } from '../../src/report/page-data.ts';
import { App } from './app.tsx';
import 'uplot/dist/uPlot.min.css';
import './style.css';

const page = document.getElementById('page');
const text = document.getElementById('data')?.textContent ?? '';
if (page !== null) {
  page.replaceChildren();
  render(<App data={JSON.parse(text) as PageData} />, page);
}
