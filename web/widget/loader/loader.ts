import type { Usher } from '../usher.d.ts';
import type { News, Order, Wishes } from '../app/core/protocol.ts';
import { style } from './style.ts';

// The one line on the host's page: draws the launcher, makes the frame when somebody comes near it, and carries
// window.Usher. It holds no conversation and no secret: those stay in the frame, on Usher's origin.

type Listener = (value?: unknown) => void;

const script = document.currentScript as HTMLScriptElement;
const app = new URL('widget/', script.src);
const space = 'http://www.w3.org/2000/svg';
const listeners: Record<string, Set<Listener>> = {};

let wishes: Wishes;
let host: HTMLElement | undefined;
let panel: HTMLElement;
let launcher: HTMLElement;
let badge: HTMLElement;
let icon: Element;
let frame: HTMLIFrameElement | undefined;
/** Orders for an app that has not been booted yet. */
let waiting: [Order['do'], unknown][] | undefined;
let isOpen = false;
/** What stands before the page's own title. */
let mark = '';

/** Look and state of last time, kept on the page's side so that the launcher starts in its colours. */
function kept(value?: string): string {
  const key = 'usher:' + wishes.flow;
  try {
    return value ? (localStorage[key] = value) : localStorage[key] || '';
  } catch {
    return '';
  }
}

function order(name: Order['do'], v?: unknown) {
  if (waiting) waiting.push([name, v]);
  else frame?.contentWindow!.postMessage({ usher: 1, do: name, v }, app.origin);
}

function make<K extends keyof HTMLElementTagNameMap>(name: K, parent: Node) {
  return parent.appendChild(document.createElement(name));
}

/** Makes the frame; the app in it begins to load. */
function load() {
  if (frame || !host) return;
  frame = make('iframe', panel);
  frame.title = 'Chat';
  frame.src = app + '?flow=' + (wishes.flow || '');
}

function toggle(to = !isOpen) {
  if (to === isOpen || !host) return;
  isOpen = to;
  load();
  order(to ? 'open' : 'close');
  show();
  (to ? frame! : launcher).focus();
}

function show() {
  panel.className = isOpen ? 'o' : '';
  launcher.ariaExpanded = isOpen as never; // becomes text
  icon.setAttribute('d', isOpen ? 'm7 10 6 6 6-6' : 'M8 17H7q-2 0-2-2V7q0-2 2-2h12q2 0 2 2v8q0 2-2 2h-6l-5 4z');
  fit();
}

/** On a phone the sheet ends where the keyboard begins. The launcher has no width exactly while the sheet covers it. */
function fit() {
  const v = visualViewport!;
  if (host) panel.style.cssText = isOpen && !launcher.offsetWidth && v.scale < 1.1 ? `inset:${v.offsetTop}px 0 ${innerHeight - v.height - v.offsetTop}px` : '';
}

function title() {
  const old = mark;
  const unread = badge.textContent;
  mark = document.hidden && unread ? `(${unread}) ` : '';
  document.title = mark + document.title.replace(old, '');
}

function receive({ origin, source, data }: MessageEvent<News>) {
  if (origin !== app.origin || source !== frame?.contentWindow) return;
  if (data.ev === 'hi') {
    const orders = waiting;
    waiting = undefined;
    order('boot', { ...wishes, page: location.href });
    orders?.forEach((o) => order(...o));
  }
  if (data.ev === 'ask') api.toggle(data.v);
  if (data.ev === 'peek' && !isOpen) {
    panel.style.cssText = `--h:${data.v}px`;
    panel.className = data.v ? 'p' : '';
  }
  if (data.ev === 'look') {
    host!.style.cssText = data.v;
    kept(+data.active + data.v);
  }
  if (data.ev === 'unread') {
    badge.textContent = '' + (data.v || '');
    launcher.ariaLabel = data.label;
    title();
  }
  listeners[data.ev]?.forEach((fn) => fn((data as { v?: unknown }).v));
}

function boot(more?: Wishes) {
  shutdown();
  wishes = { ...script.dataset, ...more };
  waiting = [];
  host = make('usher-chat' as 'b', document.documentElement);
  const shadow = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  shadow.adoptedStyleSheets = [sheet];
  panel = make('div', shadow);
  launcher = make('button', shadow);
  launcher.ariaLabel = wishes.label || 'Chat';
  launcher.onclick = () => api.toggle();
  launcher.onpointerenter = launcher.onfocus = load;
  const svg = launcher.appendChild(document.createElementNS(space, 'svg'));
  icon = svg.appendChild(document.createElementNS(space, 'path'));
  badge = make('i', launcher);
  show();
  const last = kept();
  host.style.cssText = last.slice(1);
  if (+last[0]!) load();
}

function shutdown() {
  if (!host) return;
  host.remove();
  host = frame = undefined;
  isOpen = false;
  badge.textContent = '';
  title();
}

function on(name: string, fn: Listener) {
  const set = (listeners[name] ??= new Set());
  set.add(fn);
  return () => set.delete(fn);
}

/** window.Usher. What it takes to show the launcher is here; everything else is in more.js, which comes when it is first called. */
const api: Record<string, any> = {
  boot,
  shutdown,
  toggle,
  open: () => api.toggle(true),
  close: () => api.toggle(false),
  on,
  once(name: string, fn: Listener) {
    const off = on(name, (v) => {
      off();
      fn(v);
    });
    return off;
  },
};

if (!window.Usher) {
  window.Usher = api as Usher & typeof api;
  // In the order that compresses best.
  for (const name of ['endChat', 'replace', 'setTheme', 'setLocale', 'before', 'after', 'setContext', 'set', 'sendMessage', 'start', 'restart', 'identify'])
    api[name] = (...args: unknown[]) => import(/* @vite-ignore */ app + 'more.js').then((m) => m[name](api, order, load, ...args));
  addEventListener('message', receive);
  addEventListener('visibilitychange', title);
  visualViewport!.addEventListener('resize', fit);
  visualViewport!.addEventListener('scroll', fit);
  boot();
}
