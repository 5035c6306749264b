import './style/tokens.css';
import './style/base.css';
import './style/panel.css';
import './style/log.css';
import './style/compose.css';
import { render } from 'preact';
import { Chat, type Told } from './core/chat.ts';
import { meetHost, pageAddress, type Host } from './core/host.ts';
import type { Order } from './core/protocol.ts';
import { openKeeper } from './core/session.ts';
import { openTheme } from './core/theme.ts';
import { openTongue, type Tongue } from './i18n/index.ts';
import { Root } from './ui/Root.tsx';

// Puts the pieces together: the page around, the chat, the theme, the language, the screen.

const query = new URLSearchParams(location.search);
const flow = query.get('flow') ?? '';
const theme = openTheme(document.documentElement);

/** The page's word first, then the visitor's browser, then the flow. */
const wishesFor = (wish: string | null | undefined, chat: Chat) => [wish, ...navigator.languages, chat.view.config?.locale];

function speak(tongue: Tongue) {
  document.documentElement.lang = tongue.locale;
  document.documentElement.dir = query.get('dir') === 'rtl' ? 'rtl' : tongue.dir;
}

async function main() {
  const keeper = openKeeper(flow);
  let host: Host | undefined;
  let tongue: Tongue | undefined;
  const unread = (v: number) => tongue && host?.tell({ ev: 'unread', v, label: tongue.words.open(v) });
  const tell = (news: Told) => (news.ev === 'unread' ? unread(news.v) : host?.tell(news));
  const chat = new Chat(flow, keeper, tell);
  const loading = chat.load();

  host = await meetHost();
  const { wishes } = host;
  const page = pageAddress(wishes.page);
  if (page) chat.context = { location: page };
  theme.setWish(wishes.theme ?? query.get('theme') ?? undefined);

  const draw = () => tongue && render(<Root chat={chat} host={host!} tongue={tongue} />, document.getElementById('app')!);
  let wished: string | null | undefined;
  let reword = (t: Tongue) => t;
  const setLocale = async (wish = wished) => {
    wished = wish;
    tongue = reword(await openTongue(wishesFor(wish, chat)));
    speak(tongue);
    draw();
    unread(chat.view.unread);
  };

  /** Whether the next page should load the app at once. */
  const active = () => chat.view.phase !== 'ended' && !!(keeper.now.channel || keeper.now.early);
  const look = () => host!.tell({ ev: 'look', v: theme.look(), active: active() });
  theme.onChange(look);
  let told = '';
  chat.listen(() => {
    theme.setBrand(chat.view.config?.branding?.color);
    const now = theme.look() + active();
    if (now !== told) look();
    told = now;
  });

  const obey = (order: Order) => {
    switch (order.do) {
      case 'open':
      case 'close':
        chat.setOpen(order.do === 'open');
        return host!.tell({ ev: order.do });
      case 'endChat':
        return chat.end();
      case 'sendMessage':
        return chat.send(order.v);
      case 'identify':
        return chat.identify(order.v);
      case 'setLocale':
        return setLocale(order.v);
      case 'setTheme':
        return theme.setWish(order.v);
      case 'setContext':
        chat.context = { ...chat.context, ...order.v };
        return;
      default:
        return import('./core/more.ts').then((m) =>
          m.more({ chat, host: host!, setLocale, setTheme: theme.setWish, reword: (fn) => ((own) => (reword = (t) => fn(own(t))))(reword) }, order),
        );
    }
  };

  await setLocale(wishes.locale ?? query.get('locale'));
  host.onOrder(obey);
  if (!host.framed) chat.setOpen(true);
  look();
  host.tell({ ev: 'ready' });
  await loading;
}

void main();
