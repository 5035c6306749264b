// Screenshots of the faked desk in every state, and axe on each. node dev/shots.mjs [name ...]; BASE, OUT by environment.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5199';
const out = process.env.OUT ?? '/tmp/desk-shots';
// Evaluated, not injected: the page's policy forbids inline scripts.
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(out, { recursive: true });

const chat = (n) => `/desk/chat/WT${((n * 2654435761) >>> 0).toString(16).padStart(8, '0').repeat(4)}`;
const states = [
  { name: 'desk', fake: 'desk', path: chat(2) },
  { name: 'task', fake: 'desk', path: chat(2), act: async (page) => { if (!(await page.getByRole('tab', { name: 'Task' }).count())) await page.getByRole('button', { name: 'Customer panel' }).click(); await page.getByRole('tab', { name: 'Task' }).click(); } },
  { name: 'list', fake: 'desk', path: '/desk/' },
  { name: 'offline', fake: 'offline', path: chat(2), wait: 3000 },
  { name: 'wrapup', fake: 'desk', path: chat(5) },
  { name: 'pending', fake: 'desk', path: chat(1) },
  { name: 'long', fake: 'long', path: chat(2) },
  { name: 'closed', fake: 'closed', path: chat(2) },
  { name: 'ended', fake: 'desk', path: chat(2), act: (page) => page.getByRole('button', { name: 'End chat' }).first().click() },
  { name: 'chatloading', fake: 'chatloading', path: chat(2) },
  { name: 'chaterror', fake: 'chaterror', path: chat(2) },
  { name: 'gone', fake: 'desk', path: '/desk/chat/WT00' },
  { name: 'empty', fake: 'empty', path: '/desk/' },
  { name: 'status', fake: 'empty', path: '/desk/', act: (page) => page.getByRole('button', { name: /Your status/ }).click() },
  { name: 'away', fake: 'away', path: '/desk/' },
  { name: 'loading', fake: 'loading', path: '/desk/' },
  { name: 'error', fake: 'error', path: '/desk/', wait: 2500 },
  { name: 'account', fake: 'empty', path: '/desk/', act: (page) => page.getByRole('button', { name: /Your account/ }).click() },
  { name: 'palette', fake: 'desk', path: chat(2), act: (page) => page.keyboard.press('Control+k') },
  { name: 'sheet', fake: 'empty', path: '/desk/', act: (page) => page.keyboard.press('?') },
  { name: 'signin', fake: 'signin', path: '/desk/signin' },
  { name: 'signin-error', fake: 'signin', path: '/desk/signin', act: async (page) => { await page.getByLabel('Email').fill('mirela@lantern.example'); await page.locator('#password').fill('no'); await page.getByRole('button', { name: 'Sign in' }).click(); } },
  { name: 'once', fake: 'once', path: '/desk/signin#once=abc' },
  { name: 'testdrive', fake: 'desk', path: '/desk/admin/testdrive' },
  { name: 'channels', fake: 'desk', path: '/desk/admin/channels' },
  { name: 'channels-edit', fake: 'desk', path: '/desk/admin/channels', act: (page) => page.getByRole('button', { name: 'Shop chat', exact: true }).click() },
  { name: 'channels-new', fake: 'desk', path: '/desk/admin/channels', act: (page) => page.getByRole('button', { name: 'New flow' }).click() },
  { name: 'channels-empty', fake: 'bare', path: '/desk/admin/channels' },
  { name: 'channels-error', fake: 'error', path: '/desk/admin/channels', wait: 2500 },
  { name: 'channels-loading', fake: 'loading', path: '/desk/admin/channels' },
  { name: 'workers', fake: 'desk', path: '/desk/admin/workers' },
  { name: 'workers-edit', fake: 'desk', path: '/desk/admin/workers', act: (page) => page.getByRole('button', { name: 'Tom Adeyemi', exact: true }).click() },
  { name: 'workers-invite', fake: 'desk', path: '/desk/admin/workers', act: (page) => page.getByRole('button', { name: 'Invite a person' }).click() },
  { name: 'queues', fake: 'desk', path: '/desk/admin/queues' },
  { name: 'workflows', fake: 'desk', path: '/desk/admin/workflows' },
  { name: 'activities', fake: 'desk', path: '/desk/admin/statuses' },
];

const sizes = { wide: { width: 1440, height: 900 }, middle: { width: 1000, height: 760 }, phone: { width: 390, height: 844 } };
const wanted = process.argv.slice(2);
const modes = (process.env.MODES ?? 'wide-light,wide-dark,phone-light,phone-dark').split(',');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let findings = 0;
for (const mode of modes) {
  const [size, scheme] = mode.split('-');
  for (const state of states.filter((each) => wanted.length === 0 || wanted.includes(each.name))) {
    const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, hasTouch: size === 'phone', locale: process.env.LANG_TAG ?? 'en-GB', timezoneId: 'Europe/Lisbon' });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log(`${state.name} ${mode}: ${error.message}`));
    page.on('console', (message) => message.type() === 'error' && !/404|401|429|503|Failed to load/.test(message.text()) && console.log(`${state.name} ${mode}: ${message.text().slice(0, 300)}`));
    const [path, hash] = state.path.split('#');
    await page.goto(`${base}${path}?fake=${state.fake}${hash ? `#${hash}` : ''}`);
    await page.waitForTimeout(state.wait ?? 900);
    if (process.env.DIR) await page.evaluate((dir) => { document.documentElement.dir = dir; }, process.env.DIR);
    if (process.env.DENSITY) await page.evaluate((density) => document.documentElement.setAttribute('data-density', density), process.env.DENSITY);
    try {
      await state.act?.(page);
      await page.waitForTimeout(400);
    } catch (error) {
      console.log(`${state.name} ${mode}: ${error.message.split('\n')[0]}`);
    }
    await page.screenshot({ path: `${out}/${state.name}-${mode}.png` });
    if (process.env.AXE !== '0') {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const violation of violations) {
        findings += violation.nodes.length;
        console.log(`${state.name} ${mode}: axe ${violation.id} (${violation.nodes.length}) ${violation.nodes[0].html.slice(0, 160)} ${violation.nodes[0].failureSummary.split('\n').slice(1, 2).join(' ').slice(0, 200)}`);
      }
    }
    await context.close();
  }
}
await browser.close();
console.log(`axe findings: ${findings}`);
process.exit(findings ? 1 : 0);
