// Numbers and carriers, in a real browser: a connection, what is wrong with it, how it stands, a test message.
//   USHER_BIN=bin/usher node e2e/numbers.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { findings, launch, settled, signIn, start } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};

/** A carrier that speaks the Messages API: it takes what comes to it, but for one number. */
const taken = [];
const carrier = http.createServer(async (request, answer) => {
  let body = '';
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const bad = form.get('To') === '+15005550009';
  if (!bad) taken.push({ path: request.url, form });
  answer.writeHead(bad ? 400 : 201, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(bad ? { code: 21211, message: 'not a number', status: 400 } : { sid: `SM${'0'.repeat(31)}${taken.length}`, status: 'queued' }));
});
await new Promise((done) => carrier.listen(0, '127.0.0.1', done));
process.env.USHER_ALLOW_NETWORKS = '127.0.0.0/8';
const complaints = [];
const server = await start();
const browser = await launch();
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page) => {
  const found = await findings(page);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

async function connect(page, drawer) {
  await page.getByRole('button', { name: 'Connect a carrier' }).first().click();
  await drawer.getByRole('button', { name: 'Save' }).click();
  await drawer.getByText('Choose a carrier.').waitFor();
  await drawer.getByLabel('Carrier', { exact: true }).selectOption('twilio');
  await drawer.getByLabel('Numbers and accounts').fill('+15005550110\n0043 664');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await drawer.getByText('One of them is none', { exact: false }).waitFor();
  check('what is missing is said at its field', (await drawer.getByText('The carrier needs this.').count()) === 2);
  await clean('a form with mistakes', page);
  await shot(page, 'numbers-form');
  await drawer.getByLabel('Name', { exact: true }).fill('Main carrier');
  await drawer.getByLabel('Account SID').fill(`AC${'1'.repeat(32)}`);
  await drawer.getByLabel('Auth token').fill('a-secret-token');
  await drawer.getByLabel('API address').fill(`http://127.0.0.1:${carrier.address().port}`);
  await drawer.getByLabel('Numbers and accounts').fill('+15005550110\n+15005550111\n+15005550112');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Main carrier' }).waitFor();
  check('the list shows it, with its numbers', await page.getByText('and 1 more').isVisible());
  await page.getByRole('row', { name: /Main carrier/ }).getByText('Not tried yet').waitFor();
  await clean('the list', page);
}

async function tryIt(page, drawer) {
  await page.getByRole('button', { name: 'Main carrier' }).click();
  await drawer.getByText('One is kept.', { exact: false }).first().waitFor();
  check('the secret is not shown', (await drawer.getByLabel('Auth token').inputValue()) === '' && !(await page.content()).includes('a-secret-token'));
  check('the address for the carrier is shown', /\/carriers\/[A-Z]{2}[0-9a-f]{32}$/.test(await drawer.locator('.link-box code').innerText()));
  const test = drawer.getByRole('form', { name: 'Send a test' });
  await test.getByLabel('To').fill('+15005550006');
  await test.getByRole('button', { name: 'Send it' }).click();
  await test.getByText(/Taken by the carrier|Under way|Waits for the carrier/).waitFor();
  for (let i = 0; i < 100 && taken.length === 0; i++) await page.waitForTimeout(100);
  check('the carrier has got the test', taken.length === 1 && taken[0].form.get('From') === '+15005550110' && taken[0].form.get('Body') === 'This is a test from Usher.', JSON.stringify(taken));
  await test.getByLabel('To').fill('+15005550009');
  await test.getByRole('button', { name: 'Send it' }).click();
  await test.getByText('Failed (21211)').waitFor();
  check('a refusal is shown with its code', true);
  await clean('a connection and its test', page);
  await shot(page, 'numbers-drawer');
  await drawer.getByLabel('Name', { exact: true }).fill('The carrier');
  await test.getByText('Save first', { exact: false }).waitFor();
  await drawer.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'The carrier' }).waitFor();
  await page.getByRole('row', { name: /The carrier/ }).getByText('Well').waitFor();
  check('it is called anew, keeps its secret and is well', true);
  await shot(page, 'numbers');
}

try {
  const page = await signIn(browser, 'admin', server.link, (text) => /status of 400/.test(text) || complaints.push(text));
  await page.goto(`${server.url}/desk/admin`);
  await page.getByRole('link', { name: /^Numbers/ }).click();
  await page.getByRole('button', { name: 'Connect a carrier' }).first().waitFor();
  await clean('before a connection', page);
  const drawer = page.getByRole('dialog');
  await connect(page, drawer);
  await tryIt(page, drawer);
  await page.getByRole('switch', { name: 'Switch The carrier on or off' }).click();
  await page.getByRole('switch', { name: 'Switch The carrier on or off', checked: false }).waitFor();
  check('it is switched off', await page.getByRole('row', { name: /The carrier/ }).getByText('Off', { exact: true }).isVisible());
  await page.setViewportSize({ width: 390, height: 844 });
  await settled(page);
  await shot(page, 'numbers-phone');
  check('on a phone the page is not wider than the screen', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.getByRole('button', { name: 'The carrier' }).click();
  await clean('a connection on a phone', page);
  await shot(page, 'numbers-drawer-phone');
  await drawer.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('button', { name: 'The carrier' }).waitFor({ state: 'detached' });
  check('it is removed', true);
} catch (error) {
  check('the scenario runs to its end', false, error.stack);
  for (const c of browser.contexts()) for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', 'failed.png') }).catch(() => {});
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no number and no secret', !/5005550|a-secret-token/.test(server.log()), server.log().slice(-2000));
await browser.close();
await server.stop();
carrier.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
