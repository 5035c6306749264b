import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answersIn, brandingIn, formIn, wordsIn } from '../app/core/more.ts';
import { orderIn } from '../app/core/host.ts';

describe('what a page sets', () => {
  it('takes text, numbers and yes or no as answers', () => {
    expect(answersIn({ friendlyName: 'Ana', n: 2, ok: true, deep: {}, none: null })).toEqual({ friendlyName: 'Ana', n: '2', ok: 'true' });
    expect([answersIn(null), answersIn('x'), answersIn([1])]).toEqual([{}, {}, {}]);
  });

  it('takes words by known names, with values where ours have some', () => {
    const words = wordsIn({ write: 'Ask', attach: 'Add', unknown: 'x', send: 5, typing: '{0} writes', said: '{0}: {1}', joined: '{0} is here', ticks: 'no', constructor: 'no' }) as Record<string, any>;
    expect(Object.keys(words).sort()).toEqual(['attach', 'joined', 'said', 'typing', 'write']);
    expect(words.typing('Bo')).toBe('Bo writes');
    expect(words.said('Bo', '{0}')).toBe('Bo: {0}');
    expect(words.joined('Bo')).toEqual(['Bo', ' is here']);
    expect(wordsIn({ tickRead: 'Seen' })).toMatchObject({ ticks: { read: 'Seen', sent: 'Sent' } });
    expect(wordsIn('x')).toEqual({});
  });

  it('takes forms of known fields only', () => {
    const good = { label: 'Name', type: 'InputItem', attributes: { name: 'friendlyName' } };
    expect(formIn({ fields: [good, { type: 'Script', attributes: { name: 'x' } }, { type: 'InputItem' }, null, { ...good, label: {} }], submitLabel: 'Go' })).toEqual({ description: undefined, submit_label: 'Go', fields: [good] });
    expect(formIn(null)).toBe(null);
    expect([formIn(undefined), formIn({}), formIn('x')]).toEqual([undefined, undefined, undefined]);
    expect(formIn({ fields: Array(99).fill(good) })!.fields).toHaveLength(50);
  });

  it('takes text as branding, and addresses of the web only', () => {
    expect(brandingIn({ color: '#fff', greeting: 5, privacy_url: 'javascript:alert(1)', other: 'x' })).toEqual({ color: '#fff' });
    expect(brandingIn({ privacy_url: 'https://a.example' })).toEqual({ privacy_url: 'https://a.example' });
  });

  it('hands on the rare orders too, and nothing else', () => {
    expect(orderIn({ usher: 1, do: 'set', v: { name: 'x' } })).toBeTruthy();
    expect(orderIn({ usher: 1, do: 'setTheme', v: {} })).toBe(undefined);
    expect(orderIn({ usher: 1, do: 'sendMessage', v: 5 })).toBe(undefined);
    expect(orderIn({ usher: 1, do: 'setContext', v: 'x' })).toBe(undefined);
    expect([orderIn({ usher: 2, do: 'set' }), orderIn({ usher: 1 }), orderIn(null), orderIn('x')]).toEqual([undefined, undefined, undefined, undefined]);
  });
});

/** The loader's side, as more.js is given it. */
async function page() {
  vi.resetModules();
  const more = await import('../more/more.ts');
  const listeners: Record<string, (v: any) => void> = {};
  const sent: [string, any][] = [];
  const toggled: boolean[] = [];
  const api = { toggle: (to?: boolean) => void toggled.push(to!), on: (name: string, fn: (v: any) => void) => ((listeners[name] = fn), () => {}) };
  const send = (name: string, v?: unknown) => void sent.push([name, v]);
  let loads = 0;
  const call = (name: string, ...args: unknown[]) => (more as any)[name](api, send, () => loads++, ...args);
  const tick = () => new Promise((r) => setTimeout(r));
  return { api, listeners, sent, toggled, call, tick, loads: () => loads };
}

describe('hooks', () => {
  let p: Awaited<ReturnType<typeof page>>;
  beforeEach(async () => {
    p = await page();
  });

  it('orders, and loads the app for whoever begins or writes', () => {
    p.call('setTheme', 'dark');
    expect(p.loads()).toBe(0);
    p.call('start');
    p.call('sendMessage', 'Hi');
    expect(p.loads()).toBe(2);
    expect(p.sent).toEqual([['setTheme', 'dark'], ['start', {}], ['sendMessage', 'Hi']]);
  });

  it('answers the app: changed, cancelled, replaced, and told afterwards', async () => {
    const off = p.call('before', 'sendMessage', (text: string, cancel: () => void) => (text === 'no' ? cancel() : text === 'never' ? false : text + '!'));
    expect(p.sent[0]).toEqual(['hooks', ['sendMessage']]);
    const ask = async (id: number, v: unknown, name = 'sendMessage') => {
      p.listeners.act!({ id, name, v });
      await p.tick();
      return p.sent.at(-1);
    };
    expect(await ask(1, 'Hi')).toEqual(['answer', { id: 1, go: true, v: 'Hi!' }]);
    expect(await ask(2, 'no')).toEqual(['answer', { id: 2, go: false, v: undefined }]);
    expect(await ask(3, 'never')).toEqual(['answer', { id: 3, go: false, v: undefined }]);
    const back = p.call('replace', 'sendMessage', (text: string, original: (v?: string) => void) => text !== 'Hi!' && (original('other'), original('twice')));
    expect(await ask(4, 'Hi')).toEqual(['answer', { id: 4, go: false, v: undefined }]);
    expect(await ask(5, 'Ho')).toEqual(['answer', { id: 5, go: true, v: 'other' }]);
    back();
    off();
    expect(await ask(6, 'Hi')).toEqual(['answer', { id: 6, go: true, v: 'Hi' }]);
    const heard: unknown[] = [];
    p.call('after', 'sendMessage', (v: unknown) => heard.push(v));
    p.listeners.act!({ name: 'sendMessage', v: 'Hi' });
    expect(heard).toEqual(['Hi']);
    p.listeners.ready!(undefined); // a new frame
    expect(p.sent.at(-1)).toEqual(['hooks', ['sendMessage']]);
  });

  it('passes over a hook that throws', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    p.call('before', 'sendMessage', () => {
      throw new Error('page');
    });
    p.listeners.act!({ id: 1, name: 'sendMessage', v: 'Hi' });
    await p.tick();
    expect(p.sent.at(-1)).toEqual(['answer', { id: 1, go: true, v: 'Hi' }]);
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
  });

  it('stands around opening and closing', async () => {
    const heard: string[] = [];
    p.call('before', 'open', () => void heard.push('before'));
    p.call('after', 'open', () => void heard.push('after'));
    p.listeners.act!({ open: false });
    p.api.toggle();
    await p.tick();
    expect([p.toggled, heard]).toEqual([[true], ['before', 'after']]);
    p.api.toggle(true); // it is open
    p.call('before', 'close', (_: unknown, cancel: () => void) => cancel());
    p.api.toggle();
    await p.tick();
    expect(p.toggled).toEqual([true]);
  });

  it('knows its actions', () => {
    expect(() => p.call('before', 'fly', () => {})).toThrow('there is no action fly');
  });
});
