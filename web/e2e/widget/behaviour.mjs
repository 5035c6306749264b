// What the widget does, in a real browser against the played server. node e2e/widget/behaviour.mjs [part of a name]
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { World, serve } from './fake.mjs';
import { form } from './states.mjs';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

const agent = 'mirela';
const tests = {};

/** The frame of the app in a page; waits for it. */
async function appOf(page) {
  for (;;) {
    const frame = page.frames().find((f) => f.url().includes('/widget/'));
    if (frame) return frame;
    await page.waitForTimeout(20);
  }
}

async function visit(context, url, path = '/demo/') {
  const page = await context.newPage();
  await page.goto(url + path);
  await page.waitForFunction(() => window.Usher);
  return page;
}

async function open(page) {
  await page.evaluate(() => window.Usher.open());
  const app = await appOf(page);
  await app.locator('main.w').waitFor();
  return app;
}

const write = async (app, text) => {
  await app.locator('textarea').fill(text);
  await app.locator('textarea').press('Enter');
};
const bubble = (app, text) => app.locator('.bub', { hasText: text });
const until = async (what, want, limit = 15_000) => {
  const end = Date.now() + limit;
  for (;;) {
    const got = await what();
    try {
      assert.deepEqual(got, want);
      return;
    } catch (e) {
      if (Date.now() > end) throw e;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
};
const bodies = (world) => world.messages.map((m) => m.body);

tests['nothing is loaded before somebody comes near'] = async ({ context, url }) => {
  const page = await context.newPage();
  const asked = [];
  page.on('request', (r) => asked.push(new URL(r.url()).pathname));
  await page.goto(url + '/demo/');
  await page.waitForTimeout(400);
  assert.ok(asked.includes('/widget.js'));
  assert.deepEqual(asked.filter((p) => p.startsWith('/widget/')), []);
  await page.mouse.move(1388, 848); // the launcher
  await appOf(page);
};

tests['the form opens a conversation and is remembered'] = async ({ context, url, world }) => {
  world.config.pre_engagement = form;
  const page = await visit(context, url);
  const app = await open(page);
  await app.getByRole('button', { name: 'Start chat' }).click();
  assert.equal(await app.evaluate(() => document.activeElement.name), 'friendlyName'); // the first mistake
  assert.equal(await app.locator('[aria-invalid=true]').count(), 2);
  await app.getByLabel('Your name').fill('Ana');
  await app.getByLabel('Email').fill('ana@correio.pt');
  await app.getByLabel('A repair').check();
  await app.getByRole('button', { name: 'Start chat' }).click();
  await write(app, 'hello');
  await until(() => bodies(world), ['hello']);
  world.end();
  await app.getByRole('button', { name: 'Start a new chat' }).click();
  assert.equal(await app.getByLabel('Your name').inputValue(), 'Ana');
  assert.ok(await app.getByLabel('A repair').isChecked());
};

tests['Enter sends, Shift+Enter breaks, an input method keeps its Enter'] = async ({ context, url, world }) => {
  const app = await open(await visit(context, url));
  const box = app.locator('textarea');
  await box.fill('one');
  await box.press('Shift+Enter');
  await box.pressSequentially('two');
  await box.evaluate((el) => el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })));
  await box.press('Enter');
  await until(() => bodies(world), ['one\ntwo']);
  assert.equal(await box.inputValue(), '');
  await box.press('Enter');
  await box.fill('   ');
  await box.press('Enter');
  assert.equal(world.messages.length, 1);
};

tests['text is text'] = async ({ context, url, world }) => {
  const app = await open(await visit(context, url));
  await write(app, 'hi');
  await until(() => world.messages.length, 1);
  world.join(agent, 'Mirela P.', 'agent');
  const nasty = '<img src=x onerror=alert(1)> javascript:alert(1) https://a.example/x?<b>';
  world.say(agent, nasty);
  await bubble(app, 'onerror').waitFor();
  assert.equal(await bubble(app, 'onerror').textContent(), nasty);
  assert.equal(await app.locator('.bub img').count(), 0);
  assert.deepEqual(await app.locator('.bub a').evaluateAll((all) => all.map((a) => [a.href, a.rel, a.target])), [['https://a.example/x', 'noopener noreferrer nofollow', '_blank']]);
};

tests['what is written offline goes out once and in order, also after a reload'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  let app = await open(page);
  await write(app, 'first');
  await until(() => bodies(world), ['first']);
  world.cut();
  for (const text of ['a', 'b', 'c']) await write(app, text);
  await app.getByText('Offline: 3 messages queued').waitFor();
  world.say(world.visitor, 'meanwhile');
  world.cut(false);
  await page.reload(); // the sockets of the page are gone; the queue is not
  app = await open(page);
  await until(() => bodies(world), ['first', 'meanwhile', 'a', 'b', 'c']);
  await until(() => app.locator('.bub').allTextContents(), ['first', 'meanwhile', 'a', 'b', 'c']);
};

