// The main job in real browsers: a visitor writes, an agent answers, the network goes and comes back, the conversation ends, and begins anew.
//   USHER_BIN=bin/usher node e2e/conversation.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { account, authToken, findings, launch, proxy, settled, start, visit, widget } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};
const complaints = [];
const complain = (text) => complaints.push(text);
const password = 'a short sentence is easy';

const server = await start();
const net = await proxy(server.port);
const browser = await launch();
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page, frame) => {
  const found = await findings(page, frame);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

/** The texts of a conversation as a person reads them, top to bottom. */
const texts = (root, all) => root.getByRole('log').innerText().then((t) => all.map((s) => [t.split(s).length - 1, t.indexOf(s)]));
const once = async (what, root, all) => {
  await Promise.all(all.map((s) => root.getByRole('log').getByText(s, { exact: true }).first().waitFor({ timeout: 30_000 })));
  const seen = await texts(root, all);
  check(what, seen.every(([n, at], i) => n === 1 && (i === 0 || at > seen[i - 1][1])), JSON.stringify(seen));
};
const write = async (root, label, text) => {
  const box = root.getByRole('textbox', { name: label });
  await box.fill(text);
  await box.press('Enter');
};

async function signIn(name, link) {
  const page = await visit(browser, name, complain);
  await page.goto(link);
  await page.getByLabel('New password').fill(password);
  await clean(`${name} chooses a password`, page);
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();
  check(`the one-time link signs ${name} in and asks for a password`, true);
  return page;
}

/** The administrator tries the links of the first run, looks at the admin screens and invites an agent. */
async function invite(admin) {
  for (const [path, heading] of [['', /first customer/i], ['channels', /./], ['workers', /./]]) {
    await admin.goto(`${server.url}/desk/admin/${path}`);
    await admin.getByRole('main').getByRole('heading', { name: heading }).first().waitFor();
    await settled(admin);
    await clean(`admin ${path || 'test drive'}`, admin);
    await shot(admin, `admin-${path || 'testdrive'}`);
  }
  const link = await admin.evaluate(async () => {
    const res = await fetch('/signin/people', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'mirela@shop.example', name: 'Mirela Pop', role: 'agent' }) });
    return (await res.json()).link;
  });
  check('the administrator invites an agent', /once=/.test(link), link);
  return link;
}

async function available(desk) {
  await clean('empty desk', desk);
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  await desk.getByRole('button', { name: /Your status: Available/ }).waitFor();
  check('the agent becomes available', true);
}

async function begin(page, name) {
  await page.evaluate(() => window.Usher.open());
  const app = await widget(page);
  await app.getByLabel('Name').fill(name);
  await app.getByLabel(/E-mail/).fill('visitor@shop.example');
  await app.getByRole('button', { name: 'Start chat' }).click();
  await app.getByRole('textbox', { name: 'Write a message' }).waitFor();
  return app;
}

async function answer(desk, name) {
  const card = desk.getByRole('article', { name });
  await card.waitFor();
  await card.getByRole('button', { name: 'Accept' }).click();
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
}

async function finish(desk) {
  await desk.getByRole('button', { name: 'End chat' }).click();
  await desk.getByRole('radio', { name: 'Solved' }).click();
  await desk.getByRole('button', { name: /^Complete/ }).click();
  await desk.getByRole('radio', { name: 'Solved' }).waitFor({ state: 'detached' });
}

async function webChannel(status) {
  const { flex_chat_channels: list } = await server.rest('GET', '/flex-api/v1/WebChannels?PageSize=50');
  const { services } = await server.rest('GET', '/chat/v2/Services');
  const all = await Promise.all(list.map((c) => server.rest('GET', `/chat/v2/Services/${services[0].sid}/Channels/${c.sid}`)));
  return all.filter((c) => JSON.parse(c.attributes).status === status);
}

async function firstConversation(desk, shop) {
  const app = await begin(shop, 'Ana Pires');
  await clean('widget, new chat', shop, app);
  await write(app, 'Write a message', 'Hello, my order has not come.');
  await desk.getByRole('article', { name: 'Ana Pires' }).waitFor();
  check('the desk rings', true);
  await clean('desk, ringing', desk);
  await shot(desk, 'desk-incoming');
  await answer(desk, 'Ana Pires');
  await write(desk, 'Reply', 'Hi Ana, let me look.');
  await once('both texts on the widget', app, ['Hello, my order has not come.', 'Hi Ana, let me look.']);
  await once('both texts on the desk', desk, ['Hello, my order has not come.', 'Hi Ana, let me look.']);
  await app.getByRole('textbox', { name: 'Write a message' }).pressSequentially('It was due ', { delay: 40 });
  await desk.getByText(/is typing/).first().waitFor();
  check('the desk sees the visitor typing', true);
  await desk.getByRole('textbox', { name: 'Reply' }).pressSequentially('I see, ', { delay: 40 });
  await app.getByText(/is typing/).first().waitFor();
  check('the visitor sees the agent typing', true);
  await shot(desk, 'desk-conversation');
  await shot(shop, 'demo-widget');
  await clean('desk, in a conversation', desk);
  await clean('widget, in a conversation', shop, app);
  await desk.getByRole('textbox', { name: 'Reply' }).fill('');
  await app.getByRole('textbox', { name: 'Write a message' }).fill('');
  return app;
}

