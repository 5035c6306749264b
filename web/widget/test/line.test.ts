import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Conversation } from '../app/core/conversation.ts';
import { Line, type Banner } from '../app/core/line.ts';

type State = Parameters<Line['state']>[0];
const state = (name: State['state']) => ({ state: name, queued: 0, since: 0 }) as State;
const conversation = (...authors: string[]) => ({ me: 'me', messages: authors.map((author, index) => ({ index, author })) }) as unknown as Conversation;

let shown: (Banner | undefined)[];
let line: Line;
let network: Record<string, () => void>;

beforeEach(() => {
  vi.useFakeTimers();
  network = {};
  vi.stubGlobal('addEventListener', (name: string, fn: () => void) => (network[name] = fn));
  vi.stubGlobal('navigator', { onLine: true });
  shown = [];
  line = new Line((banner) => shown.push(banner));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('says nothing of a short cut', () => {
  line.state(state('online'), 0);
  line.state(state('connecting'), 0);
  vi.advanceTimersByTime(2000);
  line.state(state('online'), 0);
  vi.advanceTimersByTime(60_000);
  expect(shown).toEqual([]);
});

it('tells of a long one, and then for five seconds of what has come since', () => {
  line.state(state('online'), 1);
  line.state(state('connecting'), 1);
  vi.advanceTimersByTime(2500);
  line.state(state('offline'), 1);
  line.state(state('online'), 1);
  line.latest(conversation('me', 'a', 'a', 'me', 'a'));
  line.latest(conversation('me', 'a', 'a', 'me', 'a'));
  vi.advanceTimersByTime(5000);
  expect(shown).toEqual([{ kind: 'offline' }, { kind: 'online', news: 0 }, { kind: 'online', news: 2 }, undefined]);
});

it('believes the browser at once when it says that the network is gone', () => {
  line.state(state('online'), 0);
  network.offline!();
  network.online!();
  expect(shown).toEqual([{ kind: 'offline' }, { kind: 'online', news: 0 }]);
});

it('tells when a first conversation cannot be opened', () => {
  line.retried(false);
  line.retried(false);
  line.retried(true);
  expect(shown).toEqual([{ kind: 'offline' }, { kind: 'online', news: 0 }]);
});

it('forgets all with the conversation', () => {
  line.state(state('online'), 0);
  line.state(state('offline'), 0);
  line.reset();
  vi.advanceTimersByTime(60_000);
  expect(shown).toEqual([{ kind: 'offline' }, undefined]);
});
