import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { publicRoutes } from '../../adapters/http/routes/routes.ts';
import { password } from '../adapters/http/world.ts';

// A browser and a server on a busy machine take their time to start.
vi.setConfig({ testTimeout: 90_000 });

const script = fileURLToPath(new URL('./server.ts', import.meta.url));
const commands = { Node: [process.execPath], Deno: ['deno', 'run', '--allow-all', '--quiet'] };
/** Nobody listens there. */
const deadRedis = 'redis://127.0.0.1:1';

/** No sandbox, because CI runs as root; and nothing in the background, which would want a network. */
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

let browser: Browser;
beforeAll(async () => {
  const executablePath = process.env['TEST_CHROMIUM'];
  if (executablePath === undefined) throw new Error('run these by `npm run test:browser`');
  browser = await chromium.launch({ executablePath, args: [...flags, ...quiet] });
});
afterAll(() => browser?.close());

const children: ChildProcess[] = [];
afterEach(async () => {
  // Pages first: they ask their servers every second, and what stands in between would ask one that is gone.
  await Promise.all(
    browser.contexts().map(async (context) => {
      for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    }),
  );
  await Promise.all(
    children.splice(0).map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined;
      child.kill('SIGKILL');
      return once(child, 'exit');
    }),
  );
});

const start = async ([command = '', ...args]: readonly string[], redisUrl = '') => {
  const child = spawn(command, [...args, script, redisUrl], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(child.stdout, 'data');
  const [url = '', opsUrl = ''] = String(line).trim().split(' ');
  return { url, opsUrl, child };
};

/** Opens a page, and keeps whatever its policy refused, it asked of others, or it threw. */
const open = async (
  url: string,
  options: BrowserContextOptions = {},
  prepare?: (page: Page) => Promise<unknown>,
) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(new URL(url).origin) && !asked.startsWith('data:')) complaints.push(asked);
  });
  await prepare?.(page);
  const response = await page.goto(url);
  return { page, complaints, policy: response?.headers()['content-security-policy'] ?? '' };
};

