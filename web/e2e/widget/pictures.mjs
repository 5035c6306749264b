// Pictures and axe findings of every state of the widget, light and dark.
//   node e2e/widget/pictures.mjs [folder] [state …]
// Exits with 1 when axe finds something, the page writes an error to its console, or asks another origin for anything.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './fake.mjs';
import { states, zone } from './states.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [folder = join(dirname(fileURLToPath(import.meta.url)), '../../../test/artifacts/pictures'), ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let bad = 0;
const complain = (...words) => (bad++, console.log('  !', ...words));

/** The app's own document and the page around it, each by itself: a closed shadow root hides one from the other. */
async function findings(page) {
  const out = [];
  for (const frame of page.frames()) {
    if (frame !== page.mainFrame() && !(await frame.locator('main').count())) continue;
    await frame.evaluate(axe);
    const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false }));
    for (const v of violations) out.push(`${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
  }
  return out;
}

for (const [name, state] of Object.entries(states)) {
  if (wanted.length && !wanted.includes(name)) continue;
  for (const scheme of ['light', 'dark']) {
    const world = state.world();
    const { url, stop } = await serve(world);
    const context = await browser.newContext({
      colorScheme: scheme,
      locale: state.locale ?? 'en-GB',
      timezoneId: zone(),
      ...(state.phone ? { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true } : { viewport: { width: 1440, height: 900 } }),
    });
    const page = await context.newPage();
    page.on('console', (m) => {
      // The states that take the network away make the browser itself complain.
      if (m.type() === 'error' && !/net::ERR|WebSocket|503/.test(m.text())) complain(name, scheme, 'console:', m.text());
    });
    page.on('pageerror', (e) => complain(name, scheme, 'error:', e.message));
    page.on('request', (r) => !r.url().startsWith(url) && !r.url().startsWith('data:') && complain(name, scheme, 'asks', r.url()));
    try {
      await page.goto(`${url}/demo/`);
      await page.waitForFunction(() => window.Usher);
      await state.enter(page, world);
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(folder, `widget-${name}-${scheme}.png`) });
      for (const finding of await findings(page)) complain(name, scheme, 'axe:', finding);
      console.log(name, scheme);
    } catch (e) {
      complain(name, scheme, e.message);
      await page.screenshot({ path: join(folder, `widget-${name}-${scheme}-failed.png`) }).catch(() => {});
    }
    await context.close();
    stop();
  }
}
await browser.close();
console.log(bad ? `${bad} findings` : 'nothing found');
process.exit(bad ? 1 : 0);
