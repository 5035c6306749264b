// The way before an agent, in real browsers: a flow is made, tried, published, chatted with in the widget, and hands over what it collected.
//   USHER_BIN=bin/usher node e2e/flows.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { available, findings, invite, launch, settled, signIn, start, visit, widget } from './world.mjs';

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

const write = async (app, text) => {
  const box = app.getByRole('textbox', { name: 'Write a message' });
  await box.fill(text);
  await box.press('Enter');
};

/** A widget on the editor's canvas, by its name. */
const box = (page, name) => page.getByRole('application', { name: 'Flow canvas' }).getByRole('button', { name: new RegExp(`^${name} `) });

/** A flow that asks, splits on the answer, keeps it and hands over: built in the editor. */
async function build(admin) {
  await admin.goto(`${server.url}/desk/admin/flows`);
  await admin.getByRole('button', { name: 'New flow' }).click();
  await admin.getByLabel('Name', { exact: true }).fill('Front door');
  await admin.getByRole('button', { name: 'Create and open' }).click();
  const inspector = admin.getByRole('complementary', { name: 'Inspector' });
  const field = (label) => inspector.getByLabel(label, { exact: true });
  await box(admin, 'Trigger').click();
  await field('Incoming message: then go to').selectOption({ label: '+ Send and wait for a reply' });
  await field('Text').fill('Is it about an order or a repair?');
  await field('Reply: then go to').selectOption({ label: '+ Split based on' });
  await field('Value to test').fill('{{widgets.ask.inbound.Body}}');
  await inspector.getByRole('button', { name: 'Add a condition' }).click();
  await field('Condition 1: Operator').selectOption('contains');
  await field('Condition 1: Value').fill('order');
  await field('Anything else: then go to').selectOption({ label: 'ask' });
  await field('Condition 1: then go to').selectOption({ label: '+ Set variables' });
  await inspector.getByRole('button', { name: 'Add Variable' }).click();
  await field('Variable 1: Key').fill('topic');
  await field('Variable 1: Value').fill('An order');
  await field('Next: then go to').selectOption({ label: '+ Send to agent' });
  await field('Workflow').selectOption({ index: 1 });
  const { workspaces } = await server.rest('GET', '/taskrouter/v1/Workspaces');
  const { channels } = await server.rest('GET', `/taskrouter/v1/Workspaces/${workspaces[0].sid}/TaskChannels`);
  await field('Task channel').selectOption(channels.find((each) => each.unique_name === 'chat').sid);
  await field('Attributes (JSON)').fill('{"topic": "{{flow.variables.topic}}", "words": "{{widgets.ask.inbound.Body}}", "visit": {"page": "shop"}}');
  await admin.getByText('No problems').waitFor();
  await admin.getByRole('button', { name: 'Save draft' }).click();
  await admin.getByText('Saved as revision 2').waitFor();
  check('a flow is built in the editor and saved as a draft', true);
  return { sid: new URL(admin.url()).pathname.split('/').at(-1) };
}

/** How many executions, tasks and web channels there are: what a test conversation may not make. */
async function made(flow) {
  const { executions } = await server.rest('GET', `/studio/v2/Flows/${flow.sid}/Executions`);
  const { workspaces } = await server.rest('GET', '/taskrouter/v1/Workspaces');
  const { tasks } = await server.rest('GET', `/taskrouter/v1/Workspaces/${workspaces[0].sid}/Tasks`);
  const { flex_chat_channels: channels } = await server.rest('GET', '/flex-api/v1/WebChannels');
  return executions.length + tasks.length + channels.length;
}

