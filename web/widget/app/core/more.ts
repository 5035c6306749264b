import type { Tongue } from '../i18n/index.ts';
import { en } from '../i18n/en.ts';
import { en as files } from '../i18n/files/en.ts';
import type { Branding, Config } from './api.ts';
import type { Chat } from './chat.ts';
import type { Host } from './host.ts';
import type { Order } from './protocol.ts';

// Orders that few pages give: settings of the page's own, beginning with given answers, and hooks. Loaded with the first of them.
// Whatever a page posts is checked here, as it is for the other orders in host.ts.

export interface Around {
  chat: Chat;
  host: Host;
  setLocale(wish?: string): void;
  setTheme(wish?: string): void;
  /** Words of the page's own are put into every tongue from now on. */
  reword(fn: (tongue: Tongue) => Tongue): void;
}

type Loose = Record<string, unknown>;

const isObject = (v: unknown): v is Loose => typeof v === 'object' && v !== null && !Array.isArray(v);
const text = (v: unknown, most = 2000) => (typeof v === 'string' ? v.slice(0, most) : undefined);

/** Answers of the form: text under names. */
export function answersIn(v: unknown): Record<string, string> {
  if (!isObject(v)) return {};
  return Object.fromEntries(Object.entries(v).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)).map(([name, value]) => [name, String(value)]));
}

/** The page's own words, by the names of the catalogue. Words with values in them name those: "Files up to {0}". */
export function wordsIn(v: unknown): Loose {
  const out: Loose = {};
  if (!isObject(v)) return out;
  const known: Loose = { ...files, ...en };
  const ticks = { ...en.ticks };
  for (const [name, given] of Object.entries(v)) {
    const said = text(given);
    if (said !== undefined && name === 'tickRead') out.ticks = { ...ticks, read: said };
    if (said === undefined || !Object.hasOwn(known, name)) continue;
    const original = known[name];
    if (typeof original === 'string') out[name] = said;
    else if (name === 'ticks' || name === 'problems') continue; // groups of words, which have no names of their own
    else if (name === 'joined' || name === 'left') out[name] = (who: string) => (said.startsWith('{0}') ? [who, said.slice(3)] : ['', said.replace('{0}', who)]);
    else if (typeof original === 'function') out[name] = (...values: unknown[]) => said.replace(/\{(\d)\}/g, (_, at) => String(values[at] ?? ''));
  }
  return out;
}

const kinds = ['InputItem', 'SelectItem', 'TextareaItem'];

/** A form as a Flex Flow or the legacy widget's configuration writes it; null takes the form away, undefined is none. */
export function formIn(v: unknown): Config['pre_engagement'] | undefined {
  if (v === null) return null;
  if (!isObject(v) || !Array.isArray(v.fields)) return undefined;
  const fields = v.fields.slice(0, 50).filter((f) => isObject(f) && kinds.includes(f.type as string) && isObject(f.attributes) && typeof f.attributes.name === 'string' && typeof (f.label ?? '') === 'string');
  return { description: text(v.description), submit_label: text(v.submit_label ?? v.submitLabel), fields: structuredClone(fields) as never };
}

export function brandingIn(v: unknown): Branding {
  const out: Loose = {};
  if (isObject(v)) for (const name of ['color', 'greeting', 'tagline', 'privacy_url', 'notice']) if (typeof v[name] === 'string') out[name] = v[name];
  if (typeof out.privacy_url === 'string' && !/^https?:\/\//.test(out.privacy_url)) delete out.privacy_url;
  return out;
}

function set({ chat, setLocale, setTheme, reword }: Around, v: Loose) {
  const own: Partial<Config> = {};
  const form = formIn(v.preEngagement);
  if (form !== undefined) own.pre_engagement = form;
  if (isObject(v.branding)) own.branding = { ...chat.own.branding, ...brandingIn(v.branding) };
  if (typeof v.attachments === 'boolean') own.attachments = v.attachments;
  if (typeof v.name === 'string') own.name = v.name.slice(0, 200);
  if (Object.keys(own).length) chat.setOwn(own);
  if (isObject(v.context)) chat.context = { ...chat.context, ...v.context };
  if (isObject(v.strings)) {
    const words = wordsIn(v.strings);
    reword((tongue) => ({ ...tongue, words: { ...tongue.words, ...words } as Tongue['words'], own: { ...tongue.own, ...words } }));
  }
  if (typeof v.theme === 'string') setTheme(v.theme);
  if (typeof v.locale === 'string' || isObject(v.strings)) setLocale(text(v.locale));
}

// --- hooks: the page is asked before, and told after

const methods = { start: 'start', sendMessage: 'send', endChat: 'end', restart: 'restart' } as const;
const questions = new Map<number, (answer: { go: boolean; v: unknown }) => void>();
const hooked = new Set<string>();
let count = 0;

/** A value that came back from the page, of the kind that the action takes. */
const taken = (name: string, v: unknown) => (name === 'sendMessage' ? (text(v, 16_000) ?? '') : name === 'start' ? answersIn(v) : undefined);

function hook({ chat, host }: Around, name: keyof typeof methods) {
  if (hooked.has(name)) return;
  hooked.add(name);
  const method = methods[name];
  const original = (chat[method] as (v?: unknown) => unknown).bind(chat);
  Object.defineProperty(chat, method, {
    value: async (v?: unknown) => {
      const id = ++count;
      const answer = await new Promise<{ go: boolean; v: unknown }>((done) => {
        questions.set(id, done);
        host.tell({ ev: 'act', v: { id, name, v } });
      });
      if (!answer.go) return;
      const value = taken(name, answer.v);
      await original(value);
      host.tell({ ev: 'act', v: { name, v: value } });
    },
  });
}

export function more(around: Around, order: Order) {
  const v: unknown = 'v' in order ? order.v : undefined;
  switch (order.do) {
    case 'set':
      return isObject(v) && set(around, v);
    case 'start':
      return around.chat.channel ? undefined : void around.chat.start(answersIn(v));
    case 'restart':
      return around.chat.restart();
    case 'hooks':
      if (around.host.framed && Array.isArray(v)) for (const name of v) if (Object.hasOwn(methods, String(name))) hook(around, name);
      return around.host.tell({ ev: 'act', v: { open: around.chat.view.open } });
    case 'answer':
      if (!isObject(v)) return;
      questions.get(Number(v.id))?.({ go: v.go === true, v: v.v });
      questions.delete(Number(v.id));
  }
}
