import { existsSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTrace, livesOf, RULES, traceStats } from '../../src/index.ts';
import { renderHtml } from '../../src/report/html.ts';
import { run } from '../cli/harness.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { HOSTILE_TEXTS, hostile } from '../report/hostile.ts';
import {
  incomplete,
  possibleFinding,
  report,
  smallNote,
  unbindLeak,
  useAfterFree,
} from '../report/samples.ts';
import { CHROMIUM, launch, open } from './chromium.ts';

/** `npm ci` builds it. */
const BUILT = new URL('../../dist/web/report.html', import.meta.url);
const files = temporaryFiles();

const whyNot =
  CHROMIUM === undefined ? 'Chromium is not installed' : existsSync(BUILT) ? undefined : 'dist is not built';

// The title of the suite says what is missing; CI installs Chromium and builds.
describe.skipIf(whyNot !== undefined)(
  `the page in Chromium${whyNot === undefined ? '' : `: ${whyNot}`}`,
  () => {
    let browser: Browser;
    const paths: Record<string, string> = {};

    beforeAll(async () => {
      const page = readFileSync(BUILT, 'utf8');
      const uaf = await checkTrace('examples/uaf.dat', { detail: true });
      const stored = report([useAfterFree, unbindLeak, possibleFinding, smallNote], incomplete);
      paths['uaf'] = files.write('uaf.html', renderHtml([uaf], page));
      paths['stored'] = files.write('stored.html', renderHtml([stored], page));
      paths['several'] = files.write('several.html', renderHtml([stored, uaf], page));
      paths['hostile'] = files.write('hostile.html', renderHtml([hostile], page));
      browser = await launch();
    });
    afterAll(() => browser?.close());

    const shown = (page: Page): Promise<string[]> => page.locator('.finding .rule').allTextContents();

    it.each([
      ['uaf', 400, 'light'],
      ['uaf', 1600, 'dark'],
      ['stored', 400, 'dark'],
      ['several', 1600, 'light'],
    ] as const)(
      'opens %s from disk at %i px in %s without complaint, network or sideways scrolling',
      async (name, width, scheme) => {
        const { page, complaints, requests } = await open(browser, paths[name] ?? '', { width, scheme });
        // The only finding of a trace is open already, and this key would fold it.
        if (name !== 'uaf') await page.keyboard.press('e');
        await page.locator('.heading[aria-expanded="false"]').first().waitFor({ state: 'detached' });
        await page.keyboard.press('t');
        expect(complaints).toEqual([]);
        expect(requests.filter(url => !url.startsWith('data:'))).toEqual([`file://${paths[name]}`]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        await page.close();
      },
    );

    it('shows the verdict, the story in order and the time line of the page', async () => {
      const { page } = await open(browser, paths['uaf'] ?? '');
      expect(await page.title()).toBe('examples/uaf.dat · iommusan');
      expect(await page.locator('h1').textContent()).toBe('1 error');
      const deeds = await page.locator('.story .deed strong').allTextContents();
      expect(deeds).toEqual(['Page allocated', 'Mapped', 'Page freed', 'Page allocated', 'Unmapped']);
      const lanes = await page.locator('.time-line .lane-name').allTextContents();
      expect(lanes).toEqual(['allocated', 'mapped', 'exposed']);
      expect(await page.locator('.event-mark').count()).toBe(5);
      expect(await page.locator('.event-mark.fired').textContent()).toContain('3');
      await page.getByRole('button', { name: /the whole life of the page/ }).click();
      expect(await page.locator('.story .event').count()).toBeGreaterThan(10);
      await page.close();
    });

    it('is written by check, and the same by report from what check has stored', async () => {
      const library = { RULES, checkTrace, livesOf, traceStats };
      const direct = files.path('direct.html');
      const stored = files.path('stored.json');
      const later = files.path('later.html');
      await run(['check', '--format', 'html', '-o', direct, 'examples/uaf.dat'], { library });
      await run(['check', '--format', 'json', '--detail', '-o', stored, 'examples/uaf.dat'], { library });
      await run(['report', '--format', 'html', '-o', later, stored], { library });
      expect(readFileSync(direct, 'utf8')).toBe(readFileSync(later, 'utf8'));
      const { page, complaints } = await open(browser, later);
      expect(await page.locator('.event-mark').count()).toBe(5);
      expect(complaints).toEqual([]);
      await page.close();
    });

    it('draws the charts', async () => {
      const { page } = await open(browser, paths['uaf'] ?? '');
      for (const selector of ['.chart canvas', '.iova-map canvas']) {
        const colours = await page.locator(selector).evaluate(element => {
          const canvas = element as HTMLCanvasElement;
          const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
            data: [],
          };
          return new Set(
            Array.from({ length: data.length / 4 }, (_, i) => `${data[4 * i]},${data[4 * i + 1]}`),
          ).size;
        });
        expect(colours).toBeGreaterThan(2);
      }
      await page.locator('.iova-map canvas').focus();
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('.cell-told').textContent()).toMatch(
        /^0xffff000 to 0xfffffff at .*: 4 KiB mapped$/,
      );
      await page.close();
    });

    it('finds by words, and filters by rule and severity', async () => {
      const { page } = await open(browser, paths['stored'] ?? '');
      const all = ['free-while-mapped', 'unbind-leak', 'free-while-mapped', 'multiple-map'];
      expect(await shown(page)).toEqual(all);
      const search = page.getByRole('searchbox');
      await search.fill('modprobe LEAK');
      expect(await shown(page)).toEqual(['unbind-leak']);
      expect(await page.getByRole('status').first().textContent()).toBe('1 of 4');
      await search.press('Escape');
      expect(await shown(page)).toEqual(all);
      await page.getByRole('combobox', { name: 'Filter by rule' }).selectOption('free-while-mapped');
      expect(await shown(page)).toEqual(['free-while-mapped', 'free-while-mapped']);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'note', exact: true }).click();
      expect(await shown(page)).toEqual(['multiple-map']);
      await search.fill('nothing like it');
      expect(await page.getByText('No finding matches.').count()).toBe(1);
      await page.getByRole('button', { name: 'Show all' }).click();
      expect(await shown(page)).toEqual(all);
      await page.close();
    });

    it('can be used with the keyboard alone', async () => {
      const { page } = await open(browser, paths['stored'] ?? '');
      await page.keyboard.press('/');
      expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('search');
      await page.keyboard.press('Escape');
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      expect(await page.locator('.heading').nth(1).getAttribute('aria-expanded')).toBe('true');
      await page.locator('.finding').nth(1).locator('.story').waitFor();
      await page.keyboard.press('k');
      await page.keyboard.press('Enter');
      await page.locator('.finding').first().locator('summary').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('.stack li', { hasText: 'iommu_map_nosync' }).first().waitFor();
      await page.keyboard.press('e');
      expect(await page.locator('.heading[aria-expanded="true"]').count()).toBe(4);
      await page.keyboard.press('?');
      expect(await page.getByRole('dialog').isVisible()).toBe(true);
      await page.keyboard.press('Escape');
      expect(await page.getByRole('dialog').isVisible()).toBe(false);
      await page.close();
    });

    it('shows what it can of a report that was stored without details, and its loss', async () => {
      const { page } = await open(browser, paths['stored'] ?? '');
      expect(await page.locator('.loss').textContent()).toContain('Events lost: 20,956 events');
      await page.locator('.heading').first().click();
      expect(await page.locator('.event-mark').count()).toBe(3);
      expect(await page.locator('.chart').count()).toBe(0);
      await page.close();
    });

    it('says no more than what is known where nothing was found', async () => {
      const suppressed = [{ reason: 'known', file: 'f', line: 1, finding: unbindLeak }];
      const file = files.write(
        'nothing.html',
        renderHtml([report([], { ...incomplete, suppressed })], readFileSync(BUILT, 'utf8')),
      );
      const { page } = await open(browser, file);
      expect(await page.locator('h1').textContent()).toBe(
        'No DMA lifetime bug found beside what is suppressed in what could be read',
      );
      await page.close();
    });

    it('lets a reader choose between several traces, and between light and dark', async () => {
      const { page } = await open(browser, paths['several'] ?? '');
      await page.getByRole('combobox', { name: 'Trace' }).selectOption('1');
      expect(await page.locator('h1').textContent()).toBe('1 error');
      const background = (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await background();
      await page.getByRole('button', { name: 'Colours: auto' }).click();
      await page.getByRole('button', { name: 'Colours: light' }).click();
      expect(await background()).not.toBe(light);
      await page.close();
    });

    it('shows every text of a hostile trace as text, and runs none of it', async () => {
      const { page, complaints } = await open(browser, paths['hostile'] ?? '');
      await page.keyboard.press('e');
      expect(await page.title()).not.toBe('injected');
      // The page's own elements, and nothing that a text could have made.
      expect(
        await page.locator('img, iframe, object, embed, link[rel=stylesheet], [onload], [onerror]').count(),
      ).toBe(0);
      expect(await page.locator('script').count()).toBe(2);
      expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
      const text = await page.locator('body').innerText();
      for (const hostileText of HOSTILE_TEXTS.slice(0, 6)) expect(text).toContain(hostileText);
      expect(complaints).toEqual([]);
      await page.close();
    });

    it('would not run a script that got into it all the same', async () => {
      const { page, complaints } = await open(browser, paths['uaf'] ?? '');
      await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'document.title = "injected"';
        document.body.append(script);
      });
      expect(await page.title()).not.toBe('injected');
      expect(complaints.join()).toContain('Content Security Policy');
      await page.close();
    });
  },
);
