// The way before an agent, in real browsers: a flow is made, tried, published, chatted with in the widget, and hands over what it collected.
//   USHER_BIN=bin/usher node e2e/flows.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findings, launch, start, visit, widget } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};
const complaints = [];
const complain = (text) => complaints.push(text);

const server = await start();
const browser = await launch();
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page, frame) => {
  const found = await findings(page, frame);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

async function signIn(name, link) {
  const page = await visit(browser, name, complain);
  await page.goto(link);
  await page.getByLabel('New password').fill('a short sentence is easy');
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();
  return page;
}

const invite = (admin) => admin.evaluate(async () => {
  const res = await fetch('/signin/people', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'mirela@shop.example', name: 'Mirela Pop', role: 'agent' }),
  });
  return (await res.json()).link;
});

async function available(desk) {
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  await desk.getByRole('button', { name: /Your status: Available/ }).waitFor();
}

const write = async (app, text) => {
  const box = app.getByRole('textbox', { name: 'Write a message' });
  await box.fill(text);
  await box.press('Enter');
};

/** A flow that asks, splits on the answer, keeps it and hands over. */
async function makeFlow() {
  const { workspaces } = await server.rest('GET', '/taskrouter/v1/Workspaces');
  const { workflows } = await server.rest('GET', `/taskrouter/v1/Workspaces/${workspaces[0].sid}/Workflows`);
  const message = { service: '{{trigger.message.InstanceSid}}', channel: '{{trigger.message.ChannelSid}}', from: 'Bot' };
  const states = [
    { name: 'Trigger', type: 'trigger', properties: { offset: { x: 0, y: 0 } }, transitions: [{ event: 'incomingMessage', next: 'topic' }] },
    { name: 'topic', type: 'send-and-wait-for-reply', properties: { ...message, body: 'Is it about an order or a repair?', timeout: '3600', offset: { x: 0, y: 200 } }, transitions: [{ event: 'incomingMessage', next: 'which' }, { event: 'timeout' }, { event: 'deliveryFailure' }] },
    { name: 'which', type: 'split-based-on', properties: { input: '{{widgets.topic.inbound.Body}}', offset: { x: 0, y: 400 } }, transitions: [{ event: 'noMatch', next: 'topic' }, { event: 'match', next: 'keep', conditions: [{ friendly_name: 'order', arguments: ['{{widgets.topic.inbound.Body}}'], type: 'contains', value: 'order' }] }] },
    { name: 'keep', type: 'set-variables', properties: { variables: [{ key: 'topic', value: 'An order' }], offset: { x: 0, y: 600 } }, transitions: [{ event: 'next', next: 'agent' }] },
    { name: 'agent', type: 'send-to-flex', properties: { workflow: workflows[0].sid, channel: 'chat', attributes: JSON.stringify({ topic: '{{flow.variables.topic}}', words: '{{widgets.topic.inbound.Body}}' }), offset: { x: 0, y: 800 } }, transitions: [{ event: 'callComplete' }, { event: 'failedToEnqueue' }, { event: 'callFailure' }] },
  ];
  return server.rest('POST', '/studio/v2/Flows', {
    FriendlyName: 'Front door', Status: 'published', Definition: JSON.stringify({ description: 'Front door', initial_state: 'Trigger', flags: { allow_concurrent_calls: true }, states }),
  });
}

/** The web channel is led to the flow, in the admin's Channels screen. */
async function lead(admin, flow) {
  await admin.goto(`${server.url}/desk/admin/channels`);
  await admin.getByRole('button', { name: /Flex Web Channel Flow/ }).click();
  const drawer = admin.getByRole('dialog');
  await drawer.getByRole('radio', { name: /Run a flow/ }).check();
  await drawer.getByLabel('Flow SID').fill(flow.sid);
  await shot(admin, 'flows-channel');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await admin.getByText(/is saved/).first().waitFor();
  check('the web channel runs the flow', true);
}