tests['what is written before there is any network opens the conversation later'] = async ({ context, url, world }) => {
  const app = await open(await visit(context, url));
  await app.getByText('Write to us').waitFor();
  world.cut();
  await write(app, 'early');
  await write(app, 'bird');
  await app.getByText('Offline: 2 messages queued').waitFor();
  world.cut(false);
  await until(() => bodies(world), ['early', 'bird'], 30_000);
  await until(() => app.locator('.g.queued').count(), 0);
};

tests['all tabs show one conversation'] = async ({ context, url, world }) => {
  world.config.pre_engagement = form;
  const one = await open(await visit(context, url));
  const two = await open(await visit(context, url));
  await two.getByLabel('Your name').waitFor();
  await one.getByLabel('Your name').fill('Ana');
  await one.getByLabel('Email').fill('ana@correio.pt');
  await one.getByLabel('A repair').check();
  await one.getByRole('button', { name: 'Start chat' }).click();
  await two.locator('textarea').waitFor();
  await write(two, 'from two');
  await bubble(one, 'from two').waitFor();
  await write(one, 'from one');
  await bubble(two, 'from one').waitFor();
  world.end();
  await one.getByRole('button', { name: 'Start a new chat' }).click();
  await two.getByLabel('Your name').waitFor();
};

tests['unread messages are counted while closed, shown with a line, and read when seen'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  await page.evaluate(() => ((window.counts = []), window.Usher.on('unread', (n) => window.counts.push(n))));
  const app = await open(page);
  await write(app, 'hi');
  await until(() => world.messages.length, 1);
  world.join(agent, 'Mirela P.', 'agent');
  await page.evaluate(() => window.Usher.close());
  world.say(agent, 'one');
  world.say(agent, 'two');
  await until(() => page.evaluate(() => window.counts.at(-1)), 2);
  await app.locator('.peek').getByText('two').waitFor();
  await app.locator('.peek-t').click();
  await app.locator('.div.new').waitFor();
  await until(() => page.evaluate(() => window.counts.at(-1)), 0);
  await until(() => world.members.get(world.visitor).last_consumed_message_index, 2);
};

tests['the page title tells while its tab is hidden'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  const app = await open(page);
  await write(app, 'hi');
  await until(() => world.messages.length, 1);
  world.join(agent, 'Mirela P.', 'agent');
  const title = await page.title();
  const hide = (hidden) => Promise.all(page.frames().map((f) => f.evaluate((h) => {
    Object.defineProperty(document, 'hidden', { value: h, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden)));
  await hide(true);
  world.say(agent, 'psst');
  await until(() => page.title(), '(1) ' + title);
  await hide(false);
  await until(() => page.title(), title);
};

tests['Escape closes the innermost, and the focus goes back'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  const app = await open(page);
  await write(app, 'hi');
  await until(() => world.messages.length, 1);
  assert.equal(await app.evaluate(() => document.activeElement.tagName), 'TEXTAREA');
  await app.getByRole('button', { name: 'Menu' }).click();
  await app.getByRole('menu').waitFor();
  assert.equal(await app.evaluate(() => document.activeElement.role), 'menuitem');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await until(() => app.getByRole('menu').count(), 0);
  assert.equal(await app.evaluate(() => document.activeElement.ariaLabel), 'Menu');
  await page.keyboard.press('Escape');
  await until(() => page.evaluate(() => document.activeElement.tagName), 'USHER-CHAT');
  await until(() => app.locator('main.w').count(), 0);
};

tests['window.Usher does what it says'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  await page.evaluate(() => {
    window.heard = [];
    window.off = window.Usher.on('message', (m) => window.heard.push(m.body));
    window.Usher.once('started', () => window.heard.push('started'));
    window.Usher.setContext({ plan: 'gold' });
    window.Usher.sendMessage('from the page');
  });
  await until(() => bodies(world), ['from the page']);
  await until(() => page.evaluate(() => window.heard), ['started', 'from the page']);
  assert.equal(world.asked.PreEngagementData.plan, 'gold');
  assert.equal(world.asked.PreEngagementData.location, url + '/demo/');
  await page.evaluate(() => (window.off(), window.Usher.sendMessage('again')));
  await until(() => world.messages.length, 2);
  assert.equal(await page.evaluate(() => window.heard.length), 2);
  const app = await open(page);
  await page.evaluate(() => window.Usher.setLocale('ja'));
  await app.getByPlaceholder('メッセージを入力').waitFor();
  await page.evaluate(() => window.Usher.setTheme('dark'));
  await until(() => app.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.evaluate(() => window.Usher.toggle());
  await until(() => app.locator('main.w').count(), 0);
  await page.evaluate(() => window.Usher.endChat());
  await until(() => world.channel.attributes.status, 'INACTIVE');
  await page.evaluate(() => window.Usher.shutdown());
  assert.equal(await page.locator('usher-chat').count(), 0);
  await page.evaluate(() => window.Usher.boot({ locale: 'ja' }));
  assert.equal(await page.locator('usher-chat').count(), 1);
};

tests['the page vouches for a visitor'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  const app = await open(page);
  world.visitor = 'ana-of-the-shop';
  await page.evaluate((token) => window.Usher.identify(token), world.token().token);
  await write(app, 'it is me');
  await until(() => world.asked?.Identity, 'ana-of-the-shop');
};

tests['strangers are not listened to, and rude styles do not reach in'] = async ({ context, url }) => {
  const page = await visit(context, url);
  const app = await open(page);
  // The widget's frame embedded nowhere near its parent: a message from another window.
  await app.evaluate(() => window.postMessage({ usher: 1, do: 'close' }, '*'));
  await page.evaluate(() => window.postMessage({ usher: 1, ev: 'ask', v: false }, '*'));
  await page.waitForTimeout(200);
  assert.equal(await app.locator('main.w').count(), 1);
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { position: relative; display: inline; color: red; font: 40px serif; margin: 30px; } usher-chat { inset: auto; z-index: 1; }');
    document.adoptedStyleSheets = [sheet];
  });
  assert.deepEqual(await page.locator('usher-chat').evaluate((el) => { const s = getComputedStyle(el); return [s.position, s.zIndex, s.margin]; }), ['fixed', '99999999', '0px']);
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).overflow), 'visible');
};

