import { chat, SEC, MIN, DAY, work, type Chat } from './data';
import type { Work } from '../../src/api/types';

const day = DAY / SEC;
const ana = 'web_9f1c2a';

const anaChat = () => chat(2, 'Ana Pires', ana, [
  [42 * day + 400, 'c', 'Hello, is the Fennel 2 in size 54 coming back?'],
  [42 * day + 200, 'rafael_40lantern_2Eexample', 'It is, from 20 March. I’ll put one aside for you.'],
  [632, 'c', 'Hi! My Fennel 2 came today, but the rear derailleur looks bent.'],
  [625, 'c', 'Order SL-20418. Here is the guide I looked at: https://lantern.example/help/derailleur'],
  [500, 'm', 'That is the hanger, Ana. It is made to bend so that the frame doesn’t.'],
  [470, 'm', 'We send you a new one for free. It leaves us today before five.'],
  [24, 'c', 'Good to know! Can the new one come to my office instead?'],
], { joined: 610, mine: 5, theirs: 5, attributes: { pre_engagement_data: { friendlyName: 'Ana Pires', email: 'ana.pires@correio.example', phone: '+351 21 000 01 42', question: 'Order status', orderNumber: 'SL-20418' } } });

const ana2 = work(2, 'Ana Pires', 'web', 'accepted', 632, { language: 'Portuguese (Portugal)', nowOn: '/help/derailleur-adjustment', cameFrom: '/orders/SL-20418', device: 'Firefox on Android', initialText: 'Hi! My Fennel 2 came today' });

const oonishi = () => chat(3, '大西 遥', 'web_3b', [
  [900, 'c', 'こんにちは'], [860, 'm', 'こんにちは、Mirela です。'], [140, 'c', 'フレームのサイズは 52 です。'], [126, 'c', 'サドルの高さは調整できますか？'],
], { joined: 880, mine: 1, theirs: 1 });

const bo = () => chat(4, 'Bo Lindqvist', 'web_bo', [
  [400, 'c', 'Do you have winter tyres?'], [300, 'm', 'Yes, in 28 and 32 mm.'], [40, 'c', 'Yes, the 28 mm ones'], [20, 'm', 'I will check the stock.'],
], { joined: 380, mine: 3, theirs: 2 });

const cyrus = () => chat(5, 'Cyrus Mwangi', 'web_cy', [
  [2000, 'c', 'Hi, where is my invoice?'], [1900, 'm', 'In your mailbox now.'], [1800, 'c', 'Got it, thanks'],
], { joined: 1950, mine: 2, theirs: 2 });

const long = () => {
  const lines = Array.from({ length: 400 }, (_, at): [number, string, string] => [
    90_000 - at * 220, at % 7 < 4 ? 'c' : 'm', at % 11 === 0 ? 'A longer message that goes over more than one line, because somebody tells a whole story about a bicycle and how it came to be where it is now. '.repeat(2) : `Message ${at + 1}`,
  ]);
  return chat(2, 'Ana Pires', ana, lines, { joined: 80_000, mine: 380, theirs: 399 });
};

export interface Scenario {
  work: Work[];
  chats: Chat[];
  activity: number;
  signedIn: boolean;
  hasPassword: boolean;
  /** Answers that never come, or come as errors. */
  rest?: 'slow' | 'error';
  /** The socket dies after a second. */
  cut?: boolean;
  typing?: boolean;
  role?: 'admin' | 'agent';
  queued?: string[];
  history?: 'slow' | 'error';
  empty?: boolean;
}

const quiet: Scenario = { work: [], chats: [], activity: 1, signedIn: true, hasPassword: true };

const khalid = () => work(1, 'Khalid Al-Farsi', 'whatsapp', 'pending', 42, { initialText: 'مرحباً، السلسلة تنزلق عند تبديل السرعات. هل يمكنني إحضار الدراجة غداً؟' });

const full = (): Scenario => ({
  ...quiet,
  work: [khalid(), work(3, '大西 遥', 'web', 'accepted', 900), ana2, work(4, 'Bo Lindqvist', 'sms', 'accepted', 400), work(5, 'Cyrus Mwangi', 'whatsapp', 'wrapping', 2000)],
  chats: [anaChat(), oonishi(), bo(), cyrus()],
  typing: true,
});

/** Every scenario by its name in `?fake=`. */
export const scenarios: Record<string, () => Scenario> = {
  desk: full,
  offline: () => ({ ...full(), typing: false, cut: true, queued: ['Of course. Which address should I put on the label?', 'It will leave us today before five.'] }),
  empty: () => quiet,
  away: () => ({ ...quiet, activity: 0 }),
  loading: () => ({ ...quiet, rest: 'slow' }),
  error: () => ({ ...quiet, rest: 'error' }),
  signin: () => ({ ...quiet, signedIn: false }),
  once: () => ({ ...quiet, signedIn: false, hasPassword: false }),
  agent: () => ({ ...full(), role: 'agent' }),
  long: () => ({ ...full(), work: [ana2], chats: [long()], typing: false }),
  chatloading: () => ({ ...full(), history: 'slow' }),
  chaterror: () => ({ ...full(), history: 'error' }),
  bare: () => ({ ...quiet, empty: true }),
  closed: () => {
    const all = full();
    all.chats[0]!.channel.attributes.status = 'INACTIVE';
    return all;
  },
};

export const minutes = MIN;
