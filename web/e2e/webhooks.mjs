// The log of webhooks in a real browser: a test of an external flow, what was sent and answered, sending it again.
//   USHER_BIN=bin/usher node e2e/webhooks.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import http from 'node:http';
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

// The operator's own server: broken at first.
let broken = true;
const calls = [];
const bot = http.createServer((request, answer) => {
  let text = '';
  request.on('data', (part) => (text += part));
  request.on('end', () => {
    calls.push({ form: new URLSearchParams(text), token: request.headers['i-twilio-idempotency-token'], signature: request.headers['x-twilio-signature'] });
    answer.writeHead(broken ? 500 : 200, { 'content-type': 'text/plain' });
    answer.end(broken ? '<script>alert(1)</script> line 7: no such key' : 'thank you');
  });
});
await new Promise((resolve) => bot.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${bot.address().port}/hear?tenant=7`;

process.env.USHER_ALLOW_NETWORKS = '127.0.0.0/8';
const server = await start();
const browser = await launch();
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page) => {
  const found = await findings(page);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

try {
  const { chat_services } = await server.rest('GET', '/chat/v2/Services').then((r) => ({ chat_services: r.services }));
  await server.rest('POST', '/flex-api/v1/FlexFlows', {
    FriendlyName: 'Own bot', ChatServiceSid: chat_services[0].sid, ChannelType: 'web', IntegrationType: 'external', 'Integration.Url': address, 'Integration.RetryCount': '1',
  });
  const page = await visit(browser, 'admin', (text) => complaints.push(text));
  await page.goto(server.link);
  await page.getByLabel('New password').fill('a short sentence is easy');
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();

  await page.goto(`${server.url}/desk/admin/webhooks`);
  await page.getByText('Nothing was posted yet.').waitFor();
  await clean('an empty log', page);

  await page.goto(`${server.url}/desk/admin/channels`);
  await page.getByRole('button', { name: 'Own bot' }).click();
  const drawer = page.getByRole('dialog');
  await drawer.getByText(/posted to it, signed/).waitFor();
  check('the drawer says what an external flow does', true);
  await drawer.getByRole('button', { name: 'Send a test' }).click();
  await drawer.getByText('Answered 500').waitFor({ timeout: 20_000 });
  check('a test of a broken server says what it answered', calls.length === 1 && calls[0].form.get('Body') === 'This is a test' && Boolean(calls[0].signature));
  await drawer.getByLabel('URL').fill('https://bot.example/other');
  check('a test waits for a changed URL to be saved', await drawer.getByRole('button', { name: 'Send a test' }).isDisabled());
  await shot(page, 'webhook-test');

  await page.goto(`${server.url}/desk/admin/webhooks`);
  const row = page.getByRole('row', { name: /test/ }).last();
  await row.getByRole('button', { name: 'test' }).click();
  await drawer.getByRole('button', { name: 'Show what was sent' }).click();
  await drawer.getByText(address, { exact: true }).waitFor();
  await drawer.getByText('This is a test', { exact: true }).waitFor();
  await drawer.getByText('line 7: no such key').waitFor();
  check('what was sent and what was answered are shown as text', true);
  await clean('a delivery', page);
  await shot(page, 'webhooks');

  broken = false;
  await drawer.getByRole('button', { name: 'Send again' }).click();
  await drawer.getByText(/^Delivered/).first().waitFor({ timeout: 20_000 });
  check('sent again it arrives, with the same token', calls.length === 2 && calls[0].token === calls[1].token && calls[0].token.length === 36);
  await drawer.getByText('thank you').waitFor();
  await drawer.getByRole('button', { name: 'Close' }).click();
  await page.getByLabel('State').selectOption('failed');
  await page.getByText('None in this state.').waitFor();
  check('the list is narrowed to a state', true);

  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByLabel('State').selectOption('');
  await row.waitFor();
  await shot(page, 'webhooks-phone');
  check('on a phone the page is not wider than the screen', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
} catch (error) {
  await Promise.all(browser.contexts().flatMap((c) => c.pages()).map((page) => shot(page, 'failure')));
  failed++;
  console.log(`FAIL ${error.stack}\n${server.log()}`);
} finally {
  await browser.close();
  await server.stop();
  bot.close();
}
check('nothing was complained about', complaints.length === 0, complaints.join('\n     '));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
