// Files between a visitor and an agent: chosen, pasted, dropped, refused, cut and tried again; shown, downloaded, kept over a reload.
//   USHER_BIN=bin/usher node e2e/attachments.mjs [folder for pictures]
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { agentOn, answer, begin, findings, launch, proxy, start, tally, visit, widget, write } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
const { check, done } = tally();
const complaints = [];
// A refused upload is in the browser's console too.
const complain = (text) => /status of 400/.test(text) || complaints.push(text);
const shot = async (page, name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const clean = async (what, page, frame) => {
  const found = await findings(page, frame);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

/** A picture that a person can tell from another: a wheel on a ground of the given colour. */
function png(width, height, [r, g, b]) {
  const crcs = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const crc = (buf) => (buf.reduce((c, x) => crcs[(c ^ x) & 255] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const d = Math.hypot(x - width / 2, y - height / 2) / height;
      const spoke = Math.abs(Math.sin(6 * Math.atan2(y - height / 2, x - width / 2))) < 0.06 && d < 0.4;
      rows.set(d < 0.43 && d > 0.38 || spoke ? [40, 42, 40] : [r, g, b], y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

const wheel = { name: 'wheel.png', mimeType: 'image/png', buffer: png(640, 420, [201, 207, 198]) };
const frame = { name: 'frame räk.png', mimeType: 'image/png', buffer: png(300, 500, [120, 150, 130]) };
const receipt = { name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from('One Fennel 2, 899.00\n'.repeat(200)) };
const guide = { name: 'hanger-guide.pdf', mimeType: 'application/pdf', buffer: Buffer.concat([Buffer.from('%PDF-1.7\n%'), Buffer.alloc(300_000, 'x'), Buffer.from('\n%%EOF\n')]) };

/** Lets a person's files fall on an element, or pastes them into it. */
async function give(target, kind, files) {
  const all = files.map((f) => [f.name, f.mimeType, f.buffer.toString('base64')]);
  await target.evaluate((el, { kind, all }) => {
    const data = new DataTransfer();
    for (const [name, type, base64] of all) data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
    const fire = (type) => el.dispatchEvent(type === 'paste' ? new ClipboardEvent(type, { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    if (kind === 'hold') fire('dragenter');
    else if (kind === 'drop') ['dragover', 'drop'].forEach(fire);
    else fire(kind);
  }, { kind, all });
}

const choose = async (page, button, files) => {
  const chooser = page.waitForEvent('filechooser');
  await button.click();
  await (await chooser).setFiles(files);
};

/** The picture of that name is drawn, not only named. */
const drawn = (root, name) => root.getByRole('log').getByRole('link', { name: `Open picture ${name}` }).locator('img').first().evaluate(async (img) => {
  for (let i = 0; i < 100 && !img.naturalWidth; i++) await new Promise((r) => setTimeout(r, 50));
  return img.naturalWidth;
});
const named = (root, name) => root.getByRole('log').getByRole('link', { name: new RegExp(`Download ${name}`) });
const fetched = async (link, what) => link.evaluate(async (a, what) => {
  const res = await fetch(a.href);
  return what === 'type' ? res.headers.get('content-type') : (await res.arrayBuffer()).byteLength;
}, what);

async function visitorSends(desk, shop, app) {
  const box = app.getByRole('textbox', { name: 'Write a message' });
  const clip = app.getByRole('button', { name: 'Attach a file' });
  await clip.waitFor();
  await app.waitForFunction(() => /up to/.test(document.querySelector('.clip').title));
  check('the limit is told before anything is chosen', /up to \d+ MB/.test(await clip.getAttribute('title')), await clip.getAttribute('title'));
  await choose(shop, clip, [wheel, receipt]);
  const tray = app.getByRole('list', { name: 'Files to send' });
  await tray.getByText('receipt.txt').waitFor();
  check('what is chosen is shown with its kind and size', /PNG, \d+ KB/.test(await tray.innerText()) && /TXT, \d+ KB/.test(await tray.innerText()), await tray.innerText());
  check('a picture is shown before it leaves', (await tray.locator('img').evaluate(async (img) => (await img.decode(), img.naturalWidth))) === 640);
  check('the focus is where one writes', await box.evaluate((el) => document.activeElement === el));
  check('nothing has left', (await desk.getByRole('log').getByRole('link').count()) === 0);
  await box.fill('Here is the wheel, and the receipt.');
  await shot(shop, 'widget-tray');
  await clean('widget, files chosen', shop, app);
  await box.press('Enter');
  await tray.waitFor({ state: 'detached' });
  check('the visitor sees the picture', (await drawn(app, 'wheel.png')) > 0);
  check('the agent sees the picture', (await drawn(desk, 'wheel.png')) > 0);
  await named(desk, 'receipt.txt').waitFor();
  check('the agent gets the file whole', (await fetched(named(desk, 'receipt.txt'))) === receipt.buffer.length);
  check('the text went before the files', (await desk.getByRole('log').innerText()).indexOf('Here is the wheel') < (await desk.getByRole('log').innerText()).indexOf('receipt.txt'));
}

async function pasteAndDrop(desk, shop, app) {
  const box = app.getByRole('textbox', { name: 'Write a message' });
  await give(box, 'paste', [frame]);
  await app.getByText(frame.name).waitFor();
  await app.getByRole('button', { name: `Remove ${frame.name}` }).press('Enter');
  check('a chosen file is removed with the keyboard, and the focus goes back', await box.evaluate((el) => document.activeElement === el) && !(await app.getByRole('list', { name: 'Files to send' }).count()));
  await give(app.getByRole('log'), 'hold', [frame]);
  await app.getByRole('heading', { name: 'Drop files here' }).waitFor();
  await shot(shop, 'widget-drop');
  await clean('widget, a file held over it', shop, app);
  await give(app.getByRole('log'), 'drop', [frame]);
  await app.getByRole('heading', { name: 'Drop files here' }).waitFor({ state: 'detached' });
  await app.getByRole('button', { name: 'Send' }).click();
  check('a dropped picture arrives', (await drawn(desk, frame.name)) > 0);
}

async function refused(server, service, shop, app) {
  const rules = `/mcs/v1/Services/${service}/Configuration`;
  const { max_bytes: most } = await server.rest('GET', rules);
  await shop.reload();
  await server.rest('POST', rules, { ContentTypes: 'image/*', VisitorMaxBytes: '100000' });
  await shop.evaluate(() => window.Usher.open());
  app = await widget(shop);
  await choose(shop, app.getByRole('button', { name: 'Attach a file' }), [receipt, { ...wheel, name: 'huge.png', buffer: Buffer.concat([wheel.buffer, Buffer.alloc(200_000)]) }, { ...wheel, name: 'mislabelled.png', buffer: Buffer.from('<!doctype html><script>alert(1)</script>') }]);
  await app.getByText('Files of this kind are not taken here').waitFor();
  await app.getByText('Too large: at most 98 KB').waitFor();
  check('a refused kind and a size are told before they leave', true);
  await app.getByRole('button', { name: 'Send' }).click();
  await app.waitForFunction(() => document.querySelectorAll('.tray .failed').length === 3);
  check('what is not what it says is refused by the server, and told', true);
  await shot(shop, 'widget-refused');
  await clean('widget, refused files', shop, app);
  for (const name of ['receipt.txt', 'huge.png', 'mislabelled.png']) await app.getByRole('button', { name: `Remove ${name}` }).click();
  await server.rest('POST', rules, { ContentTypes: '*/*', VisitorMaxBytes: String(most) });
  await shop.reload();
  await shop.evaluate(() => window.Usher.open());
  app = await widget(shop);
  return app;
}

/** The network is cut in the middle of an upload: it waits, says so, and goes on by itself. */
async function cut(net, desk, shop, app) {
  await choose(shop, app.getByRole('button', { name: 'Attach a file' }), [{ ...wheel, name: 'later.png' }]);
  await app.getByRole('list', { name: 'Files to send' }).waitFor();
  net.cut();
  await app.getByRole('button', { name: 'Send' }).click();
  await app.getByText('Waits for the network').waitFor();
  check('a cut upload says that it waits', true);
  await give(app.getByRole('textbox', { name: 'Write a message' }), 'paste', [frame]);
  await app.getByText(frame.name, { exact: true }).waitFor();
  await app.getByRole('button', { name: 'Send' }).click();
  await app.getByRole('button', { name: `Cancel ${frame.name}` }).click();
  check('what waits can be cancelled', (await app.getByRole('list', { name: 'Files to send' }).getByRole('listitem').count()) === 1);
  await shot(shop, 'widget-cut');
  net.mend();
  check('and goes on by itself', (await drawn(desk, 'later.png')) > 0);
  await app.getByRole('list', { name: 'Files to send' }).waitFor({ state: 'detached' });
}

async function agentSends(desk, shop, app) {
  const box = desk.getByRole('textbox', { name: 'Reply' });
  await box.fill('The guide, as promised.');
  await give(box, 'paste', [guide]);
  const tray = desk.getByRole('list', { name: 'Files to send' });
  await tray.getByText('hanger-guide.pdf').waitFor();
  check('the draft stays while a file is attached', (await box.inputValue()) === 'The guide, as promised.');
  await shot(desk, 'desk-tray');
  await clean('desk, files chosen', desk);
  await box.press('Enter');
  await tray.waitFor({ state: 'detached' });
  const link = named(app, 'hanger-guide.pdf');
  await link.waitFor();
  const download = shop.waitForEvent('download');
  await link.click();
  const saved = await download;
  check('the visitor downloads the agent\'s file under its name', saved.suggestedFilename() === 'hanger-guide.pdf' && readFileSync(await saved.path()).equals(guide.buffer), saved.suggestedFilename());
  await give(desk.getByRole('log'), 'hold', [wheel]);
  await desk.getByRole('heading', { name: 'Drop files to attach them' }).waitFor();
  await shot(desk, 'desk-drop');
  await give(desk.getByRole('log'), 'drop', [{ ...wheel, name: 'stand.png' }]);
  await desk.getByRole('button', { name: 'Send' }).click();
  check('a picture that the agent drops arrives', (await drawn(app, 'stand.png')) > 0);
  await desk.getByRole('button', { name: 'Emoji' }).click();
  await shot(desk, 'desk-emoji');
  await clean('desk, emoji', desk);
  await desk.getByRole('button', { name: '👍' }).click();
  check('the desk writes an emoji', (await box.inputValue()) === '👍');
  await box.press('Enter');
  await app.getByText('👍', { exact: true }).waitFor();
  await desk.getByRole('log').getByRole('link', { name: 'Open picture wheel.png' }).click();
  const large = desk.getByRole('dialog', { name: 'wheel.png' });
  await large.getByRole('img').evaluate((img) => img.decode());
  check('a picture opens large', (await large.getByRole('img').evaluate((img) => img.naturalWidth)) === 640);
  await shot(desk, 'desk-lightbox');
  await clean('desk, a large picture', desk);
  await desk.keyboard.press('Escape');
  await large.waitFor({ state: 'hidden' });
}

async function reload(desk, shop) {
  for (const page of [shop, desk]) await page.reload();
  await shop.evaluate(() => window.Usher.open());
  const app = await widget(shop);
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
  for (const [where, root] of [['visitor', app], ['agent', desk]]) {
    check(`a reload keeps the files of the ${where}`, (await drawn(root, 'wheel.png')) > 0 && (await named(root, 'hanger-guide.pdf').count()) === 1);
  }
  await app.getByRole('button', { name: 'Emoji' }).click();
  await app.getByRole('button', { name: '🚲' }).press('Enter');
  check('the widget writes an emoji', (await app.getByRole('textbox', { name: 'Write a message' }).inputValue()) === '🚲');
  await write(app, 'Write a message', 'Thank you 🚲');
  await app.getByRole('button', { name: 'Menu' }).click();
  const download = shop.waitForEvent('download');
  await app.getByRole('menuitem', { name: 'Download transcript' }).click();
  const text = readFileSync(await (await download).path(), 'utf8');
  check('the transcript names the files', /\[wheel\.png, PNG, \d+ KB\]/.test(text) && /\[hanger-guide\.pdf, PDF, \d+ KB\]/.test(text) && text.includes('Thank you 🚲'), text);
  await shot(shop, 'widget-conversation');
  await shot(desk, 'desk-conversation');
  await clean('widget, with files', shop, app);
  await clean('desk, with files', desk);
  return app;
}

/** A large file on a slow line: how far it has come is told, it can be cancelled, and what begins the conversation can be a file. */
async function beginWithFile(desk, shop) {
  const page = await visit(browser, 'a second shop', complain);
  await page.goto(server.demo.replace(server.url, net.url));
  await page.waitForFunction(() => window.Usher);
  await page.evaluate(() => window.Usher.set({ preEngagement: null, context: { friendlyName: 'Cy Okafor' } }));
  await page.evaluate(() => window.Usher.open());
  const app = await widget(page);
  await choose(page, app.getByRole('button', { name: 'Attach a file' }), [{ ...wheel, name: 'first.png' }]);
  await app.getByText('first.png', { exact: true }).waitFor();
  await app.getByRole('button', { name: 'Send' }).click();
  await drawn(app, 'first.png');
  check('a file begins a conversation', true);
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  await network.send('Network.emulateNetworkConditions', { offline: false, latency: 20, downloadThroughput: -1, uploadThroughput: 400_000 });
  await choose(page, app.getByRole('button', { name: 'Attach a file' }), [{ ...guide, name: 'large.pdf', buffer: Buffer.concat([guide.buffer, Buffer.alloc(6_000_000, 'y')]) }]);
  await app.getByText('large.pdf', { exact: true }).waitFor();
  await app.getByRole('button', { name: 'Send' }).click();
  await app.waitForFunction(() => Number(document.querySelector('.tray progress')?.value) > 0.05);
  check('how far an upload has come is told', /Sending, \d+%/.test(await app.getByRole('list', { name: 'Files to send' }).innerText()), await app.getByRole('list', { name: 'Files to send' }).innerText());
  await shot(page, 'widget-progress');
  await clean('widget, uploading', page, app);
  await app.getByRole('button', { name: 'Cancel large.pdf' }).click();
  await app.getByRole('list', { name: 'Files to send' }).waitFor({ state: 'detached' });
  await page.waitForTimeout(500);
  check('a cancelled upload is no message', (await app.getByText('large.pdf').count()) === 0);
  await page.context().close();
}

async function narrow(desk, shop) {
  await shop.setViewportSize({ width: 390, height: 844 });
  await desk.setViewportSize({ width: 390, height: 844 });
  const app = await widget(shop);
  await choose(shop, app.getByRole('button', { name: 'Attach a file' }), [wheel]);
  await app.getByText('wheel.png', { exact: true }).waitFor();
  await shop.waitForTimeout(300);
  await shot(shop, 'phone-widget');
  await clean('widget on a phone', shop, app);
  const small = await app.evaluate(() => [...document.querySelectorAll('.tray button, .clip, .snd')].map((b) => b.getBoundingClientRect()).filter((r) => r.width < 44 || r.height < 44).length);
  check('targets are 44 px on a phone', small === 0, String(small));
  await app.getByRole('button', { name: 'Remove wheel.png' }).click();
  await give(desk.getByRole('textbox', { name: 'Reply' }), 'paste', [guide, wheel]);
  await desk.getByRole('list', { name: 'Files to send' }).waitFor();
  await shot(desk, 'phone-desk');
  await clean('desk on a phone', desk);
  check('nothing is wider than a phone', (await desk.evaluate(() => document.documentElement.scrollWidth)) <= 390 && (await app.evaluate(() => document.documentElement.scrollWidth)) <= 390);
}

const server = await start();
const net = await proxy(server.port);
const browser = await launch();
try {
  const desk = await agentOn(browser, server, complain);
  const shop = await visit(browser, 'shop', complain, { acceptDownloads: true });
  await shop.goto(server.demo.replace(server.url, net.url));
  let app = await begin(shop, 'Ana Pires');
  await write(app, 'Write a message', 'Hello, my wheel is bent.');
  await answer(desk, 'Ana Pires');
  await visitorSends(desk, shop, app);
  await pasteAndDrop(desk, shop, app);
  const { services } = await server.rest('GET', '/chat/v2/Services');
  app = await refused(server, services[0].sid, shop, app);
  await cut(net, desk, shop, app);
  await agentSends(desk, shop, app);
  await reload(desk, shop);
  await beginWithFile(desk, shop);
  await narrow(desk, shop);
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  for (const [i, c] of browser.contexts().entries()) {
    for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', `failed-${i}.png`) }).catch(() => {});
  }
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no name of a file', !/wheel|receipt|hanger/.test(server.log()));
await browser.close();
net.stop();
await server.stop();
done();
