import type { Files } from '../../../stream/files.ts';
import { connect, type Client, type Event, type Media, type Member, type Message, type Outgoing, type State, type Typing } from '../../../stream/index.ts';
import { CallError, endChannel, getConfig, newToken, openChannel, refreshToken, streamUrl, type Config, type Token } from './api.ts';
import { hasEarlier, isEnded, isTeam, team, unreadAfter, withEarlier, withEvent, withMessage, withSnapshot, type Conversation } from './conversation.ts';
import { Line, type Banner } from './line.ts';
import type { Early, Keeper, Note } from './session.ts';
import { nameIn, nameOfIdentity } from './text.ts';

// The one object behind the screen: it holds the state, talks to the server and tells the screen when to draw.

export type Phase = 'loading' | 'failed' | 'form' | 'chat' | 'ended';
export type Failure = 'unreachable' | 'unknownFlow';

export interface View {
  phase: Phase;
  failure?: Failure;
  config?: Config;
  /** The panel is on the screen. */
  open: boolean;
  /** A conversation is being opened. */
  starting: boolean;
  startFailed?: CallError;
  endFailed?: boolean;
  conversation?: Conversation;
  me: string;
  outgoing: Outgoing[];
  early: Early[];
  notes: Note[];
  typing: Typing[];
  banner?: Banner;
  unread: number;
  /** First message that was unread when the visitor looked; -1 = none. */
  newFrom: number;
  loadingEarlier: boolean;
}

export type Told =
  | { ev: 'unread'; v: number }
  | { ev: 'message'; v: { body: string; author: string; index: number; mine: boolean; media: Media | null } }
  | { ev: 'connection'; v: State['state'] }
  | { ev: 'started'; v: { channel: string } }
  | { ev: 'ended' }
  | { ev: 'error'; v: { message: string } };

const PAGE = 50;
const NOTES = 30;
const soon = (t: Token) => t.expires - Date.now() < 60_000;
/** Worth another try, unchanged. */
const passes = (e: CallError) => !e.status || e.status === 429 || e.status >= 500;

export class Chat {
  view: View = { phase: 'loading', open: false, starting: false, me: '', outgoing: [], early: [], notes: [], typing: [], unread: 0, newFrom: -1, loadingEarlier: false };
  /** Joins the data of the next conversation; the page's words win over the form's. */
  context: Record<string, unknown> = {};
  /** What the page wants to be otherwise than the flow says. */
  own: Partial<Config> = {};
  /** What the visitor attaches; there once ui/Attach.tsx has been loaded. */
  files?: Files;
  private listeners = new Set<() => void>();
  private client?: Client;
  channel?: string;
  private unsubscribe?: () => void;
  private typists = new Map<string, ReturnType<typeof setTimeout>>();
  private readSent = -1;
  private toldOf = new Set<string>();
  private atEnd = true;
  /** The panel was closed or its tab hidden when last looked at. */
  private wasAway = true;
  private startTimer?: ReturnType<typeof setTimeout>;
  private startDelay = 2000;
  private line = new Line((banner) => this.change({ banner }));

  constructor(
    private flow: string,
    private keeper: Keeper,
    private tell: (news: Told) => void,
  ) {
    keeper.onChange(() => this.followTabs());
    document.addEventListener('visibilitychange', () => this.look());
    addEventListener('online', () => this.view.early.length && this.begin());
  }

  listen(fn: () => void) {
    this.listeners.add(fn);
    return () => void this.listeners.delete(fn);
  }

  private change(part: Partial<View>) {
    this.view = { ...this.view, ...part };
    this.listeners.forEach((fn) => fn());
  }

  nameOf = (identity: string): string => this.view.conversation?.members[identity]?.friendly_name || this.keeper.now.names?.[identity] || nameOfIdentity(identity);

  /** Loads the flow's configuration and, when there is one, the stored conversation. */
  async load() {
    this.change({ phase: this.view.conversation ? this.view.phase : 'loading', failure: undefined });
    const { token, channel, early = [] } = this.keeper.now;
    this.change({ me: token?.identity ?? '', early });
    if (channel && token) this.attach(channel);
    try {
      await this.config();
      if (!this.channel) this.change({ phase: this.idlePhase() });
      if (this.keeper.now.early && !this.channel) this.begin();
    } catch (e) {
      if (!this.view.conversation) this.change({ phase: 'failed', failure: (e as CallError).status === 404 ? 'unknownFlow' : 'unreachable' });
    }
  }

  setOwn(own: Partial<Config>) {
    Object.assign(this.own, own);
    const { config, phase } = this.view;
    if (!config) return;
    this.change({ config: { ...config, ...own } });
    if (!this.channel && phase !== 'loading') this.change({ phase: this.idlePhase() });
  }

