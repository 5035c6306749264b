import type { News, Order, Wishes } from './protocol.ts';

// The page around the frame, as far as this app may know it: orders come in, news go out, nothing else.

export interface Host {
  /** False when the app is a page of its own. */
  framed: boolean;
  wishes: Wishes;
  tell(news: Omit<News, 'usher'> & Record<string, unknown>): void;
  onOrder(fn: (order: Order) => void): void;
}

const names = ['open', 'close', 'endChat', 'sendMessage', 'identify', 'setLocale', 'setTheme', 'setContext'];
/** What is in these, more.ts checks. */
const rare = ['set', 'start', 'restart', 'hooks', 'answer'];

/** The order in a message, or nothing: whatever a page posts, only this shape gets through. */
export function orderIn(data: unknown): Order | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { usher, do: name, v } = data as Record<string, unknown>;
  if (usher !== 1 || typeof name !== 'string') return undefined;
  const isObject = typeof v === 'object' && v !== null && !Array.isArray(v);
  if (name === 'boot' || name === 'setContext') return isObject ? (data as Order) : undefined;
  if (rare.includes(name)) return data as Order;
  if (!names.includes(name)) return undefined;
  const takesText = /^(s|i)/.test(name);
  return !takesText || typeof v === 'string' ? (data as Order) : undefined;
}

/** Wishes come from the page's markup: text only. */
function wishesIn(v: Wishes): Wishes {
  return Object.fromEntries(Object.entries(v).filter(([, value]) => typeof value === 'string'));
}

/** Greets the loader and waits for its answer, whose sender is the only one listened to from then on. */
export function meetHost(): Promise<Host> {
  const framed = window.parent !== window;
  let origin = '';
  let listener: ((order: Order) => void) | undefined;
  const early: Order[] = [];
  const host: Host = {
    framed,
    wishes: {},
    tell(news) {
      if (origin) window.parent.postMessage({ usher: 1, ...news }, origin);
    },
    onOrder(fn) {
      listener = fn;
      early.splice(0).forEach(fn);
    },
  };
  if (!framed) return Promise.resolve(host);

  return new Promise((resolve) => {
    addEventListener('message', (e) => {
      if (e.source !== window.parent || (origin && e.origin !== origin)) return;
      const order = orderIn(e.data);
      if (!order) return;
      if (order.do === 'boot') {
        if (origin) return;
        origin = e.origin;
        host.wishes = wishesIn(order.v);
        resolve(host);
      } else if (!origin) return;
      else if (listener) listener(order);
      else early.push(order);
    });
    // The greeting holds nothing, so anyone may hear it.
    window.parent.postMessage({ usher: 1, ev: 'hi' } satisfies News, '*');
  });
}

/** The page's address without what may be private in it. */
export function pageAddress(page: string | undefined): string | undefined {
  try {
    const url = new URL(page ?? '');
    return url.origin + url.pathname;
  } catch {
    return undefined;
  }
}