async function chat(shop) {
  await shop.goto(server.demo);
  await shop.waitForFunction(() => window.Usher);
  await shop.evaluate(() => window.Usher.open());
  const app = await widget(shop);
  await app.getByLabel('Name').fill('Ana Pires');
  await app.getByLabel(/E-mail/).fill('visitor@shop.example');
  await app.getByRole('button', { name: 'Start chat' }).click();
  await app.getByRole('textbox', { name: 'Write a message' }).waitFor();
  await write(app, 'Hello');
  await app.getByRole('log').getByText('Is it about an order or a repair?').waitFor();
  check('the flow asks in the widget', true);
  await write(app, 'Good morning');
  await app.getByRole('log').getByText('Is it about an order or a repair?').nth(1).waitFor();
  check('an answer that no split knows is asked for again', true);
  await write(app, 'My order SL-20418');
  await shot(shop, 'flows-widget');
  await clean('widget with a flow', shop, app);
  return app;
}

async function handed(desk, app) {
  const card = desk.getByRole('article', { name: 'Ana Pires' });
  await card.waitFor();
  await card.getByRole('button', { name: 'Accept' }).click();
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
  const panel = desk.getByRole('region', { name: 'Customer' });
  await panel.getByRole('heading', { name: 'What the flow collected' }).waitFor();
  const text = await panel.innerText();
  check('the agent sees what the flow collected', /Topic\s+An order/.test(text) && /Words\s+My order SL-20418/.test(text), text);
  check('the agent sees what the form said', /visitor@shop\.example/.test(text), text);
  const log = desk.getByRole('log');
  for (const words of ['Hello', 'Is it about an order or a repair?', 'My order SL-20418']) await log.getByText(words, { exact: true }).first().waitFor();
  const said = await log.innerText();
  check('the agent sees the conversation with the flow', /Bot/.test(said) && said.indexOf('Hello') < said.indexOf('Is it about') && said.indexOf('Good morning') < said.indexOf('SL-20418'), said);
  await shot(desk, 'flows-desk');
  await clean('desk after a flow', desk);
  const box = desk.getByRole('textbox', { name: 'Reply' });
  await box.fill('It left today.');
  await box.press('Enter');
  await app.getByRole('log').getByText('It left today.').waitFor();
  check('the customer hears the agent', true);
}

async function executions(admin, flow) {
  await admin.goto(`${server.url}/desk/admin/flows/${flow.sid}/executions`);
  await admin.getByRole('button', { name: 'Ana Pires' }).click();
  const drawer = admin.getByRole('dialog');
  await drawer.getByText('An order', { exact: true }).waitFor();
  const text = await drawer.innerText();
  check('the execution stands at the agent', /Stands at\s+agent/.test(text) && /Waits for\s+the agent/.test(text), text);
  const steps = drawer.getByRole('listitem');
  check('its steps are there', (await steps.count()) === 6, await drawer.innerText());
  await steps.nth(1).locator('summary').click();
  await steps.nth(1).getByText(/Good morning/).waitFor();
  await shot(admin, 'flows-executions');
  await clean('executions', admin);
  await admin.setViewportSize({ width: 390, height: 844 });
  await admin.waitForTimeout(400);
  await shot(admin, 'flows-executions-phone');
  await clean('executions on a phone', admin);
  await admin.setViewportSize({ width: 1440, height: 900 });
  await drawer.getByRole('button', { name: 'End it' }).click();
  await drawer.getByText('ended by request').waitFor();
  check('an operator ends an execution', true);
}

try {
  const admin = await signIn('the administrator', server.link);
  const desk = await signIn('the agent', await invite(admin));
  await available(desk);
  const flow = await makeFlow();
  await lead(admin, flow);
  const shop = await visit(browser, 'shop', complain);
  const app = await chat(shop);
  await handed(desk, app);
  await executions(admin, flow);
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  for (const [i, c] of browser.contexts().entries()) {
    for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', `failed-${i}.png`) }).catch(() => {});
  }
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no text and no name', !/Ana Pires|SL-20418|visitor@shop/.test(server.log()), '');
await browser.close();
await server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
