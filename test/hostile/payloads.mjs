// Names and messages that want to be HTML, script or an address, both ways between a widget and a desk: each is text.
//   USHER_BIN=bin/usher node test/hostile/payloads.mjs
import { launch, start, visit, widget } from '../../web/e2e/world.mjs';

const mark = '__usher_was_here';
const run = `window.top.${mark}=1`;
const corpus = [
  `<script>${run}</script>`,
  `<img src=x onerror="${run}">`,
  `<svg/onload=${run}>`,
  `"><svg><animate onbegin=${run} attributeName=x dur=1s>`,
  `'-${run}-'`,
  '{{constructor.constructor("return 1")()}} ${7*7} <%= 7*7 %>',
  `<iframe srcdoc="<script>parent.${mark}=1</script>"></iframe>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${run}&gt;">`,
  `<a href="javascript:${run}">press me</a>`,
  `javascript:${run}`,
  'JaVaScRiPt:alert(1)//http://shop.example/',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  `http://shop.example/"onmouseover="${run}`,
  `https://shop.example/<b>x</b>?a='b`,
  'https://user:secret@evil.example/',
  '&lt;b&gt;not bold&lt;/b&gt; &amp;amp;',
  '</div></main><style>*{display:none!important}</style>',
  '__proto__ constructor toString',
  '%3Cscript%3E \\u003cscript\\u003e',
  '[click](javascript:alert(1)) ![x](https://evil.example/x.png)',
];
const name = '<b onclick=x>Eve</b>';
const problems = [];
const complain = (text) => problems.push(text);
const server = await start();
const browser = await launch();

const write = async (root, label, text) => {
  const box = root.getByRole('textbox', { name: label });
  await box.fill(text);
  await box.press('Enter');
};

/** Every payload is to be read as it was written, and nothing of it to have become a part of the page. */
async function read(where, root, all) {
  const log = root.getByRole('log');
  for (const text of all) await log.getByText(text, { exact: false }).first().waitFor({ timeout: 15_000 }).catch(() => complain(`${where}: is not shown as text: ${text}`));
  const found = await root.evaluate((m) => {
    const bad = [];
    if (window.top[m]) bad.push('a script has run');
    for (const e of document.querySelectorAll('[role=log] :is(script, img, iframe, style, object, embed, form, table, b, math)')) {
      if (e.localName === 'b' && !/^(x|not bold|Eve)$/.test(e.textContent)) continue; // an author's name
      if (!(e.localName === 'img' && /^(data:|blob:|\/)/.test(e.getAttribute('src') ?? ''))) bad.push(`an element ${e.outerHTML.slice(0, 100)}`);
    }
    for (const e of document.querySelectorAll('*')) {
      for (const a of e.attributes) if (/^on/i.test(a.name)) bad.push(`a handler ${a.name}`);
    }
    for (const a of document.querySelectorAll('[role=log] a')) {
      if (!/^(https?:|mailto:|tel:)/.test(a.href) || !/noopener/.test(a.rel) || a.target !== '_blank') bad.push(`a link ${a.outerHTML.slice(0, 150)}`);
    }
    return bad;
  }, mark);
  for (const bad of found) complain(`${where}: ${bad}`);
}

try {
  const desk = await visit(browser, 'desk', complain);
  for (const page of [desk]) page.on('dialog', (d) => (complain('a dialog opened'), d.dismiss()));
  await desk.goto(server.link);
  await desk.getByLabel('New password').fill('a short sentence is easy');
  await desk.getByRole('button', { name: 'Save and open the desk' }).click();
  await desk.getByRole('button', { name: /Your status/ }).click();
  await desk.getByRole('menuitemradio', { name: /^Available/ }).click();
  const shop = await visit(browser, 'shop', complain);
  shop.on('dialog', (d) => (complain('a dialog opened'), d.dismiss()));
  await shop.goto(server.demo);
  await shop.evaluate(() => window.Usher.open());
  const app = await widget(shop);
  await app.getByLabel('Name').fill(name);
  await app.getByRole('button', { name: 'Start chat' }).click();
  await write(app, 'Write a message', corpus[0]);
  const card = desk.getByRole('article').filter({ hasText: name });
  await card.getByRole('button', { name: 'Accept' }).click();
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
  for (const text of corpus.slice(1)) await write(app, 'Write a message', text);
  await read('desk, from the visitor', desk, corpus);
  for (const text of corpus) await write(desk, 'Reply', `re: ${text}`);
  await read('widget, from the agent', app, corpus.map((text) => `re: ${text}`));
  await desk.reload();
  await read('desk, read again', desk, [corpus.at(-1)]);
  if (server.log().includes(mark)) complain('the log holds a text');
} catch (e) {
  complain(e.stack);
  for (const [i, c] of browser.contexts().entries()) for (const p of c.pages()) await p.screenshot({ path: `${process.env.PICTURES ?? '/tmp'}/payloads-${i}.png` }).catch(() => {});
}
await browser.close();
await server.stop();
for (const text of problems) console.log(text);
console.log(problems.length ? `${problems.length} problems` : `${corpus.length} payloads each way are text`);
process.exit(problems.length ? 1 : 0);