  private idlePhase(): Phase {
    return this.view.config?.pre_engagement && !this.view.early.length ? 'form' : 'chat';
  }

  // --- who the visitor is

  private async config(): Promise<Config> {
    const config = this.view.config ?? { ...(await getConfig(this.flow)), ...this.own };
    if (!this.view.config) this.change({ config });
    return config;
  }

  /** A token for the same visitor, whose last one is about to end or has ended. Within keeper.alone. */
  private async renew(config: Config): Promise<Token> {
    const { token: old, known } = this.keeper.now;
    const refreshed =
      old && (known || old.expires > Date.now())
        ? await refreshToken(config, old.token).catch((e: CallError) => {
            if (known || passes(e)) throw e;
          })
        : undefined;
    const token = refreshed ?? (await newToken(config, old?.visitor));
    this.keeper.set({ token });
    // Nobody's conversation can be gone on with by somebody else.
    if (old && old.identity !== token.identity) this.keeper.set({ channel: undefined });
    return token;
  }

  /** For the stream and files: the stored token, or a newer one. */
  async token(fresh: boolean): Promise<string> {
    const had = this.keeper.now.token;
    if (had && !fresh && !soon(had)) return had.token;
    const config = await this.config();
    const token = await this.keeper.alone(async () => {
      const now = this.keeper.now.token;
      return now && now.token !== had?.token && !soon(now) ? now : this.renew(config); // another tab may have been faster
    });
    if (token.identity !== this.view.me) setTimeout(() => this.forget(false));
    return token.token;
  }

  /** The page vouches for the visitor with a token of its own making. */
  async identify(jwt: string) {
    const { readToken } = await import('./jwt.ts');
    const token = readToken(jwt);
    if (!token) return this.tell({ ev: 'error', v: { message: 'identify: not a token' } });
    const same = token.identity === this.keeper.now.token?.identity;
    if (!same) this.forget(true);
    this.keeper.set({ token, known: true });
    this.change({ me: token.identity });
    if (same && this.channel) this.client?.reconnect();
  }

  // --- opening and closing a conversation

  /** Sends the form. */
  async start(answers: Record<string, string>) {
    if (this.view.starting) return;
    this.change({ starting: true, startFailed: undefined });
    this.keeper.set({ answers });
    const question = answers.question?.trim();
    try {
      await this.openChannel(answers);
      if (question) this.send(question);
      this.change({ starting: false });
    } catch (e) {
      this.change({ starting: false, startFailed: e as CallError });
      this.tell({ ev: 'error', v: { message: (e as Error).message } });
    }
  }

  /** Opens the channel for what was written without a form; tries again until the network is there. */
  async begin() {
    if (this.view.starting || this.channel) return;
    clearTimeout(this.startTimer);
    this.change({ starting: true, startFailed: undefined });
    try {
      await this.openChannel(this.keeper.now.answers ?? {});
      this.startDelay = 2000;
      this.line.retried(true);
      this.change({ starting: false });
    } catch (e) {
      const again = passes(e as CallError);
      this.change({ starting: false, startFailed: again ? undefined : (e as CallError) });
      if (!again) return;
      this.line.retried(false);
      this.startTimer = setTimeout(() => this.begin(), (this.startDelay = Math.min(30_000, this.startDelay * 1.6)) * (0.5 + Math.random() / 2));
    }
  }

  private async openChannel(answers: Record<string, string>) {
    const config = await this.config();
    const channel = await this.keeper.alone(async () => {
      if (this.keeper.now.channel) return this.keeper.now.channel; // another tab has opened it
      const name = nameIn(answers) || String(this.context.friendlyName ?? '') || 'Anonymous';
      const open = (t: Token) => openChannel(t, config.flow_sid, name, { ...answers, ...this.context });
      const { token } = this.keeper.now;
      const usable = token && !soon(token) ? token : await this.renew(config);
      const made = await open(usable).catch(async (e: CallError) => {
        if (e.status !== 401) throw e;
        return open(await this.renew(config));
      });
      this.keeper.set({ channel: made.sid, notes: undefined, seen: undefined });
      return made.sid;
    });
    this.attach(channel);
    this.tell({ ev: 'started', v: { channel } });
  }

  async end() {
    const { token } = this.keeper.now;
    if (!this.channel || !token) return;
    this.change({ endFailed: false });
    try {
      await endChannel(token.token, this.channel);
      const c = this.view.conversation;
      if (c) this.take({ ...c, channel: { ...c.channel, attributes: { ...c.channel.attributes, status: 'INACTIVE' } } });
    } catch (e) {
      this.change({ endFailed: true });
      this.tell({ ev: 'error', v: { message: (e as Error).message } });
    }
  }

  /** Leaves the ended conversation behind and shows the form, or an empty log. */
  restart() {
    this.forget(false);
  }