/** The draft is tried beside the canvas, and the path lights up. */
async function tryOut(admin, flow) {
  let execution;
  /** The SID is read from an answer, which may be later than what the screen shows of it. */
  const began = async (before) => {
    for (let i = 0; i < 50 && execution === before; i++) await admin.waitForTimeout(100);
  };
  admin.on('response', async (res) => {
    if (res.request().method() === 'POST' && /TestConversations$/.test(res.url())) execution = (await res.json().catch(() => ({}))).sid;
  });
  await admin.getByRole('button', { name: 'Try it' }).click();
  const panel = admin.getByRole('complementary', { name: 'Test conversation' });
  await panel.getByLabel('Customer’s name').fill('Tess');
  await clean('before a test conversation', admin);
  const write = async (text) => {
    const field = panel.getByRole('textbox', { name: 'Write as the customer' });
    await field.fill(text);
    await field.press('Enter');
  };
  await write('Hello');
  await panel.getByText('Is it about an order or a repair?').waitFor();
  await box(admin, 'ask').getByText(/the conversation waits here/).waitFor({ state: 'attached' });
  check('the canvas shows where the test conversation waits', /passed/.test(await box(admin, 'Trigger').textContent()));
  check('and not what it has not come to', !/passed|waits/.test(await box(admin, 'set_variables').textContent()));
  await shot(admin, 'flows-tryout-asked');
  await write('Good morning');
  await panel.getByText('Is it about an order or a repair?').nth(1).waitFor();
  await write('My order');
  const task = panel.getByRole('article', { name: 'Would make a task' });
  await task.getByText('An order').waitFor();
  const text = await task.innerText();
  check('the test shows the task that would be made', /Assign to Anyone/.test(text) && /words\s+My order/.test(text), text);
  const passed = await Promise.all(['Trigger', 'ask', 'split', 'set_variables'].map((name) => box(admin, name).textContent()));
  check('the path is lit up to the agent', passed.every((each) => /passed/.test(each)) && /waits here/.test(await box(admin, 'agent').textContent()), passed.join('; '));
  await panel.getByRole('button', { name: 'split match' }).click();
  await panel.getByRole('button', { name: 'Context', exact: true }).click();
  await panel.getByRole('region', { name: 'flow.variables' }).getByText('An order').waitFor();
  check('what the flow knows can be looked at', true);
  await clean('the context of a test conversation', admin);
  await panel.getByRole('button', { name: 'Conversation', exact: true }).click();
  await clean('a test conversation', admin);
  await shot(admin, 'flows-tryout');
  await admin.emulateMedia({ colorScheme: 'dark' });
  await settled(admin);
  await shot(admin, 'flows-tryout-dark');
  await admin.emulateMedia({ colorScheme: 'light' });
  await admin.setViewportSize({ width: 390, height: 844 });
  for (let open = 0; open < 2; open++) await admin.getByRole('button', { name: 'Close the inspector' }).click();
  await settled(admin);
  await shot(admin, 'flows-tryout-phone');
  await clean('a test conversation on a phone', admin);
  await admin.setViewportSize({ width: 1440, height: 900 });
  check('nothing was made of it: no execution listed, no task, no channel', (await made(flow)) === 0);
  await panel.getByRole('button', { name: 'Agent completes' }).click();
  await panel.getByText('The flow came to its end.').waitFor();
  check('its end is shown', true);
  const first = execution;
  await panel.getByRole('button', { name: 'Start again' }).last().click();
  await write('Hi');
  await panel.getByText('Is it about an order or a repair?').waitFor();
  await began(first);
  const path = `/studio/v2/Flows/${flow.sid}/TestConversations/${execution}`;
  check('it starts again', (await server.rest('GET', path)).status === 'active');
  await admin.getByRole('button', { name: 'Try it' }).click();
  await panel.waitFor({ state: 'detached' });
  await admin.waitForFunction(() => !document.querySelector('.nd.lit'));
  for (let i = 0; i < 50 && await server.rest('GET', path).then(() => true, () => false); i++) await admin.waitForTimeout(100);
  check('closing the panel leaves nothing', !(await server.rest('GET', path).then(() => true, () => false)));
  await admin.getByRole('button', { name: 'Try it' }).click();
  await write('Hi');
  await panel.getByText('Is it about an order or a repair?').waitFor();
  await began(path.split('/').at(-1));
  const last = `/studio/v2/Flows/${flow.sid}/TestConversations/${execution}`;
  await admin.reload();
  for (let i = 0; i < 50 && await server.rest('GET', last).then(() => true, () => false); i++) await admin.waitForTimeout(100);
  check('leaving the page leaves nothing', last !== path && !(await server.rest('GET', last).then(() => true, () => false)));
}

async function publish(admin) {
  await admin.getByRole('button', { name: 'Publish', exact: true }).click();
  await admin.getByRole('button', { name: 'Publish now' }).click();
  await admin.getByText(/Revision 3 is published/).waitFor();
  check('the flow is published', true);
}

/** The web channel is led to the flow, in the admin's Channels screen. */
async function lead(admin, flow) {
  await admin.goto(`${server.url}/desk/admin/channels`);
  await admin.getByRole('button', { name: /Flex Web Channel Flow/ }).click();
  const drawer = admin.getByRole('dialog');
  await drawer.getByRole('radio', { name: /Run a flow/ }).check();
  await drawer.getByLabel('Flow', { exact: true }).selectOption(flow.sid);
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
  check('the agent sees what the flow collected', /Topic\s+An order/.test(text) && /Visit · page\s+shop/.test(text) && /Words\s+My order SL-20418/.test(text), text);
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
  await admin.goto(`${server.url}/desk/admin/flows/${flow.sid}`);
  await admin.getByRole('button', { name: 'More', exact: true }).click();
  await admin.getByRole('menuitem', { name: 'Executions' }).click();
  await admin.getByRole('button', { name: 'Ana Pires' }).click();
  const drawer = admin.getByRole('dialog');
  await drawer.getByText('An order', { exact: true }).waitFor();
  const text = await drawer.innerText();
  check('the execution stands at the agent', /Stands at\s+agent/.test(text) && /Waits for\s+the agent/.test(text), text);
  const steps = drawer.getByRole('listitem');
  await steps.nth(5).waitFor();
  check('its steps are there', (await steps.count()) === 6, await drawer.innerText());
  await steps.nth(1).locator('summary').click();
  await steps.nth(1).getByText(/Good morning/).waitFor();
  await shot(admin, 'flows-executions');
  await clean('executions', admin);
  await admin.setViewportSize({ width: 390, height: 844 });
  await settled(admin);
  await shot(admin, 'flows-executions-phone');
  await clean('executions on a phone', admin);
  await admin.setViewportSize({ width: 1440, height: 900 });
  await drawer.getByRole('button', { name: 'End it' }).click();
  await drawer.getByText('ended by request').waitFor();
  check('an operator ends an execution', true);
}

try {
  const admin = await signIn(browser, 'the administrator', server.link, complain);
  const desk = await signIn(browser, 'the agent', await invite(admin), complain);
  await available(desk);
  const flow = await build(admin);
  await tryOut(admin, flow);
  await publish(admin);
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
