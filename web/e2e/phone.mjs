// The phone on the screen, in real browsers: a text message to the sandbox's number arrives on the desk, the answer on the phone.
//   USHER_BIN=bin/usher node e2e/phone.mjs [folder for pictures]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { available, findings, invite, launch, settled, signIn, start } from './world.mjs';

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
const clean = async (what, page) => {
  const found = await findings(page);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};

const phoneOf = (page) => page.getByRole('complementary', { name: 'Sandbox phone' });

/** Opens the test drive with a phone of this number. */
async function phone(page, number) {
  await page.evaluate((own) => localStorage.setItem('usher.phone', own), number);
  await page.goto(`${server.url}/desk/admin/testdrive`);
  await phoneOf(page).getByRole('textbox', { name: 'Text message' }).waitFor();
  return phoneOf(page);
}

async function text(handset, words) {
  const field = handset.getByRole('textbox', { name: 'Text message' });
  await field.fill(words);
  await field.press('Enter');
  await handset.getByRole('log').getByText(words, { exact: true }).waitFor();
}

const reply = async (desk, words) => {
  const box = desk.getByRole('textbox', { name: 'Reply' });
  await box.fill(words);
  await box.press('Enter');
};

const accept = async (desk) => {
  await desk.getByRole('article').getByRole('button', { name: 'Accept' }).first().click();
  await desk.getByRole('textbox', { name: 'Reply' }).waitFor();
};

async function both(admin, desk) {
  const handset = await phone(admin, '+15555551234');
  await clean('the test drive with its phone', admin);
  await text(handset, 'Hi, is the Lantern dynamo light in stock?');
  await handset.getByText('Delivered').waitFor();
  check('the phone’s message is delivered', true);
  await accept(desk);
  await desk.getByRole('log').getByText('Hi, is the Lantern dynamo light in stock?').waitFor();
  check('it is on the desk', true);
  const box = desk.getByRole('textbox', { name: 'Reply' });
  await box.fill('a'.repeat(161));
  await desk.getByText('2 SMS').waitFor();
  check('the desk counts the parts of an SMS', await desk.getByText('145 left').isVisible());
  await box.fill('文');
  check('and what a character beyond the small alphabet does', await desk.getByText('69 left').isVisible());
  await reply(desk, 'Yes, two of them.');
  await handset.getByRole('log').getByText('Yes, two of them.').waitFor();
  check('the answer is on the phone', true);
  await desk.getByRole('log').getByText('Delivered').waitFor();
  check('the desk says that it was delivered', true);
  await text(handset, 'Great, I take both.');
  await desk.getByRole('log').getByText('Great, I take both.').waitFor();
  check('the phone’s next message is in the same conversation', true);
  await shot(admin, 'phone');
  await shot(desk, 'phone-desk');
  await admin.emulateMedia({ colorScheme: 'dark' });
  await settled(admin);
  await shot(admin, 'phone-dark');
  await admin.emulateMedia({ colorScheme: 'light' });
  await admin.reload();
  await phoneOf(admin).getByRole('log').getByText('Great, I take both.').waitFor();
  check('after loading anew it is still on the phone', (await phoneOf(admin).getByRole('log').getByText('Yes, two of them.').count()) === 1);
  await admin.setViewportSize({ width: 390, height: 844 });
  await settled(admin);
  check('on a narrow screen the page is not wider than it', await admin.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await clean('the phone on a narrow screen', admin);
  await phoneOf(admin).scrollIntoViewIfNeeded();
  await shot(admin, 'phone-narrow');
  await admin.setViewportSize({ width: 1440, height: 900 });
}

/** The sandbox has numbers that are switched off. */
async function off(admin, desk) {
  const handset = await phone(admin, '+15555550003');
  await text(handset, 'Can you hear me?');
  await accept(desk);
  await reply(desk, 'Loud and clear.');
  await desk.getByText('Not delivered: the phone cannot be reached').waitFor();
  check('what does not arrive is said, with its reason', await desk.getByRole('button', { name: 'Send again' }).isVisible());
  await clean('desk with a message that did not arrive', desk);
  await shot(desk, 'phone-undelivered');
}

try {
  const admin = await signIn(browser, 'the administrator', server.link, complain);
  const desk = await signIn(browser, 'the agent', await invite(admin), complain);
  await available(desk);
  await both(admin, desk);
  await off(admin, desk);
} catch (error) {
  check('the scenario runs to its end', false, error.stack);
  for (const [i, c] of browser.contexts().entries()) for (const p of c.pages()) await p.screenshot({ path: join(folder ?? '.', `failed-${i}.png`) }).catch(() => {});
  console.log(server.log().slice(-3000));
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
check('the log holds no text and no number', !/dynamo|55555\d{5}|5005550/.test(server.log()), server.log().slice(-2000));
await browser.close();
await server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