tests['a brand colour is corrected and reaches the launcher'] = async ({ context, url, world }) => {
  world.config.branding = { color: '#ffe14d' };
  const page = await visit(context, url);
  const app = await open(page);
  const accent = () => app.evaluate(() => document.documentElement.style.getPropertyValue('--accent'));
  await until(async () => (await accent()) !== '', true);
  await until(() => page.locator('usher-chat').evaluate((el) => el.style.getPropertyValue('--b')), await accent());
};

tests['earlier messages come when they are wanted, and the view stays'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  world.open();
  for (let i = 0; i < 120; i++) world.say(i % 3 ? world.visitor : agent, 'message ' + i);
  await page.evaluate(({ token, channel }) => localStorage.setItem('usher.widget.', JSON.stringify({ token, channel })), { token: { ...world.token(), expires: Date.now() + 3.6e6 }, channel: world.channel.sid });
  await page.reload();
  const app = await open(page);
  await bubble(app, 'message 119').waitFor();
  assert.equal(await app.locator('.bub').count(), 50);
  assert.ok(await app.locator('.log').evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 2));
  const before = await app.locator('.log').evaluate((el) => ((el.scrollTop = 60), el.scrollHeight - el.scrollTop));
  await until(() => app.locator('.bub').count(), 100);
  const after = await app.locator('.log').evaluate((el) => el.scrollHeight - el.scrollTop);
  assert.ok(Math.abs(after - before) < 40, `${before} ${after}`);
  // Reading above, one is not dragged down.
  world.say(agent, 'news');
  await app.locator('.pill', { hasText: '1 new' }).click();
  await until(() => app.locator('.pill').count(), 0);
};

tests['a browser that forbids storage to frames still chats'] = async ({ context, url, world }) => {
  await context.addInitScript(() => {
    if (!location.pathname.startsWith('/widget')) return;
    const forbid = () => {
      throw new DOMException('forbidden', 'SecurityError');
    };
    Object.defineProperty(window, 'localStorage', { get: forbid });
    window.BroadcastChannel = class { constructor() { forbid(); } };
    navigator.locks.request = () => Promise.reject(new DOMException('forbidden', 'SecurityError'));
  });
  const app = await open(await visit(context, url));
  await write(app, 'one');
  await write(app, 'two');
  await until(() => bodies(world), ['one', 'two']);
};

tests['who comes back after the token has ended is the same visitor'] = async ({ context, url, world }) => {
  const page = await visit(context, url);
  world.open({ long_lived: true }, Date.now() - 3 * 86_400_000);
  world.say(world.visitor, 'days ago', Date.now() - 3 * 86_400_000);
  const asked = [];
  page.on('request', (r) => r.url().includes('/Tokens') && asked.push(JSON.parse(r.postData())));
  await page.evaluate(({ token, channel }) => localStorage.setItem('usher.widget.', JSON.stringify({ token, channel })), { token: { ...world.token(), expires: Date.now() - 1000, visitor: 'secret' }, channel: world.channel.sid });
  await page.reload();
  const app = await open(page);
  await bubble(app, 'days ago').waitFor();
  assert.deepEqual(asked, [{ products: ['flex'], flow_sid: world.config.flow_sid, visitor: 'secret' }]);
  await write(app, 'hello again');
  await app.getByText('Earlier conversation').waitFor();
};

const wanted = process.argv[2] ?? '';
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (!name.includes(wanted)) continue;
  const world = new World();
  const { url, stop } = await serve(world);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  const errors = [];
  context.on('weberror', (e) => errors.push(e.error().message));
  try {
    await Promise.race([test({ context, url, world }), new Promise((_, no) => setTimeout(no, 60_000, new Error('took more than a minute')))]);
    assert.deepEqual(errors, []);
    console.log('ok  ', name);
  } catch (e) {
    failed++;
    console.log('FAIL', name, '\n', e.stack.split('\n').slice(0, 12).join('\n  '), errors);
  }
  await context.close();
  stop();
}
await browser.close();
process.exit(failed ? 1 : 0);
