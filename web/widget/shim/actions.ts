import type { UsherHooks } from '../usher.d.ts';

// The legacy widget's Actions, with the names and payloads that its documentation lists, on top of window.Usher.

type Payload = Record<string, any>;
type Listener = (payload: Payload, abort: () => void) => unknown;
type Replacement = (payload: Payload, original: (payload?: Payload) => Promise<void>) => unknown;
type Usher = UsherHooks & Record<string, any>;

/** One of their actions: which of ours it stands for, and how the two write what is given to it. */
interface Known {
  ours: string[];
  invoke(usher: Usher, payload: Payload): unknown;
  payload(value: any): Payload;
  value(payload: Payload): unknown;
}

const nothing = { payload: () => ({}), value: () => undefined };

const known: Record<string, Known> = {
  StartEngagement: {
    ours: ['start'],
    invoke: (usher, p) => usher.start(p.formData ?? {}),
    payload: (v) => ({ formData: v ?? {} }),
    value: (p) => p.formData,
  },
  RestartEngagement: { ours: ['restart'], invoke: (usher) => usher.restart(), ...nothing },
  ToggleChatVisibility: { ours: ['open', 'close'], invoke: (usher) => usher.toggle(), ...nothing },
  MinimizeChat: { ours: ['close'], invoke: (usher) => usher.close(), ...nothing },
  SendMessage: {
    ours: ['sendMessage'],
    invoke: (usher, p) => usher.sendMessage(String(p.body ?? '')),
    payload: (v) => ({ body: v }),
    value: (p) => p.body,
  },
};

export function openActions(ready: Promise<Usher>) {
  /** Actions of the page's own, and replaced ones that have none of ours. */
  const own = new Map<string, (payload: Payload) => unknown>();
  const listening = new Map<string, Set<Listener>>();
  const off = new Map<Listener, (() => void)[]>();
  /** Hooks that are being put on: who invokes an action next wants them to be there. */
  let settled: Promise<Usher> = ready;
  const hook = (put: (usher: Usher) => Promise<unknown>) => {
    settled = settled.then(async (usher) => (await put(usher), usher));
  };

  const tell = async (event: string, payload: Payload) => {
    let go = true;
    for (const fn of listening.get(event) ?? []) await fn(payload, () => (go = false));
    return go;
  };

  async function invokeAction(name: string, payload: Payload = {}): Promise<void> {
    const usher = await settled;
    if (known[name]) return void known[name].invoke(usher, payload);
    const action = own.get(name);
    if (!action) throw new Error(`Actions: there is no action ${name}`);
    if (!(await tell('before' + name, payload))) return;
    await action(payload);
    await tell('after' + name, payload);
  }

  function addListener(event: string, fn: Listener) {
    const [, when, name] = /^(before|after)(.+)$/.exec(event) ?? [];
    if (!when || !name) throw new Error(`Actions: there is no event ${event}`);
    const action = known[name];
    if (!action) {
      if (!listening.has(event)) listening.set(event, new Set());
      listening.get(event)!.add(fn);
      return;
    }
    const stops: (() => void)[] = [];
    off.set(fn, stops);
    for (const ours of action.ours)
      hook(async (usher) => {
        const around = async (value: unknown, cancel: () => void) => {
          const payload = action.payload(value);
          await fn(payload, cancel ?? (() => {}));
          return when === 'before' ? action.value(payload) : undefined;
        };
        stops.push(await usher[when as 'before'](ours as 'open', around));
      });
  }

  function removeListener(event: string, fn: Listener) {
    listening.get(event)?.delete(fn);
    const stops = off.get(fn);
    off.delete(fn);
    if (stops) hook(async () => stops.forEach((stop) => stop()));
  }

  function replaceAction(name: string, fn: Replacement) {
    const action = known[name];
    if (!action) {
      const before = own.get(name);
      own.set(name, (payload) => fn(payload, async (p = payload) => void (await before?.(p))));
      return;
    }
    for (const ours of action.ours)
      hook((usher) =>
        usher.replace(ours as 'open', (value: unknown, original: (value?: never) => void) => {
          const payload = action.payload(value);
          return fn(payload, async (p = payload) => original(action.value(p) as never));
        }),
      );
  }

  return {
    invokeAction,
    addListener,
    on: addListener,
    removeListener,
    off: removeListener,
    replaceAction,
    registerAction: (name: string, fn: (payload: Payload) => unknown) => void own.set(name, fn),
  };
}
