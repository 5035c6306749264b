// What the browser tests stand on: the built program on fresh data, a proxy that can cut a visitor's network, a browser, axe.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const account = 'AC' + 'e2e0'.repeat(8);
export const authToken = 'e2e1'.repeat(8);

const freePort = () => new Promise((resolve) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => resolve(port));
  });
});

/** Starts the program and returns its address, its sign-in link and a REST client. */
export async function start() {
  const binary = process.env.USHER_BIN;
  if (!binary) throw new Error('USHER_BIN must name the built program');
  const data = mkdtempSync(join(tmpdir(), 'usher-e2e-'));
  const port = await freePort();
  const child = spawn(binary, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--metrics', 'off'], {
    env: { ...process.env, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: authToken },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '', log = '';
  child.stderr.on('data', (b) => (log += b));
  const link = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the program printed no link:\n' + printed + log)), 20_000);
    child.on('exit', (code) => reject(new Error(`the program ended with ${code}:\n${log}`)));
    child.stdout.on('data', (b) => {
      printed += b;
      const found = /(http\S+once=\S+)/.exec(printed);
      if (found) {
        clearTimeout(late);
        resolve(found[1]);
      }
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const demo = /(http\S+\/demo\/\S*)/.exec(printed)?.[1] ?? `${url}/demo/`;
  const rest = async (method, path, form) => {
    const res = await fetch(url + path, {
      method,
      headers: { authorization: 'Basic ' + Buffer.from(`${account}:${authToken}`).toString('base64') },
      body: form && new URLSearchParams(form),
    });
    const body = res.status === 204 ? {} : await res.json();
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${JSON.stringify(body)}`);
    return body;
  };
  const stop = () => new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.on('exit', () => (rmSync(data, { recursive: true, force: true }), resolve()));
    child.kill('SIGTERM');
  });
  return { url, port, link, demo, printed: () => printed, log: () => log, rest, stop };
}

/** A TCP proxy before a port that can be cut and mended. */
export async function proxy(port) {
  const open = new Set();
  let cut = false;
  const server = net.createServer((client) => {
    if (cut) return client.destroy();
    const up = net.connect(port, '127.0.0.1');
    for (const s of [client, up]) {
      open.add(s);
      s.on('close', () => (open.delete(s), client.destroy(), up.destroy()));
      s.on('error', () => {});
    }
    client.pipe(up).pipe(client);
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      cut = true;
      for (const s of open) s.destroy();
    },
    mend: () => (cut = false),
    stop: () => (server.close(), open.forEach((s) => s.destroy())),
  };
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
});

/** A page that reports what it should not do: errors on the console, requests to another origin. */
export async function visit(browser, name, complain, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.on('pageerror', (e) => complain(`${name}: ${e.message}`));
  page.on('console', (m) => {
    // A cut network and a session that is not there yet make the browser itself complain.
    if (m.type() === 'error' && !/net::ERR|WebSocket|status of 401|status of 404/.test(m.text())) complain(`${name} console: ${m.text()}`);
  });
  page.on('request', (r) => {
    if (!/^(http:\/\/127\.0\.0\.1|data:|blob:)/.test(r.url())) complain(`${name} asks ${r.url()}`);
  });
  return page;
}

/** The widget's own document inside a page. */
export const widget = async (page) => {
  await page.waitForFunction(() => window.Usher);
  for (let i = 0; i < 100; i++) {
    const frame = page.frames().find((f) => new URL(f.url()).pathname.startsWith('/widget/'));
    if (frame && (await frame.locator('main').count())) return frame;
    await page.waitForTimeout(50);
  }
  throw new Error('the widget did not open');
};

/** Waits until the page shows what it was last told: two frames, and the end of every movement that has one. */
export const settled = (frame) => frame.evaluate(async () => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const moving = () => document.getAnimations().filter((each) => each.playState === 'running' && Number.isFinite(each.effect?.getComputedTiming().endTime));
  await drawn();
  for (let left = moving(); left.length > 0; left = moving()) {
    await Promise.all(left.map((each) => each.finished.catch(() => undefined)));
    await drawn();
  }
});

/** What axe finds in a page, or in a frame of it, in light and in dark. Colours change over 180 ms, at once with reduced motion. */
export async function findings(page, frame = page.mainFrame()) {
  const out = [];
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    await settled(frame);
    await frame.evaluate(axe);
    const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false }));
    for (const v of violations) out.push(`${scheme} ${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await settled(frame);
  return out;
}

/** Counts what holds and what does not; done() says how many, and ends the program. */
export function tally() {
  let passed = 0, failed = 0;
  return {
    check(what, ok, detail = '') {
      ok ? passed++ : failed++;
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
    },
    done() {
      console.log(`${passed} passed, ${failed} failed`);
      process.exit(failed ? 1 : 0);
    },
  };
}

const password = 'a short sentence is easy';

async function signedIn(browser, name, link, complain) {
  const page = await visit(browser, name, complain);
  await page.goto(link);
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();
  return page;
}

/** An agent who is signed in on the desk and available. */
export async function agentOn(browser, server, complain) {
  const admin = await signedIn(browser, 'the administrator', server.link, complain);
  const link = await admin.evaluate(async () => {
    const person = { email: 'mirela@shop.example', name: 'Mirela Pop', role: 'agent' };
    const answered = await fetch('/signin/people', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(person) });
    return (await answered.json()).link;
  });
  await admin.context().close();
  const desk = await signedIn(browser, 'the agent', link, complain);
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  await desk.getByRole('button', { name: /Your status: Available/ }).waitFor();
  return desk;
}

/** Opens the widget, fills the demo shop's form and answers the widget's document. */
export async function begin(page, name) {
  await page.evaluate(() => window.Usher.open());
  const app = await widget(page);
  await app.getByLabel('Name').fill(name);
  await app.getByLabel(/E-mail/).fill('visitor@shop.example');
  await app.getByRole('button', { name: 'Start chat' }).click();
  await app.getByRole('textbox', { name: 'Write a message' }).waitFor();
  return app;
}

/** The agent takes the conversation of that name. */
export async function answer(desk, name) {
  const card = desk.getByRole('article', { name });
  await card.getByRole('button', { name: 'Accept' }).click();
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
}

/** Writes into the box of that label, and sends. */
export async function write(root, label, text) {
  const box = root.getByRole('textbox', { name: label });
  await box.fill(text);
  await box.press('Enter');
}

/** A person's page: signed in by a link that works once, with a password chosen. */
export async function signIn(browser, name, link, complain) {
  const page = await visit(browser, name, complain);
  await page.goto(link);
  await page.getByLabel('New password').fill('a short sentence is easy');
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();
  return page;
}

/** The link of an agent whom the administrator invites. */
export const invite = (admin) => admin.evaluate(async () => {
  const res = await fetch('/signin/people', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'mirela@shop.example', name: 'Mirela Pop', role: 'agent' }),
  });
  return (await res.json()).link;
});

/** The agent takes chats from now on. */
export async function available(desk) {
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  await desk.getByRole('button', { name: /Your status: Available/ }).waitFor();
}
