// The original's web widget, the unchanged bundle of npm, on a site of another origin, talks to an agent on the desk.
//   USHER_BIN=bin/usher node test/webchat2/webchat2.mjs [folder for pictures]
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { account, launch, start, visit } from '../../web/e2e/world.mjs';

const here = (name) => new URL(name, import.meta.url);
const script = readFileSync(here('node_modules/@twilio/flex-webchat-ui/bundle/twilio-flex-webchat.prod.browser.js'));
const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};
const complaints = [];
const password = 'a short sentence is easy';
const question = 'My lamp flickers.', answer = 'Let me look at that lamp.', thanks = 'It began on Monday.', later = 'It did so again.', again = 'It is still lit.', more = 'Here is a picture.';
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const overTLS = (server) => server.url.replace('http:', 'https:');

/** The customer's site: one page and the bundle, which may speak with this site and with Usher, and with nobody else. */
async function site(server, flow) {
  const values = { usher: server.url, socket: server.url.replace('http', 'ws'), account, flow };
  const page = readFileSync(here('page.html'), 'utf8').replace(/{(usher|socket|account|flow)}/g, (_, name) => values[name]);
  // The widget makes functions of its templates: 'unsafe-eval'.
  const policy = `default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;`
    + ` connect-src ${server.url} ${values.socket} ${overTLS(server)}`;
  const shop = http.createServer((request, response) => {
    const [type, body] = request.url.endsWith('.js') ? ['text/javascript', script] : ['text/html', page];
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy }).end(body);
  });
  await new Promise((done) => shop.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${shop.address().port}/`, stop: () => (shop.close(), shop.closeAllConnections()) };
}

async function signIn(browser, name, link) {
  const page = await visit(browser, name, (text) => complaints.push(text));
  await page.goto(link);
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Save and open the desk' }).click();
  await page.getByRole('button', { name: /Your status/ }).waitFor();
  return page;
}

/** An agent who is signed in on the desk and available. */
async function agent(browser, server) {
  const admin = await signIn(browser, 'the administrator', server.link);
  const link = await admin.evaluate(async () => {
    const person = { email: 'mirela@shop.example', name: 'Mirela Pop', role: 'agent' };
    const answered = await fetch('/signin/people', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(person) });
    return (await answered.json()).link;
  });
  await admin.context().close();
  const desk = await signIn(browser, 'the agent', link);
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  await desk.getByRole('button', { name: /Your status: Available/ }).waitFor();
  return desk;
}

/**
 * The site in a browser. The widget asks its maker for a font, which the policy of the site refuses. Nothing is routed here: a
 * browser whose requests are routed no longer asks before it calls another origin.
 */
async function visitor(browser, server, url) {
  const expected = (text) => /https:\/\/assets\.flex\./.test(text) || text.startsWith(`the site asks ${overTLS(server)}/mcs/`);
  const page = await visit(browser, 'the site', (text) => expected(text) || complaints.push(text));
  page.on('response', (r) => {
    if (r.status() >= 400) complaints.push(`the site: ${r.status()} ${new URL(r.url()).pathname}`);
  });
  await page.goto(url);
  return page;
}

const write = async (box, text) => {
  await box.fill(text);
  await box.press('Enter');
};
const reply = (desk) => desk.getByRole('textbox', { name: 'Reply' });
const input = (shop) => shop.getByPlaceholder('Type message');
const bubbles = (shop) => shop.locator('.Twilio-MessageBubble-Body').allInnerTexts();
const shot = (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });

async function shows(what, shop, texts) {
  for (const text of texts) await shop.locator('.Twilio-MessageBubble-Body', { hasText: text }).first().waitFor();
  const seen = (await bubbles(shop)).map((text) => text.trim()).filter((text) => texts.includes(text));
  check(what, JSON.stringify(seen) === JSON.stringify(texts), JSON.stringify(seen));
}

/** Types slowly until the other side says so: a keystroke tells of typing at most every few seconds. */
async function typing(what, box, sign) {
  const seen = sign.waitFor().then(() => true, () => false);
  await box.pressSequentially('One moment ', { delay: 60 });
  check(what, await seen);
  await box.fill('');
}

async function begin(shop) {
  await shop.getByPlaceholder('Your name').fill('Ana Pires');
  await shop.getByPlaceholder('Your question').fill('A lamp');
  await shot(shop, 'webchat2-form');
  await shop.getByRole('button', { name: 'Begin' }).click();
  await input(shop).waitFor();
  check('the form opens a conversation', true);
}

const accept = (desk) => desk.getByRole('article', { name: 'Ana Pires' }).getByRole('button', { name: 'Accept' }).click();

async function attributes(server, status) {
  const { flex_chat_channels: list } = await server.rest('GET', '/flex-api/v1/WebChannels?PageSize=50');
  const { services } = await server.rest('GET', '/chat/v2/Services');
  const all = await Promise.all(list.map((c) => server.rest('GET', `/chat/v2/Services/${services[0].sid}/Channels/${c.sid}`)));
  return all.map((c) => ({ sid: c.sid, ...JSON.parse(c.attributes) })).filter((a) => a.status === status);
}

async function conversation(server, desk, shop) {
  await shop.locator('.Twilio-EntryPoint').click();
  await begin(shop);
  const [given] = await attributes(server, 'ACTIVE');
  check('the form is in the channel\'s attributes', given?.from === 'Ana Pires' && given.channel_type === 'web' && given.pre_engagement_data?.question === 'A lamp', JSON.stringify(given));
  await write(input(shop), question);
  await accept(desk);
  await desk.getByRole('log').getByText(question, { exact: true }).waitFor();
  check('the agent reads what the visitor wrote', true);
  await write(reply(desk), answer);
  await shows('the widget shows both, once and in order', shop, [question, answer]);
  check('the widget shows who answers', await shop.locator('.Twilio-MessageBubble-UserName', { hasText: 'Mirela Pop' }).first().isVisible());
  await typing('the visitor sees the agent typing', reply(desk), shop.getByText(/is typing/).first());
  await typing('the agent sees the visitor typing', input(shop), desk.getByText(/is typing/).first());
  await write(input(shop), thanks);
  await desk.getByRole('log').getByText(thanks, { exact: true }).waitFor();
  await shot(shop.locator('.Twilio-MainContainer'), 'webchat2-conversation');
}

async function reload(desk, shop) {
  // The widget keeps its state in the browser at most once a second.
  await shop.waitForFunction(() => /"channelSid":"CH/.test(localStorage.getItem('twilio-flex-cf')));
  await shop.reload();
  await shows('a reload keeps the conversation', shop, [question, answer, thanks]);
  await write(input(shop), later);
  await desk.getByRole('log').getByText(later, { exact: true }).waitFor();
  check('the visitor writes on after the reload', true);
}

async function end(server, desk, shop) {
  await desk.getByRole('button', { name: 'End chat' }).click();
  await desk.getByRole('radio', { name: 'Solved' }).click();
  await desk.getByRole('button', { name: /^Complete/ }).click();
  await shop.getByText('Thanks for chatting with us!').waitFor();
  check('the widget shows that the chat has ended', (await input(shop).count()) === 0 && (await attributes(server, 'INACTIVE')).length === 1);
  await shot(shop, 'webchat2-ended');
  await shop.getByRole('button', { name: 'START NEW CHAT' }).click();
  await shop.getByPlaceholder('Your name').waitFor();
  check('a new chat begins with the form', true);
}

/** A new chat, with a file. The widget sends files by https only: the route takes it off, as what stands before a server does. */
async function file(server, desk, shop) {
  await shop.route((to) => to.origin === overTLS(server), async (route) => {
    route.fulfill({ response: await route.fetch({ url: route.request().url().replace(/^https:\/\/([^/@]*@)?/, 'http://') }) });
  });
  await begin(shop);
  await write(input(shop), more);
  await accept(desk);
  await shows('a new chat does not show the old texts', shop, [more]);
  check('it has a channel of its own', (await attributes(server, 'ACTIVE')).length === 1 && (await attributes(server, 'INACTIVE')).length === 1);
  await shop.locator('input[type=file]').setInputFiles({ name: 'lamp.png', mimeType: 'image/png', buffer: picture });
  await shot(shop, 'webchat2-chosen');
  await shop.locator('.Twilio-MessageInput-SendButton').click();
  // A link stands before its address is known.
  const link = desk.getByRole('log').getByRole('link', { name: /lamp\.png/ }).and(desk.locator('[href]'));
  const got = await fetch(await link.getAttribute('href')).then((answered) => answered.arrayBuffer());
  check('the agent gets the file', picture.equals(Buffer.from(got)));
  // While a file is on its way the widget shows it as well.
  const files = shop.locator('.Twilio-Media-MessageBubble', { hasText: 'lamp.png' });
  for (let i = 0; i < 100 && (await files.count()) !== 1; i++) await shop.waitForTimeout(100);
  check('the widget shows the file, once', (await files.count()) === 1, `${await files.count()} times`);
  await shot(shop, 'webchat2-file');
  await shot(desk, 'webchat2-desk');
}

/**
 * The token that the browser keeps becomes one with a minute left, of a key of the account: a day is long to wait. Such a token
 * keeps its own end, and so the answer is the same one.
 */
async function refresh(server, desk, shop) {
  const key = await server.rest('POST', `/2010-04-01/Accounts/${account}/Keys.json`, { FriendlyName: 'short tokens' });
  const { services } = await server.rest('GET', '/chat/v2/Services');
  const encoded = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');
  const [{ sid }] = await attributes(server, 'ACTIVE');
  await shop.waitForFunction((sid) => localStorage.getItem('twilio-flex-cf').includes(sid), sid);
  const identity = await shop.evaluate(() => JSON.parse(localStorage.getItem('twilio-flex-cf')).flex.session.tokenPayload.identity);
  const now = Math.floor(Date.now() / 1000), exp = now + 63;
  const grants = { identity, chat: { service_sid: services[0].sid } };
  const text = `${encoded({ typ: 'JWT', alg: 'HS256', cty: 'twilio-fpa;v=1' })}.${encoded({ jti: `${key.sid}-${now}`, iss: key.sid, sub: account, iat: now, exp, grants })}`;
  const token = `${text}.${createHmac('sha256', key.secret).update(text).digest('base64url')}`;
  const asked = [];
  shop.on('response', (r) => r.url().endsWith('/Tokens/refresh') && r.request().method() === 'POST' && asked.push(r));
  await shop.evaluate(([token, expiration]) => {
    const kept = JSON.parse(localStorage.getItem('twilio-flex-cf'));
    Object.assign(kept.flex.session.tokenPayload, { token, expiration });
    localStorage.setItem('twilio-flex-cf', JSON.stringify(kept));
    location.reload();
  }, [token, new Date(exp * 1000).toISOString()]);
  for (let i = 0; i < 300 && asked.length === 0; i++) await shop.waitForTimeout(100);
  const answered = await asked[0]?.json();
  check('a token that is about to end is renewed', answered?.identity === identity && answered.token === token, JSON.stringify(Object.keys(answered ?? {})));
  await write(input(shop), again);
  await desk.getByRole('log').getByText(again, { exact: true }).waitFor();
  await shows('a renewal keeps the conversation', shop, [more, again]);
  await shop.waitForTimeout(1200); // the server looks twice a second whether a token ends
  check('it is renewed once', asked.length === 1, `${asked.length} times`);
}

const server = await start();
const browser = await launch();
let shop;
try {
  const { flex_flows: flows } = await server.rest('GET', '/flex-api/v1/FlexFlows');
  shop = await site(server, flows.find((f) => f.channel_type === 'web').sid);
  const desk = await agent(browser, server);
  const page = await visitor(browser, server, shop.url);
  await conversation(server, desk, page);
  await reload(desk, page);
  await end(server, desk, page);
  await file(server, desk, page);
  await refresh(server, desk, page);
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  for (const [i, c] of browser.contexts().entries()) {
    for (const p of c.pages()) if (folder) await shot(p, `failed-${i}`).catch(() => {});
  }
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no text and no name', !/Ana Pires|lamp/.test(server.log()));
await browser.close();
shop?.stop();
await server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