async function cutAndMend(desk, shop, app) {
  net.cut();
  await write(app, 'Write a message', 'It was due on Monday.');
  await write(app, 'Write a message', 'Are you there?');
  await app.getByText('Offline: 2 messages queued').waitFor({ timeout: 20_000 });
  check('the widget says what is queued', true);
  await clean('widget, offline', shop, app);
  await write(desk, 'Reply', 'One moment, please.');
  await write(desk, 'Reply', 'It left today.');
  net.mend();
  await app.getByText(/Back online/).waitFor({ timeout: 40_000 });
  check('the widget says that it is back', true);
  const agent = ['One moment, please.', 'It left today.'], visitor = ['It was due on Monday.', 'Are you there?'];
  for (const [where, root] of [['widget', app], ['desk', desk]]) {
    await once(`${where}: what the agent wrote meanwhile, once and in order`, root, agent);
    await once(`${where}: what the visitor wrote meanwhile, once and in order`, root, visitor);
  }
  const order = async (root) => {
    const all = await texts(root, [...agent, ...visitor]);
    return all.map(([, at], i) => [at, i]).sort((a, b) => a[0] - b[0]).map(([, i]) => i).join();
  };
  check('both sides read the same order', (await order(app)) === (await order(desk)), `${await order(app)} and ${await order(desk)}`);
}

/** The customer sends a picture, as an app on the chat SDK does. */
async function picture(desk, shop, app) {
  const [channel] = await webChannel('ACTIVE');
  const { messages } = await server.rest('GET', `/chat/v2/Services/${channel.service_sid}/Channels/${channel.sid}/Messages?PageSize=1`);
  const sent = await fetch(`${server.url}/mcs/v1/Services/${channel.service_sid}/Media?Filename=parcel.png`, {
    method: 'POST', body: await shop.screenshot(), headers: { 'Content-Type': 'image/png', Authorization: `Basic ${btoa(`${account}:${authToken}`)}` },
  }).then((answer) => answer.json());
  await server.rest('POST', `/chat/v2/Services/${channel.service_sid}/Channels/${channel.sid}/Messages`, { From: messages[0].from, MediaSid: sent.sid });
  const link = desk.getByRole('log').getByRole('link', { name: /parcel\.png/ });
  await link.waitFor();
  await desk.waitForFunction(() => document.querySelector('.pic img')?.naturalWidth > 0);
  const file = await desk.evaluate(async (href) => (await fetch(href)).headers.get('content-type'), await link.getAttribute('href'));
  check('the desk shows a picture and opens it', file === 'image/png', String(file));
  await app.getByRole('link', { name: 'Open picture parcel.png' }).waitFor();
  await app.waitForFunction(() => document.querySelector('.pic img')?.naturalWidth > 0);
  check('the widget shows the picture', true);
  await shot(desk, 'desk-picture');
  await clean('desk, with a picture', desk);
  await clean('widget, with a file', shop, app);
}

async function endAndBeginAnew(desk, shop, app) {
  await shop.reload();
  await shop.evaluate(() => window.Usher.open());
  app = await widget(shop);
  await once('a reload shows the conversation again', app, ['Hello, my order has not come.', 'Hi Ana, let me look.']);
  await finish(desk);
  await app.getByText('This chat has ended').waitFor();
  check('the visitor is told that the chat has ended', true);
  await clean('widget, ended', shop, app);
  check('the channel is INACTIVE', (await webChannel('INACTIVE')).length === 1);
  await app.getByRole('button', { name: 'Start a new chat' }).click();
  app = await begin(shop, 'Ana Pires');
  await write(app, 'Write a message', 'One more thing.');
  await answer(desk, 'Ana Pires');
  await once('a new chat begins without the old texts', app, ['One more thing.']);
  check('a new channel is ACTIVE', (await webChannel('ACTIVE')).length === 1);
  await finish(desk);
}

async function longLived(desk) {
  const { flex_flows: flows } = await server.rest('GET', '/flex-api/v1/FlexFlows');
  const flow = flows.find((f) => f.channel_type === 'web');
  await server.rest('POST', `/flex-api/v1/FlexFlows/${flow.sid}`, { LongLived: 'true' });
  const shop = await visit(browser, 'shop', complain);
  await shop.goto(server.demo.replace(server.url, net.url));
  const app = await begin(shop, 'Bo Lindqvist');
  await write(app, 'Write a message', 'Do you have the Fennel 2?');
  await answer(desk, 'Bo Lindqvist');
  await write(desk, 'Reply', 'We do, from Monday.');
  await once('long-lived: first conversation', app, ['Do you have the Fennel 2?', 'We do, from Monday.']);
  await finish(desk);
  await write(app, 'Write a message', 'I am back about the Fennel.');
  await answer(desk, 'Bo Lindqvist');
  await desk.getByRole('log').getByText(/Earlier conversation/).waitFor();
  await once('long-lived: the agent sees the earlier conversation', desk, ['Do you have the Fennel 2?', 'We do, from Monday.', 'I am back about the Fennel.']);
  check('long-lived: still the same channel', (await webChannel('ACTIVE')).length === 1);
  await shot(desk, 'desk-earlier');
  await clean('desk, earlier conversation', desk);
  await finish(desk);
}

try {
  const admin = await signIn('the administrator', server.link);
  const desk = await signIn('the agent', await invite(admin));
  await available(desk);
  const shop = await visit(browser, 'shop', complain);
  await shop.goto(server.demo.replace(server.url, net.url));
  await clean('demo shop', shop);
  const app = await firstConversation(desk, shop);
  await cutAndMend(desk, shop, app);
  await picture(desk, shop, app);
  await endAndBeginAnew(desk, shop, app);
  await longLived(desk);
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  for (const [i, c] of browser.contexts().entries()) {
    for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', `failed-${i}.png`) }).catch(() => {});
  }
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no text and no name', !/Ana Pires|my order|visitor@shop/.test(server.log()), '');
await browser.close();
net.stop();
await server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
