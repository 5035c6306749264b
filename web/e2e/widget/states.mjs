// The states of the widget that are looked at: each brings a fresh browser context into one of them.
import { World } from './fake.mjs';

export const form = {
  description: 'Usually answered within a minute.',
  fields: [
    { label: 'Your name', type: 'InputItem', attributes: { name: 'friendlyName', type: 'text', required: true } },
    { label: 'Email', type: 'InputItem', attributes: { name: 'email', type: 'email', required: true } },
    { label: 'It is about', type: 'SelectItem', attributes: { name: 'topic', required: true, options: [{ value: 'order', label: 'An order' }, { value: 'repair', label: 'A repair' }, { value: 'other', label: 'Something else' }] } },
    { label: 'Order number', type: 'InputItem', attributes: { name: 'order', placeholder: 'SL-' } },
  ],
  submit_label: 'Start chat',
};
const branding = { greeting: 'Hello! What can we do?', tagline: 'replies in a minute', notice: 'We keep this chat for 90 days.', privacy_url: 'https://example.org/privacy' };

/** Minutes before now. */
const ago = (minutes) => Date.now() - minutes * 60_000;

/** A zone in which it is the middle of the morning, so that "today" never begins in the middle of a conversation. */
export const zone = () => {
  const ahead = 10 - new Date().getUTCHours();
  return `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
};

/** playwright cannot look into a closed shadow root: the frame is found by its address, and the page's own API opens the panel. */
const app = (page) => page.frames().find((f) => f.url().includes('/widget/')) ?? page.mainFrame();

async function open(page) {
  await page.evaluate(() => window.Usher.open());
  while (app(page) === page.mainFrame()) await page.waitForTimeout(50);
  await app(page).locator('main').waitFor();
}

function bicycle(world) {
  world.open({}, ago(14));
  const me = world.visitor;
  world.say(me, 'Hi! My Fennel 2 came today, but the rear derailleur looks bent.', ago(10));
  world.say(me, 'Shall I ride it like that?', ago(10));
  world.join('mirela_40shop_2Eexample', 'Mirela P.', 'agent', ago(9));
  world.read('mirela_40shop_2Eexample', 1);
  world.say('mirela_40shop_2Eexample', 'That is the hanger, Ana. It is made to bend so that the frame doesn’t.', ago(6));
  world.say('mirela_40shop_2Eexample', 'This shows how to change it: https://spoke.example/hanger', ago(6));
  world.say(me, 'Can the new one come to my office instead?', ago(1));
}

function japanese(world) {
  world.visitor = 'visitor-ja';
  const long = Date.now() - 262 * 86_400_000;
  world.open({ long_lived: true }, long);
  const agent = 'yuki';
  world.join(agent, '田辺 ゆき', 'agent', long);
  const me = world.visitor;
  world.say(me, '試乗はできますか？', long);
  world.say(agent, 'はい、ポルトの店舗でいつでもどうぞ。', long + 120_000);
  world.say(me, '身長158cmですが、サイズ50で足りますか？サドルの高さは調整できますか？', ago(6));
  world.say(agent, 'サイズ50は154〜166cmの方に合います。サドルは12cmまで下げられます。', ago(3));
  world.read(agent, 3);
}

/** Opens the conversation that the world holds, as a visitor who was here before. */
async function resume(page, world) {
  await page.evaluate(({ token, channel }) => {
    localStorage.setItem('usher.widget.', JSON.stringify({ token, channel }));
    localStorage.setItem('usher:undefined', '1');
  }, { token: { ...world.token(), expires: Date.now() + 3.6e6 }, channel: world.channel.sid });
  await page.reload();
}

export const states = {
  closed: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      world.read(world.visitor, 4);
      await resume(page, world);
      await page.waitForTimeout(1200);
      world.say('mirela_40shop_2Eexample', 'It is on its way.');
      world.say('mirela_40shop_2Eexample', 'Your new hanger is on its way, Ana. Shall I send you the fitting guide?');
      await page.waitForTimeout(900);
    },
  },
  empty: {
    world: () => new World({ branding }),
    enter: (page) => open(page),
  },
  form: {
    world: () => new World({ branding, pre_engagement: form }),
    async enter(page) {
      await open(page);
      await app(page).getByLabel('Your name').fill('Ana Pires');
      await app(page).getByLabel('Email').fill('ana.pires@correio');
      await app(page).getByLabel('An order').check();
      await app(page).getByLabel('Email').focus();
      await app(page).getByLabel('A repair').focus();
      await app(page).getByLabel('An order').check();
    },
  },
  open: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('to my office').waitFor();
      world.type('mirela_40shop_2Eexample');
      await app(page).getByRole('textbox').fill('Rua das Flores 12, second fl');
    },
  },
  menu: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByRole('button', { name: 'Menu' }).click();
      await app(page).getByRole('menu').waitFor();
    },
  },
  asking: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByRole('button', { name: 'Menu' }).click();
      await app(page).getByRole('menuitem', { name: 'End chat' }).click();
    },
  },
  emoji: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByRole('button', { name: 'Emoji' }).click();
      await app(page).getByRole('group', { name: 'Emoji' }).waitFor();
    },
  },
  offline: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('to my office').waitFor();
      world.cut();
      const box = app(page).getByRole('textbox');
      for (const text of ['Rua das Flores 12, second floor.', 'The bell says Pires & Sons.']) {
        await box.fill(text);
        await box.press('Enter');
      }
      await app(page).getByText('Offline: 2 messages queued').waitFor();
    },
  },
  back: {
    world: () => new World({ branding }),
    async enter(page, world) {
      await states.offline.enter(page, world);
      for (const body of ['I am changing the address now.', 'Done!', 'It leaves tonight.']) world.say('mirela_40shop_2Eexample', body);
      world.cut(false);
      await app(page).getByText('Back online: 3 new messages').waitFor({ timeout: 40_000 });
    },
  },
  refused: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('to my office').waitFor();
      await app(page).getByRole('textbox').fill('Please refuse this.');
      await app(page).getByRole('textbox').press('Enter');
      await app(page).getByText('Not sent').waitFor();
    },
  },
  ended: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('to my office').waitFor();
      world.leave('mirela_40shop_2Eexample');
      world.end();
      await app(page).getByText('This chat has ended').waitFor();
    },
  },
  loading: {
    world: () => Object.assign(new World({ branding }), { slow: 60_000 }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await page.waitForTimeout(600);
    },
  },
  failed: {
    world: () => Object.assign(new World({ branding }), { broken: true }),
    async enter(page) {
      await open(page);
      await app(page).getByText('did not load').waitFor();
    },
  },
  phone: {
    phone: true,
    locale: 'ja-JP',
    world: () => new World({}),
    async enter(page, world) {
      japanese(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('サイズ50は').waitFor();
      world.cut();
      const box = app(page).getByRole('textbox');
      for (const text of ['よかったです。', 'では、モスグリーンを注文します！']) {
        await box.fill(text);
        await box.press('Enter');
      }
      await app(page).getByText('2件が送信待ち').waitFor();
    },
  },
  phoneForm: {
    phone: true,
    world: () => new World({ branding, pre_engagement: form }),
    enter: (page) => open(page),
  },
  brand: {
    world: () => new World({ branding: { ...branding, color: '#f2c230' } }),
    async enter(page, world) {
      bicycle(world);
      await resume(page, world);
      await open(page);
      await app(page).getByText('to my office').waitFor();
    },
  },
  rtl: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      world.say(world.visitor, 'هل يمكن أن يصل إلى مكتبي؟ Rua das Flores 12');
      world.say('mirela_40shop_2Eexample', 'بالتأكيد.');
      await resume(page, world);
      await page.evaluate(() => (document.dir = 'rtl'));
      await open(page);
      await app(page).evaluate(() => (document.dir = 'rtl'));
      await app(page).getByText('بالتأكيد').first().waitFor();
    },
  },
  scrolled: {
    world: () => new World({ branding }),
    async enter(page, world) {
      bicycle(world);
      for (let i = 0; i < 8; i++) world.say(i % 2 ? world.visitor : 'mirela_40shop_2Eexample', 'One more line about tyres, spokes and the way home, number ' + (i + 1) + '.');
      await resume(page, world);
      await open(page);
      await app(page).locator('.bub', { hasText: 'number 8' }).waitFor();
      await app(page).locator('.log').evaluate((el) => (el.scrollTop = 120));
      await page.waitForTimeout(200);
      world.say('mirela_40shop_2Eexample', 'And this one is new.');
    },
  },
};
