// window.Usher, and the shim for pages of the legacy widget: the examples of docs/widget.md, run as they stand there, on a site of another origin.
//   USHER_BIN=bin/usher node e2e/api.mjs [folder for pictures]
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { agentOn, answer, findings, launch, start, tally, visit, widget, write } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
const { check, done } = tally();
const complaints = [];
const complain = (text) => complaints.push(text);
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page, frame) => {
  const found = await findings(page, frame);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

const docs = readFileSync(new URL('../../docs/widget.md', import.meta.url), 'utf8');
const blocks = (kind) => [...docs.matchAll(new RegExp('```' + kind + '\\n([\\s\\S]*?)```', 'g'))].map((m) => m[1]);
const [embed, legacy] = blocks('html');
const examples = blocks('js');
const example = (word) => examples.find((code) => code.includes(word));

/** The customer's site: a page with the line of the docs. It may load the script and the frame, and nothing else. */
async function site(server, flow, account) {
  const fill = (html) => html.replaceAll('https://usher.example.org', server.url).replaceAll(/FOx{32}/g, flow).replaceAll(/ACx{32}/g, account);
  const page = (head) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><meta name="viewport" content="width=device-width">${fill(head)}</head><body><main><h1>Shop</h1></main></body></html>`;
  const policy = `default-src 'none'; script-src 'unsafe-inline' ${server.url}; frame-src ${server.url}; style-src 'none'`;
  const shop = http.createServer((request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }).end(page(request.url.startsWith('/legacy') ? legacy : embed));
  });
  await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${shop.address().port}/`, stop: () => (shop.close(), shop.closeAllConnections()) };
}

const run = (page, code) => page.evaluate(`(async () => { ${code} })()`);
const until = async (page, what, fn) => check(what, await page.waitForFunction(fn, undefined, { timeout: 15_000 }).then(() => true, () => false));

async function api(desk, page) {
  await page.waitForFunction(() => window.Usher);
  await run(page, example('window.seen'));
  await run(page, example('preEngagement'));
  await run(page, example('Usher.open()'));
  const app = await widget(page);
  await app.getByText('Two questions, then we talk.').waitFor();
  check('the page\'s own form, name and words are shown', (await app.getByRole('button', { name: 'Ask the workshop' }).count()) === 1 && (await app.getByText('A repair').count()) === 1);
  check('the page\'s name is in the header', (await app.getByRole('heading', { level: 1 }).innerText()) === 'Spoke & Lantern');
  await shot(page, 'api-form');
  await clean('the page\'s own form', page, app);
  await run(page, example('window.lastSent'));
  await run(page, example('Usher.start('));
  await app.getByRole('textbox', { name: 'Your question' }).waitFor();
  check('the page begins a conversation', true);
  await app.getByRole('button', { name: 'Add a photo' }).waitFor();
  check('words of parts that are loaded later are the page\'s too', true);
  await until(page, 'started tells the channel', () => /^CH/.test(window.channel));
  await answer(desk, 'Ana Pires');
  await desk.getByRole('log').getByText('My lamp flickers.', { exact: true }).waitFor();
  check('context and answers are what the agent sees', (await desk.getByText('bicycles').count()) > 0 && (await desk.getByText('repair', { exact: true }).count()) > 0);
  await write(app, 'Your question', 'My card is 1234567890123456.');
  await desk.getByRole('log').getByText('My card is ****.', { exact: true }).waitFor();
  check('a hook changes what the visitor writes', true);
  await until(page, 'after hooks hear what was sent', () => window.lastSent === 'My card is ****.');
  await until(page, 'events tell the messages', () => window.seen.includes('My card is ****.'));
  await desk.getByRole('textbox', { name: 'Reply' }).pressSequentially('I see ', { delay: 40 });
  await app.getByText('Mirela writes back').waitFor();
  check('a word with a value is the page\'s own', true);
  await desk.getByRole('textbox', { name: 'Reply' }).fill('');
  await page.evaluate(() => window.Usher.endChat());
  await page.waitForTimeout(500);
  check('a hook keeps the chat from ending', (await app.getByText('This chat has ended').count()) === 0);
  await app.getByRole('button', { name: 'Close chat' }).click();
  await until(page, 'a replaced action asks the page', () => window.askedToClose);
  await page.evaluate(() => (window.takeAway(), (window.askedToClose = false), window.Usher.open()));
  await page.evaluate(() => new Promise((r) => setTimeout(r, 300)));
  await page.evaluate(() => window.Usher.close());
  await page.waitForTimeout(300);
  check('a hook that was taken away is silent', !(await page.evaluate(() => window.askedToClose)));
  await page.evaluate(() => (window.Usher.open(), (window.maySayGoodbye = true), window.Usher.endChat()));
  await app.getByText('This chat has ended').waitFor();
  check('the page ends the chat', true);
  await page.evaluate(() => window.Usher.restart());
  await app.getByText('Two questions, then we talk.').waitFor();
  check('the page begins anew', true);
  const count = await page.evaluate(() => (window.stopListening(), window.seen.length));
  await page.evaluate(async () => {
    await window.Usher.set({ preEngagement: null, attachments: false });
    await window.Usher.setLocale('ja');
    await window.Usher.sendMessage('again');
  });
  await app.getByText('again', { exact: true }).first().waitFor();
  check('no form, no paper clip, another language', (await app.locator('.clip').count()) === 0 && (await app.evaluate(() => document.documentElement.lang)) === 'ja');
  check('a listener that was taken away is silent', (await page.evaluate(() => window.seen.length)) === count);
  const wrong = await page.evaluate(() => window.Usher.before('fly', () => {}).catch((e) => e.message));
  check('an action that does not exist is refused', /there is no action fly/.test(wrong), wrong);
  await page.evaluate(() => window.Usher.shutdown());
  check('shutdown takes it off the page', (await page.locator('usher-chat').count()) === 0);
  await page.evaluate(() => window.Usher.boot({ label: 'Help' }));
  check('boot brings it back', (await page.locator('usher-chat').count()) === 1);
}