const register = async (url: string, name: string): Promise<string> => {
  const response = await fetch(`${url}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `${name}@example.com`, username: name, password }),
  });
  const session: unknown = await response.json();
  return Object.getOwnPropertyDescriptor(session, 'access_token')?.value;
};

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 } };
const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);
const paperOf = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

describe.each(Object.entries(commands))('the API page on %s', (_, command) => {
  it('shows every operation and asks the API, under its policy and with no other host', async () => {
    const { url } = await start(command);
    const { page, complaints, policy } = await open(`${url}/docs`);
    await page.waitForSelector('.opblock');
    expect(await page.locator('.opblock').count()).toBe(publicRoutes.length);
    expect(await page.locator('#plain').isHidden()).toBe(true);
    const live = page.locator('#operations-health-checkLiveness');
    await live.locator('.opblock-summary-control').click();
    await live.getByRole('button', { name: 'Try it out' }).click();
    await live.getByRole('button', { name: 'Execute' }).click();
    const answer = live.locator('.live-responses-table .response-col_status');
    await answer.filter({ hasText: '200' }).first().waitFor();
    expect(complaints).toEqual([]);
    expect(policy).not.toMatch(/unsafe|\*|http/);
  });
});

describe('the API page', () => {
  it('fits a phone, follows the dark, and is a plain list where no scripts run', async () => {
    const { url } = await start(commands.Node);
    const dark = await open(`${url}/docs`, { ...phone, colorScheme: 'dark' });
    await dark.page.waitForSelector('.opblock');
    expect(await widthOf(dark.page)).toBe(390);
    expect(await dark.page.locator('html.dark-mode').count()).toBe(1);
    const plain = await open(`${url}/docs`, { javaScriptEnabled: false });
    expect(await plain.page.locator('#plain section').count()).toBe(publicRoutes.length);
    expect([...dark.complaints, ...plain.complaints]).toEqual([]);
  });
});

describe.each(Object.entries(commands))('the operations page on %s', (_, command) => {
  it('shows what the cache does, as it happens', async () => {
    const { url, opsUrl } = await start(command);
    const { page, complaints, policy } = await open(opsUrl);
    await page.getByText('healthy', { exact: true }).waitFor();
    // Before anybody asked, there is no rate: no zero, and no hundred.
    expect(await page.locator('#hit-rate').textContent()).toBe('–');
    await page.locator('#log', { hasText: 'open' }).waitFor();
    const token = await register(url, 'ada');
    for (let times = 0; times < 20; times++) {
      await (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).text();
    }
    await page.locator('#hit-rate', { hasText: /^9\d\.\d %$/ }).waitFor();
    await page.locator('#chart-lookups canvas').waitFor();
    expect(await page.locator('#chart-lookups .u-legend').textContent()).toContain('memory');
    await page
      .locator('#reads tr', { hasText: 'users' })
      .getByText(/^9\d\.\d %$/)
      .waitFor();
    expect(complaints).toEqual([]);
    expect(policy).not.toMatch(/unsafe|\*|http/);
  });
});

describe('the operations page', () => {
  it('fits a phone and follows the dark', async () => {
    const { opsUrl } = await start(commands.Node);
    const light = await open(opsUrl, phone);
    const dark = await open(opsUrl, { ...phone, colorScheme: 'dark' });
    for (const { page } of [light, dark]) {
      await page.getByText('healthy', { exact: true }).waitFor();
      expect(await widthOf(page)).toBe(390);
    }
    expect(await paperOf(light.page)).not.toBe(await paperOf(dark.page));
    expect([...light.complaints, ...dark.complaints]).toEqual([]);
  });

  it('says that Redis is gone, and what that means', async () => {
    const { opsUrl } = await start(commands.Node, deadRedis);
    const { page, complaints } = await open(opsUrl);
    await page.getByText('degraded', { exact: true }).waitFor();
    await page.getByText('Redis is out of use. Every answer stays right').waitFor();
    expect(await page.locator('#staleness').textContent()).toBe('unproved');
    expect(complaints).toEqual([]);
  });

  it.each([
    ['closed', 'degraded', 'so nothing is served from a cache'],
    ['without-database', 'in trouble', 'What is cached is served for a limited time'],
  ])('says that the gate is %s, what that means, and what was not believed', async (gate, status, notice) => {
    const { opsUrl } = await start(commands.Node);
    const { page, complaints } = await open(opsUrl, {}, (page) =>
      page.route('**/state?*', async (route) => {
        const response = await route.fetch();
        const state = await response.json();
        const checks = { answered: 40, refused: 2, silent: 1, anew: 0 };
        const json = {
          ...state,
          cache: { ...state.cache, gate },
          log: { age_ms: 4000, bound_ms: 2000, checks },
          disbeliefs: { unproved: 0, 'other-epoch': 7, outdated: 5, unchecked: 0 },
          audits: { audited: 31, stale: 0 },
        };
        await route.fulfill({ response, json });
      }),
    );
    await page.getByText(status, { exact: true }).waitFor();
    await page.locator('#notices', { hasText: notice }).waitFor();
    const facts = (await page.locator('#log').textContent()) ?? '';
    for (const fact of [
      /4\.0 s ago/,
      /checks without one\s*3/,
      /values not believed\s*12/,
      /other epoch\s*7/,
      /answers audited\s*31\s*of them too old\s*0/,
    ]) {
      expect(facts).toMatch(fact);
    }
    expect(complaints).toEqual([]);
  });

  it('says that an answer was too old', async () => {
    const { opsUrl } = await start(commands.Node);
    const { page, complaints } = await open(opsUrl, {}, (page) =>
      page.route('**/state?*', async (route) => {
        const response = await route.fetch();
        await route.fulfill({
          response,
          json: { ...(await response.json()), audits: { audited: 9, stale: 1 } },
        });
      }),
    );
    await page.getByText('in trouble', { exact: true }).waitFor();
    await page.locator('#notices', { hasText: 'older than is promised' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('says that the process is gone, and does not go on as if it were healthy', async () => {
    const { opsUrl, child } = await start(commands.Node);
    const { page } = await open(opsUrl);
    await page.getByText('healthy', { exact: true }).waitFor();
    child.kill('SIGKILL');
    await page.getByText('no answer', { exact: true }).waitFor();
    expect(await page.getByText('healthy', { exact: true }).count()).toBe(0);
  });

  it('shows what was logged as text, whatever it is', async () => {
    const { opsUrl } = await start(commands.Node);
    const markup = '<img src=x onerror="document.title=1">';
    const { page, complaints } = await open(opsUrl, {}, (page) =>
      page.route('**/state?*', async (route) => {
        const response = await route.fetch();
        const event = { number: 1, at: new Date(0).toISOString(), level: 'warn', event: markup, times: 1 };
        const json = { ...(await response.json()), events: [{ ...event, fields: { [markup]: markup } }] };
        await route.fulfill({ response, json });
      }),
    );
    await page.locator('#events .event', { hasText: markup }).waitFor();
    expect(await page.locator('#events img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
