// The flow editor in a real browser: the list, building a flow by keyboard and by mouse, saving, publishing, revisions, import.
//   USHER_BIN=bin/usher node e2e/editor.mjs [folder for pictures]
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findings, launch, settled, start, visit } from './world.mjs';

const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
const definitions = join(dirname(fileURLToPath(import.meta.url)), '../../internal/studio/engine/testdata');
let passed = 0, failed = 0;
const check = (what, ok, detail = '') => {
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : ' ' + detail}`);
};
/** The browser itself complains of every refused check, which is what mistakes are. */
const refused = /status of 400/;
const complaints = [];
const server = await start();
const browser = await launch();
const page = await visit(browser, 'the administrator', (text) => refused.test(text) || complaints.push(text), { reducedMotion: 'reduce' });
const shot = async (name) => folder && page.screenshot({ path: join(folder, `${name}.png`) });
const dark = async (name) => {
  if (!folder) return;
  await page.emulateMedia({ colorScheme: 'dark' });
  await settled(page);
  await shot(name);
  await page.emulateMedia({ colorScheme: 'light' });
  await settled(page);
};
const clean = async (what) => {
  const found = await findings(page);
  check(`axe: ${what}`, found.length === 0, found.join('\n     '));
};
const button = (name, root = page) => root.getByRole('button', { name, exact: typeof name === 'string' });
const canvas = page.getByRole('application', { name: 'Flow canvas' });
const inspector = page.getByRole('complementary', { name: 'Inspector' });
/** A widget on the canvas, by its name. */
const box = (name) => canvas.getByRole('button', { name: new RegExp(`^${name} `) });
const flowNamed = async (name) => (await server.rest('GET', '/studio/v2/Flows?PageSize=100')).flows.find((each) => each.friendly_name === name);
const definitionOf = async (sid) => (await server.rest('GET', `/studio/v2/Flows/${sid}`)).definition;

async function signIn() {
  await page.goto(server.link);
  await page.getByLabel('New password').fill('a short sentence is easy');
  await button('Save and open the desk').click();
  await button(/Your status/).waitFor();
}

async function list() {
  await page.goto(`${server.url}/desk/admin/flows`);
  await page.getByRole('link', { name: 'Webchat Flow' }).waitFor();
  check('the list shows the default flows', (await page.getByRole('row').count()) >= 3);
  check('and who uses them', (await page.getByRole('row', { name: /Webchat Flow/ }).getByRole('link').count()) > 1);
  await clean('the list of flows');
  await shot('flows-light');
  await dark('flows-dark');
  await button('New flow').click();
  await clean('a new flow');
  await shot('new-flow');
}

/** A flow built without touching the mouse. */
async function byKeyboard() {
  await page.getByLabel('Name', { exact: true }).fill('By keyboard');
  await page.keyboard.press('Enter');
  await canvas.waitFor();
  const sid = new URL(page.url()).pathname.split('/').at(-1);
  await box('Trigger').focus();
  await page.keyboard.press('Enter');
  await inspector.getByLabel('Incoming message: then go to').selectOption({ label: '+ Send and wait for a reply' });
  await inspector.getByLabel('Text', { exact: true }).fill('Which number is on your order?');
  await inspector.getByLabel('Name', { exact: true }).fill('ask_order');
  await page.keyboard.press('Enter');
  await box('ask_order').waitFor();
  await inspector.getByLabel('Reply: then go to').selectOption({ label: '+ Split based on' });
  await inspector.getByLabel('Name', { exact: true }).fill('known');
  await inspector.getByRole('button', { name: 'Insert a value: Value to test' }).press('Enter');
  await page.getByRole('menuitem', { name: 'widgets.ask_order.inbound.Body' }).press('Enter');
  check('a value is inserted from the list', (await inspector.getByLabel('Value to test', { exact: true }).inputValue()) === '{{widgets.ask_order.inbound.Body}}');
  await button('Add a condition', inspector).press('Enter');
  check('all 17 operators are offered', (await inspector.getByLabel('Condition 1: Operator').locator('option').count()) === 17);
  await inspector.getByLabel('Condition 1: Operator').selectOption('starts with');
  await inspector.getByLabel('Condition 1: Value').fill('SL-');
  await inspector.getByLabel('Condition 1: then go to').selectOption({ label: '+ Set variables' });
  await inspector.getByRole('button', { name: 'Add Variable' }).press('Enter');
  await inspector.getByLabel('Variable 1: Key').fill('order');
  await inspector.getByLabel('Variable 1: Value').fill('{{widgets.ask_order.inbound.Body}}');
  await inspector.getByLabel('Next: then go to').selectOption({ label: '+ Send to agent' });
  await page.getByRole('button', { name: /^\d+ mistakes?$|No problems/ }).or(page.getByText('No problems')).first().waitFor();
  await inspector.getByLabel('Workflow', { exact: true }).selectOption({ index: 1 });
  await inspector.getByLabel('Task channel', { exact: true }).selectOption({ index: 1 });
  await box('known').focus();
  await page.keyboard.press('Enter');
  await inspector.getByLabel('Anything else: then go to').selectOption({ label: 'agent' });
  await box('ask_order').focus();
  await page.keyboard.press('Enter');
  await inspector.getByLabel('Name', { exact: true }).fill('ask_number');
  await page.keyboard.press('Tab');
  await page.getByText('No problems').waitFor();
  await clean('a flow built by keyboard');
  await shot('by-keyboard');
  await button('Save draft').click();
  await page.getByText('Saved as revision 2').waitFor();
  const kept = await definitionOf(sid);
  const at = (name) => kept.states.find((state) => state.name === name);
  check('references follow a new name', at('known').properties.input === '{{widgets.ask_number.inbound.Body}}' && at('known').transitions[1].conditions[0].arguments[0] === '{{widgets.ask_number.inbound.Body}}', JSON.stringify(at('known')));
  check('the conditions are kept', at('known').transitions[1].conditions[0].type === 'starts_with' && at('known').transitions[1].conditions[0].value === 'SL-');
  check('and what each leads to', at('Trigger').transitions[0].next === 'ask_number' && at('set_variables').transitions[0].next === 'agent' && at('known').transitions[0].next === 'agent');
  return sid;
}

/** Drags from a widget's way out to another widget. */
async function drag(from, to) {
  await box(from).hover();
  const handle = await box(from).locator('.hd-out').first().boundingBox();
  const target = await box(to).boundingBox();
  await page.mouse.move(handle.x + handle.width / 2, handle.y + handle.height / 2);
  await page.mouse.down();
  await page.mouse.move(target.x + 60, target.y + 20, { steps: 8 });
  await page.mouse.move(target.x + target.width / 2, target.y + target.height / 2, { steps: 4 });
  await page.mouse.up();
}

/** Widgets added and connected by mouse, undone and redone, moved, duplicated, deleted. */
async function byMouse(sid) {
  await button('Add Say').click();
  await inspector.getByLabel('Text', { exact: true }).fill('We look it up.');
  await box('send_message').waitFor();
  await button('Zoom out').click();
  await button('Show all').click();
  await drag('set_variables', 'send_message');
  await drag('send_message', 'agent');
  await box('set_variables').click();
  check('a line is drawn by mouse', (await inspector.getByLabel('Next: then go to').inputValue()) === 'send_message');
  await box('send_message').click();
  check('and another one', (await inspector.getByLabel('Sent: then go to').inputValue()) === 'agent');
  const palette = await button('Add HTTP').boundingBox();
  const pane = await canvas.boundingBox();
  await page.mouse.move(palette.x + 20, palette.y + 20);
  await page.mouse.down();
  await page.mouse.move(pane.x + 120, pane.y + 120, { steps: 8 });
  await page.mouse.up();
  await box('http_request').waitFor();
  check('a widget is dragged from the palette', true);
  await page.getByRole('button', { name: /^\d+ warning/ }).waitFor();
  await page.getByRole('button', { name: /^\d+ warning/ }).click();
  await page.getByRole('menuitem', { name: /http_request/ }).first().waitFor();
  await clean('the list of problems');
  await shot('problems');
  await page.keyboard.press('Escape');
  await box('http_request').focus();
  await page.keyboard.press('Delete');
  await box('http_request').waitFor({ state: 'detached' });
  await button('Undo').first().click();
  await box('http_request').waitFor();
  await button('Redo').click();
  await box('http_request').waitFor({ state: 'detached' });
  check('deleting is undone and redone', true);
  await box('send_message').click();
  await button('Acts on this widget', inspector).click();
  await page.getByRole('menuitem', { name: 'Duplicate' }).click();
  await box('send_message_1').waitFor();
  await button('Acts on this widget', inspector).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await box('send_message_1').waitFor({ state: 'detached' });
  const before = await box('agent').boundingBox();
  await box('agent').click();
  await box('agent').press('ArrowRight');
  await settled(page);
  check('arrows move a widget', (await box('agent').boundingBox()).x > before.x);
  await button('Publish').click();
  await page.getByLabel('What has changed').fill('Asks for the order');
  await clean('publishing');
  await shot('publish');
  await button('Publish now').click();
  await page.getByText(/Revision 3 is published/).waitFor();
  const kept = await server.rest('GET', `/studio/v2/Flows/${sid}`);
  check('the flow is published with its message', kept.status === 'published' && kept.commit_message === 'Asks for the order' && kept.valid);
  await page.reload();
  await box('send_message').waitFor();
  await box('send_message').click();
  check('after loading anew it is the same', (await inspector.getByLabel('Text', { exact: true }).inputValue()) === 'We look it up.' && (await inspector.getByLabel('Sent: then go to').inputValue()) === 'agent');
  check('and nothing is unsaved', await button('Save draft').isDisabled());
}

/** Mistakes while somebody writes; a name that is taken. */
async function mistakes() {
  await box('agent').click();
  await inspector.locator('summary', { hasText: 'All properties (JSON)' }).click();
  await inspector.getByLabel('All properties (JSON)').fill('{"workflow":"WW1"}');
  await button('1 mistake').click();
  await page.getByRole('menuitem', { name: /agent/ }).first().click();
  await inspector.getByText(/needs the property/).first().waitFor();
  await settled(page);
  check('a mistake leads to its field', await inspector.getByLabel('Task channel', { exact: true }).evaluate((field) => field === document.activeElement));
  await clean('a mistake');
  await shot('mistake');
  await dark('mistake-dark');
  await button('Undo').click();
  await page.getByText('No problems').waitFor();
  await box('agent').click();
  await inspector.getByLabel('Name', { exact: true }).fill('known');
  await inspector.getByText('Another widget has this name.').waitFor();
  await inspector.getByLabel('Name', { exact: true }).fill('agent');
}

/** Somebody else saves meanwhile; leaving with changes asks first. */
async function others(sid) {
  await box('send_message').click();
  await inspector.getByLabel('Text', { exact: true }).fill('Mine');
  await button('Back to flows', page).or(page.getByRole('link', { name: 'Back to flows' })).first().click();
  await page.getByRole('dialog', { name: 'Leave without saving?' }).waitFor();
  await clean('leaving with changes');
  await button('Stay').click();
  await server.rest('POST', `/studio/v2/Flows/${sid}`, { Status: 'draft', CommitMessage: 'theirs' });
  await button('Save draft').click();
  await page.getByRole('dialog', { name: 'Somebody else saved this flow' }).waitFor();
  await clean('a conflict');
  await shot('conflict');
  await button('Save mine anyway').click();
  await page.getByText('Saved as revision 5').waitFor();
  check('a conflict is answered by hand', (await definitionOf(sid)).states.some((state) => state.properties.body === 'Mine'));
}

/** All that was saved: to compare, to look at, to bring back. */
async function revisions(sid) {
  await button('Revisions').click();
  const row = (n) => page.getByRole('list', { name: 'All revisions' }).getByRole('button', { name: new RegExp(`Revision ${n}\\b`) });
  await row(3).getByText('Asks for the order').waitFor();
  await row(5).waitFor();
  const changed = page.getByRole('article', { name: 'send_message', exact: true });
  await page.getByLabel('Before').selectOption({ label: 'Revision 3' });
  await changed.getByText('We look it up.').waitFor();
  check('a change is shown with both values', /before: We look it up\.[^]*after: Mine/i.test((await changed.innerText()).replace(/\s+/g, ' ')), await changed.innerText());
  await clean('the differences of two revisions');
  await shot('diff-light');
  await dark('diff-dark');
  await row(2).click();
  await button('Look at it').click();
  await box('ask_number').waitFor();
  check('an old revision is drawn', (await box('send_message').count()) === 0);
  await shot('revision');
  await button('Restore revision 2').click();
  await page.getByText('Revision 2 is in the editor').waitFor();
  await box('ask_number').waitFor();
  check('a restored revision is in the editor, not saved', (await button('Save draft').isEnabled()) && (await box('send_message').count()) === 0);
  await button('Undo').first().click();
  await box('send_message').waitFor();
}

/** The path of a test conversation lights up. */
async function path() {
  await button('Try it').click();
  const box2 = page.getByRole('textbox', { name: /Write/ });
  await box2.fill('Hello');
  await box2.press('Enter');
  await page.locator('.nd.now').waitFor();
  check('the path of a test conversation is lit', (await page.locator('.nd.lit').count()) === 2 && (await page.locator('.ln.lit').count()) === 2, `${await page.locator('.nd.lit').count()} ${await page.locator('.ln.lit').count()}`);
  await clean('a test conversation');
  await shot('tryout-light');
  await dark('tryout-dark');
  await button('Try it').click();
}

/** A Flex Flow's form offers the flows. */
async function channels() {
  await page.goto(`${server.url}/desk/admin/channels`);
  await page.getByRole('link', { name: 'Webchat Flow' }).waitFor();
  await page.getByRole('button', { name: /Flex Web Channel Flow/ }).click();
  const choice = page.getByRole('dialog').getByLabel('Flow', { exact: true });
  await choice.selectOption({ label: 'By keyboard, revision 5' });
  await page.getByRole('link', { name: 'Open the flow' }).waitFor();
  await clean('a Flex Flow that runs a flow');
  await shot('flex-flow');
}

/** Every definition of the engine's tests comes in, is drawn, and goes out as it was. */
async function imports() {
  await page.goto(`${server.url}/desk/admin/flows`);
  for (const file of readdirSync(definitions).filter((name) => name.endsWith('.json'))) {
    const source = readFileSync(join(definitions, file), 'utf8');
    await button('Import').click();
    const dialog = page.getByRole('dialog', { name: 'Import a flow' });
    await dialog.getByLabel('Choose a file').first().setInputFiles(join(definitions, file));
    await dialog.getByText(/^No mistakes\./).waitFor();
    if (file === 'menu.json') {
      await clean('an import');
      await shot('import');
    }
    await button('Import as a draft').click();
    await canvas.waitFor();
    const { states } = JSON.parse(source);
    await box(states.at(-1).name).waitFor();
    const drawn = await canvas.getByRole('button').count();
    await button('More').click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export JSON' }).click()]);
    const out = readFileSync(await download.path(), 'utf8');
    check(`${file} is imported, drawn and exported as it was`, drawn >= states.length && JSON.stringify(JSON.parse(out)) === JSON.stringify(JSON.parse(source)), `${drawn} of ${states.length}`);
    if (file === 'menu.json' || file === 'call.json') await shot(`imported-${file.replace('.json', '')}`);
    await page.getByRole('link', { name: 'Back to flows' }).click();
  }
  await button('Import').click();
  await page.getByLabel('Definition (JSON)').fill('{\n  "initial_state": "Trigger",\n  "states": [\n    {"name": "Trigger", "type": "trigger", "transitions": [{"event": "incomingMessage", "next": "x"}]}\n  ]\n}');
  await page.getByText('Line 4').waitFor();
  check('a mistake in an import is shown with its line', true);
  await clean('an import with a mistake');
  await shot('import-mistake');
  await page.getByLabel('Definition (JSON)').fill('{\n"states": [}');
  await page.getByText(/This is no JSON/).waitFor();
  await button('Cancel').click();
}

/** A phone: the list, the canvas, the inspector as a sheet. */
async function phone(sid) {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${server.url}/desk/admin/flows`);
  await page.getByRole('link', { name: 'By keyboard' }).waitFor();
  await clean('the list on a phone');
  await shot('phone-list');
  await page.getByRole('link', { name: 'By keyboard' }).click();
  await box('Trigger').click();
  await inspector.waitFor();
  check('nothing is wider than a phone', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await clean('the editor on a phone');
  await shot('phone-editor');
  await page.setViewportSize({ width: 1440, height: 900 });
}

try {
  await signIn();
  await list();
  const sid = await byKeyboard();
  await byMouse(sid);
  await mistakes();
  await others(sid);
  await revisions(sid);
  await path();
  await channels();
  await imports();
  await phone(sid);
} catch (e) {
  check('the scenario runs to its end', false, e.stack);
  await page.screenshot({ path: join(folder ?? '.', 'failed-editor.png') }).catch(() => {});
}
check('no page complained', complaints.length === 0, complaints.join('\n     '));
await browser.close();
await server.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