async function shim(desk, page) {
  await page.waitForFunction(() => window.Usher && window.manager);
  await page.evaluate(() => window.Twilio.FlexWebChat.Actions.invokeAction('ToggleChatVisibility'));
  const app = await widget(page);
  await app.getByText('Tell us who you are.').waitFor();
  check('the legacy configuration\'s form and title are shown', (await app.getByRole('heading', { level: 1 }).innerText()) === 'The workshop' && (await app.getByRole('button', { name: 'Ok, let us go' }).count()) === 1);
  check('a dark theme is dark', (await app.evaluate(() => document.documentElement.dataset.theme)) === 'dark');
  await shot(page, 'shim-form');
  const found = await findings(page, app);
  check('axe: the legacy form', found.length === 0, found.join('\n     '));
  await app.getByLabel('What is your name?').fill('Bo Lindqvist');
  await app.getByLabel(/What is your question/).fill('Does it float?');
  await app.getByRole('button', { name: 'Ok, let us go' }).click();
  await app.getByRole('textbox', { name: 'Type here' }).waitFor();
  check('manager.strings are our words', true);
  await until(page, 'afterStartEngagement, and the state has the channel', () => /^CH/.test(window.engaged ?? ''));
  await answer(desk, 'Bo Lindqvist');
  await desk.getByRole('log').getByText('Does it float? (from the shop)', { exact: true }).waitFor();
  check('beforeSendMessage changes the payload', true);
  await page.evaluate(() => window.Twilio.FlexWebChat.Actions.invokeAction('SendMessage', { body: 'Asked by the page.' }));
  await desk.getByRole('log').getByText('Asked by the page. (from the shop)', { exact: true }).waitFor();
  check('SendMessage is invoked', true);
  await page.evaluate(() => window.manager.chatClient.getChannelBySid(window.engaged).then((channel) => channel.sendMessage('By the client.')));
  await desk.getByRole('log').getByText('By the client. (from the shop)', { exact: true }).waitFor();
  check('the chat client writes', true);
  check('the context is in the conversation', (await desk.getByText('bicycles').count()) > 0);
  await app.getByRole('button', { name: 'Attach a file' }).waitFor();
  check('fileAttachment.enabled shows the paper clip', true);
  await page.evaluate(() => {
    window.Twilio.FlexWebChat.Actions.replaceAction('MinimizeChat', (payload, original) => (window.minimized = true, original(payload)));
    return window.Twilio.FlexWebChat.Actions.invokeAction('MinimizeChat');
  });
  await until(page, 'replaceAction replaces, and the original closes', () => window.minimized && !window.manager.store.getState().flex.session.isEntryPointExpanded);
  const refused = await page.evaluate(() => window.Twilio.FlexWebChat.Actions.invokeAction('SetInputText', { body: 'x' }).catch((e) => e.message));
  check('what is not here says so', /there is no action SetInputText/.test(refused), refused);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate(() => window.Twilio.FlexWebChat.Actions.invokeAction('ToggleChatVisibility'));
  await page.waitForTimeout(500);
  await shot(page, 'shim-phone');
  await page.evaluate(() => window.Twilio.FlexWebChat.Actions.invokeAction('RestartEngagement'));
  await app.getByText('Tell us who you are.').waitFor();
  check('RestartEngagement shows the form again', true);
}

const server = await start();
const browser = await launch();
const { flex_flows: flows } = await server.rest('GET', '/flex-api/v1/FlexFlows');
const flow = flows.find((f) => f.channel_type === 'web');
const shop = await site(server, flow.sid, flow.account_sid);
try {
  const desk = await agentOn(browser, server, complain);
  for (const [name, path, scenario] of [['the site', '', api], ['the legacy site', 'legacy', shim]]) {
    const page = await visit(browser, name, complain);
    await page.goto(shop.url + path);
    await scenario(desk, page);
  }
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  for (const [i, c] of browser.contexts().entries()) {
    for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', `failed-${i}.png`) }).catch(() => {});
  }
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
await browser.close();
shop.stop();
await server.stop();
done();
