import type { State } from '../../../stream/index.ts';
import { unreadAfter, type Conversation } from './conversation.ts';

// What the banner says about the connection: nothing while all is well, the truth while it is not, and for five seconds
// what has arrived since.

export type Banner = { kind: 'offline' } | { kind: 'online'; news: number };

/** A cut shorter than this is not worth a word. */
const PATIENCE = 2500;
const GOOD_NEWS = 5000;

export class Line {
  private lost = false;
  /** Last message before the line was lost. */
  private mark = -1;
  private timer?: ReturnType<typeof setTimeout>;
  private now?: State['state'];
  private failing = false;

  constructor(private show: (banner: Banner | undefined) => void) {
    addEventListener('offline', () => this.lose());
    addEventListener('online', () => this.now === 'online' && this.found());
  }

  state(s: State, lastIndex: number) {
    if (s.state === this.now) return;
    this.now = s.state;
    if (s.state === 'online') return this.found();
    if (!this.lost) this.mark = lastIndex;
    clearTimeout(this.timer);
    if (s.state === 'connecting') this.timer = setTimeout(() => this.lose(), PATIENCE);
    else this.lose();
  }

  /** An attempt to open a conversation: there is no stream yet that could tell. */
  retried(worked: boolean) {
    this.failing = !worked;
    if (worked) this.found();
    else this.lose();
  }

  /** Messages that came in while the good news is on show are part of it. */
  latest(c: Conversation) {
    if (this.lost || this.banner?.kind !== 'online') return;
    const news = unreadAfter(c, this.mark).length;
    if (news !== this.banner.news) this.put({ kind: 'online', news });
  }

  reset() {
    clearTimeout(this.timer);
    this.lost = this.failing = false;
    this.now = undefined;
    this.put(undefined);
  }

  private banner?: Banner;

  private put(banner: Banner | undefined) {
    if (banner === this.banner) return;
    this.banner = banner;
    this.show(banner);
  }

  private lose() {
    clearTimeout(this.timer);
    if (this.lost || (this.now === undefined && !this.failing && navigator.onLine)) return;
    this.lost = true;
    this.put({ kind: 'offline' });
  }

  private found() {
    clearTimeout(this.timer);
    if (!this.lost) return;
    this.lost = false;
    this.put({ kind: 'online', news: 0 });
    this.timer = setTimeout(() => this.put(undefined), GOOD_NEWS);
  }
}