  private forget(withToken: boolean) {
    this.keeper.set({ channel: undefined, notes: undefined, seen: undefined, early: undefined, draft: undefined, ...(withToken ? { token: undefined, names: undefined, known: undefined } : {}) });
    this.detach();
    this.files?.close();
    this.files = undefined;
    this.change({ phase: this.view.config ? this.idlePhase() : 'loading' });
  }

  private followTabs() {
    const { channel, token, early = [] } = this.keeper.now;
    if (channel !== this.channel) {
      if (channel && token) this.attach(channel);
      else {
        this.detach();
        this.change({ phase: this.idlePhase() });
      }
    }
    this.change({ early, notes: this.keeper.now.notes ?? [] });
  }

  // --- the stream

  private attach(channel: string) {
    this.detach();
    const { token, notes = [] } = this.keeper.now;
    this.channel = channel;
    this.change({ me: token!.identity, notes, phase: this.view.conversation || this.view.early.length ? 'chat' : 'loading' });
    const client = (this.client = connect({ url: streamUrl(), token: (fresh) => this.token(fresh), key: 'usher.out.' + token!.identity }));
    let told: State['state'] | undefined;
    client.onState((s) => {
      this.line.state(s, this.view.conversation?.messages.at(-1)?.index ?? -1);
      if (s.state !== told) this.tell({ ev: 'connection', v: (told = s.state) });
      this.outgoing();
    });
    client.onOutgoing((o) => {
      if (o.message) {
        this.arrived(o.message);
        if (this.view.conversation) this.take(withMessage(this.view.conversation, o.message));
      }
      this.outgoing();
    });
    this.unsubscribe = client.subscribe(channel, {
      load: async () => {
        const page = await client.history(channel, null, PAGE);
        const last = this.view.conversation?.messages.at(-1)?.index ?? Infinity;
        this.take(withSnapshot(this.view.conversation, page, this.view.me, this.keeper.now.seen));
        page.messages.forEach((m) => m.index > last && this.arrived(m));
        team(this.view.conversation!).forEach((m) => this.note('joined', m, m.date_created));
        return page;
      },
      event: (e) => this.event(e),
      typing: (t) => this.typing(t),
      error: (e) => {
        this.tell({ ev: 'error', v: { message: e.message } });
        this.forget(false); // deleted, or not ours: nothing to come back to
      },
    });
    const { early = [] } = this.keeper.now;
    if (early.length) {
      this.keeper.set({ early: undefined });
      this.change({ early: [] });
      early.forEach((e) => client.send(channel, e.body));
    }
    this.outgoing();
  }

  private detach() {
    this.unsubscribe?.();
    this.client?.close();
    this.line.reset();
    clearTimeout(this.startTimer);
    this.typists.forEach(clearTimeout);
    this.typists.clear();
    this.unsubscribe = this.client = this.channel = undefined;
    this.readSent = -1;
    this.change({ conversation: undefined, outgoing: [], early: this.keeper.now.early ?? [], notes: [], typing: [], newFrom: -1, unread: 0, startFailed: undefined, endFailed: undefined });
    this.tell({ ev: 'unread', v: 0 });
  }

  private outgoing() {
    if (this.client) this.change({ outgoing: this.client.outgoing(this.channel) });
  }

  /** A new value of the conversation, whatever it came from. */
  private take(conversation: Conversation) {
    const was = this.view.phase;
    const phase: Phase = isEnded(conversation) ? 'ended' : 'chat';
    const names = { ...this.keeper.now.names };
    let news = false;
    for (const m of Object.values(conversation.members)) {
      if (!isTeam(m, this.view.me) || !m.friendly_name || names[m.identity] === m.friendly_name) continue;
      names[m.identity] = m.friendly_name;
      news = true;
    }
    if (news) this.keeper.set({ names });
    if (conversation.seen > (this.keeper.now.seen ?? -1)) this.keeper.set({ seen: conversation.seen });
    this.change({ conversation, phase });
    this.line.latest(conversation);
    if (phase === 'ended' && was === 'chat') this.tell({ ev: 'ended' });
    this.look();
  }

  private event(e: Event) {
    const c = this.view.conversation;
    if (!c) return;
    if (e.kind === 'channel.removed') return this.forget(false);
    if (e.kind === 'message.added') this.arrived(e.data);
    if (e.kind === 'member.added' && isTeam(e.data, this.view.me)) this.note('joined', e.data, e.data.date_created);
    if (e.kind === 'member.removed' && isTeam(e.data, this.view.me)) this.note('left', e.data, e.at);
    this.take(withEvent(c, e));
  }

