// What flows ask outside, in a real browser: an address of a function, the assistant, and what is wrong with them.
//   USHER_BIN=bin/usher node e2e/connections.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findings, launch, start, visit } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};
const complaints = [];
const server = await start();
const browser = await launch();
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page) => {
  const found = await findings(page);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

try {
  const page = await visit(browser, 'admin', (text) => complaints.push(text));
  await page.goto(server.link);
  await page.getByLabel('New password').fill('a short sentence is easy');
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();

  await page.goto(`${server.url}/desk/admin`);
  await page.getByRole('link', { name: 'Flow connections' }).click();
  await page.getByText('No function has an address yet').waitFor();
  await clean('no addresses', page);

  await page.getByRole('button', { name: 'Add an address' }).first().click();
  const drawer = page.getByRole('dialog');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await drawer.getByText('Say which function it is.').waitFor();
  check('what is missing is said at its field', (await drawer.locator('[aria-invalid="true"]').count()) === 2);
  await clean('a form with mistakes', page);
  await drawer.getByLabel('Function').fill('https://Shop-1234.twil.io/');
  await drawer.getByLabel('Address').fill('https://ann:secret@fn.example.com/base');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'shop-1234.twil.io' }).waitFor();
  check('the list shows no password', await page.getByText('https://fn.example.com/base').isVisible());
  await shot(page, 'connections');

  await page.getByRole('button', { name: 'Add an address' }).click();
  await drawer.getByLabel('Function').fill('shop-1234.twil.io');
  await drawer.getByLabel('Address').fill('https://other.example.com');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await drawer.getByText(/^Not saved:/).waitFor();
  check('what the server refuses is said', true);
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: /^Assistant/ }).click();
  await drawer.getByLabel('Base address').fill('https://llm.example.com/v1');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await drawer.getByText('Say which model answers.').waitFor();
  await clean('the assistant', page);
  await drawer.getByLabel('Model').fill('small');
  await drawer.getByLabel('Key', { exact: true }).fill('sk-secret');
  await drawer.getByLabel('Instructions for all widgets').fill('Be kind.');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Assistant On' }).waitFor();
  await page.getByRole('button', { name: 'Assistant On' }).click();
  await drawer.getByText('A key is kept.', { exact: false }).waitFor();
  check('the key is not shown', (await drawer.getByLabel('Key', { exact: true }).inputValue()) === '' && !(await page.content()).includes('sk-secret'));
  await shot(page, 'assistant');
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'shop-1234.twil.io' }).click();
  await drawer.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No function has an address yet').waitFor();
  check('an address is removed', true);

  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, 'connections-phone');
  check('on a phone the page is not wider than the screen', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
} catch (error) {
  await Promise.all(browser.contexts().flatMap((c) => c.pages()).map((page) => shot(page, 'failure')));
  failed++;
  console.log(`FAIL ${error.stack}\n${server.log()}`);
} finally {
  await browser.close();
  await server.stop();
}
// A browser tells of every answer that is an error; one was asked for.
const unexpected = complaints.filter((text) => !text.includes('409'));
check('nothing was complained about', unexpected.length === 0, unexpected.join('\n     '));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
