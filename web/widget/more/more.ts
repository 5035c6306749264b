import type { News, Order } from '../app/core/protocol.ts';

// What window.Usher can do beside showing the panel. The loader fetches this file when the page calls the first of these names,
// and hands over itself: its object, how it orders the app about, and how it loads the app.

type Api = { toggle(to?: boolean): void; on(name: string, fn: (v: any) => void): () => void };
type Send = (name: Order['do'], v?: unknown) => void;

/** What hooks can be put on. */
export const actions = ['open', 'close', 'start', 'sendMessage', 'endChat', 'restart'] as const;
export type Action = (typeof actions)[number];

type Before = (value: any, cancel: () => void) => unknown;
type After = (value: any) => unknown;
type Replace = (value: any, original: (value?: any) => void) => unknown;

interface Hooks {
  before: Before[];
  after: After[];
  replace?: Replace;
}

const hooks = new Map<string, Hooks>();

const tell =
  (name: Order['do']) =>
  (_: Api, send: Send, __: unknown, v?: unknown) =>
    send(name, v);

/** Who begins or writes wants the app; what is only told can wait until the visitor comes. */
const urge =
  (name: Order['do']) =>
  (_: Api, send: Send, load: () => void, v?: unknown) => {
    load();
    send(name, v ?? {});
  };

export const identify = tell('identify');
export const setContext = tell('setContext');
export const setLocale = tell('setLocale');
export const setTheme = tell('setTheme');
export const set = tell('set');
export const endChat = tell('endChat');
export const restart = tell('restart');
export const start = urge('start');
export const sendMessage = urge('sendMessage');

// --- hooks

let installed = false;
let isOpen = false;

/** Runs what stands around an action. The original of an action that the app wants is done by the app, after the answer. */
async function run(name: string, value: unknown, original: (value: unknown) => void): Promise<boolean> {
  const h = hooks.get(name);
  let go = true;
  try {
    for (const fn of h?.before ?? []) {
      const changed = await fn(value, () => (go = false));
      if (changed === false || !go) return false;
      if (changed !== undefined && changed !== true) value = changed;
    }
    if (!h?.replace) {
      original(value);
      return true;
    }
    let done = false;
    await h.replace(value, (v = value) => {
      if (done) return;
      done = true;
      original(v);
    });
    return done;
  } catch (e) {
    // A mistake of the page's own code must not make the chat dumb.
    console.error(`Usher: a hook of ${name} failed`, e);
    original(value);
    return true;
  }
}

const finished = (name: string, value: unknown) =>
  hooks.get(name)?.after.forEach((fn) => {
    try {
      void fn(value);
    } catch (e) {
      console.error(`Usher: a hook of ${name} failed`, e);
    }
  });

function install(api: Api, send: Send) {
  if (installed) return;
  installed = true;
  const toggle = api.toggle;
  api.on('open', () => (isOpen = true));
  api.on('close', () => (isOpen = false));
  api.toggle = (to = !isOpen) => {
    if (to === isOpen) return;
    const name = to ? 'open' : 'close';
    void run(name, undefined, () => {
      isOpen = to;
      toggle(to);
      finished(name, undefined);
    });
  };
  api.on('act', ({ id, name, v, open }: Extract<News, { ev: 'act' }>['v']) => {
    if (open !== undefined) isOpen = open;
    if (!name) return;
    if (id === undefined) return finished(name, v);
    let changed: unknown;
    let go = false;
    void run(name, v, (value) => ((go = true), (changed = value))).then(() => send('answer', { id, go, v: changed }));
  });
  // A frame that was made anew knows of no hooks.
  api.on('ready', () => announce(send));
}

const announce = (send: Send) => send('hooks', [...hooks.keys()]);

function add(api: Api, send: Send, name: Action, put: (h: Hooks) => () => void): () => void {
  if (!actions.includes(name)) throw new TypeError(`Usher: there is no action ${name}; there are ${actions.join(', ')}`);
  install(api, send);
  let h = hooks.get(name);
  if (!h) {
    hooks.set(name, (h = { before: [], after: [] }));
    announce(send);
  }
  return put(h);
}

const without = <T>(list: T[], one: T) => void list.splice(list.indexOf(one), 1);

export const before = (api: Api, send: Send, _: unknown, name: Action, fn: Before) =>
  add(api, send, name, (h) => (h.before.push(fn), () => without(h.before, fn)));

export const after = (api: Api, send: Send, _: unknown, name: Action, fn: After) =>
  add(api, send, name, (h) => (h.after.push(fn), () => without(h.after, fn)));

export const replace = (api: Api, send: Send, _: unknown, name: Action, fn: Replace) =>
  add(api, send, name, (h) => {
    h.replace = fn;
    return () => {
      if (h.replace === fn) h.replace = undefined;
    };
  });