  /** Tells the page, once for each message. */
  private arrived(m: Message) {
    if (this.toldOf.has(m.sid)) return;
    this.toldOf.add(m.sid);
    const mine = m.author === this.view.me;
    this.typed(m.author);
    this.tell({ ev: 'message', v: { body: m.body ?? '', author: mine ? '' : this.nameOf(m.author), index: m.index, mine, media: m.media } });
  }

  private note(kind: Note['kind'], m: Member, at: string) {
    const notes = this.keeper.now.notes ?? [];
    if (notes.some((n) => n.kind === kind && n.identity === m.identity && n.at === at)) return;
    const all = [...notes, { kind, identity: m.identity, at }].slice(-NOTES);
    this.keeper.set({ notes: all, names: { ...this.keeper.now.names, ...(m.friendly_name ? { [m.identity]: m.friendly_name } : {}) } });
    this.change({ notes: all });
  }

  private typing(t: Typing) {
    if (t.identity === this.view.me) return;
    clearTimeout(this.typists.get(t.identity));
    this.typists.set(t.identity, setTimeout(() => this.typed(t.identity), 5000));
    this.change({ typing: [...this.view.typing.filter((x) => x.identity !== t.identity), t] });
  }

  /** That person's typing is over. */
  private typed(identity: string) {
    clearTimeout(this.typists.get(identity));
    if (this.typists.delete(identity)) this.change({ typing: this.view.typing.filter((t) => t.identity !== identity) });
  }

  // --- what the visitor does

  send(body: string) {
    const text = body.trim();
    if (!text || this.view.phase === 'ended') return;
    if (this.client && this.channel) this.client.send(this.channel, text);
    else {
      const early = [...(this.keeper.now.early ?? []), { id: crypto.getRandomValues(new Uint32Array(3)).join('-'), body: text, at: Date.now() }];
      this.keeper.set({ early });
      this.change({ early });
      if (this.view.config && this.view.phase === 'chat') this.begin();
    }
    this.change({ newFrom: -1 });
  }

  sendFile(media: Media) {
    this.client?.send(this.channel!, '', undefined, media);
  }

  retry = (id: string) => this.client?.retry(id);

  discard(id: string) {
    this.client?.discard(id);
    this.outgoing();
  }

  write() {
    if (this.channel) this.client?.typing(this.channel);
  }

  get draft(): string {
    return this.keeper.now.draft ?? '';
  }

  set draft(text: string) {
    this.keeper.set({ draft: text || undefined });
  }

  get answers() {
    return this.keeper.now.answers;
  }

  reconnect() {
    if (this.client) this.client.reconnect();
    else this.begin();
  }

  async earlier() {
    const c = this.view.conversation;
    if (!c || !this.client || this.view.loadingEarlier || !hasEarlier(c)) return;
    this.change({ loadingEarlier: true });
    try {
      const page = await this.client.history(c.channel.sid, c.messages[0]!.index, PAGE);
      if (this.view.conversation?.channel.sid === c.channel.sid) this.change({ conversation: withEarlier(this.view.conversation, page) });
    } catch {
      // The button stays; the stream asks again by itself when it is only the network.
    }
    this.change({ loadingEarlier: false });
  }

  /** All messages from the first one on, for the transcript. */
  async everything(): Promise<Message[]> {
    while (this.view.conversation && hasEarlier(this.view.conversation)) {
      const before = this.view.conversation.messages[0]!.index;
      await this.earlier();
      if (this.view.conversation?.messages[0]?.index === before) break;
    }
    return this.view.conversation?.messages ?? [];
  }

  // --- what the visitor sees

  setOpen(open: boolean) {
    if (open === this.view.open) return;
    this.change({ open, newFrom: -1 });
    this.atEnd = true;
    if (open && this.view.phase === 'failed') void this.load();
    this.look();
  }

  /** The log tells whether its end is in sight. */
  setAtEnd(atEnd: boolean) {
    this.atEnd = atEnd;
    if (atEnd) this.look();
  }

  /** Counts what is unread, and moves the read horizon when the visitor sees the end of the log. */
  private look() {
    const { conversation: c, me, open } = this.view;
    if (!c || !this.channel) return;
    const own = c.messages.findLast((m) => m.author === me)?.index ?? -1; // who answers has read
    const horizon = Math.max(this.readSent, own, c.members[me]?.last_consumed_message_index ?? -1);
    const last = c.messages.at(-1)?.index ?? -1;
    const missed = unreadAfter(c, horizon);
    let count = missed.length;
    const here = open && !document.hidden;
    if (here && this.wasAway && missed[0]) this.change({ newFrom: missed[0].index });
    if (here && this.atEnd) {
      count = 0;
      if (last > horizon) {
        this.readSent = last;
        this.client?.read(this.channel, last).catch(() => {});
      }
    }
    this.wasAway = !here;
    if (count === this.view.unread) return;
    this.change({ unread: count });
    this.tell({ ev: 'unread', v: count });
  }
}
