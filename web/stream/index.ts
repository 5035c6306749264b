// The one client of Usher's stream (docs/realtime.md): one WebSocket that comes back by itself, streams that resume
// where they stopped, and a queue of outgoing messages that survives a lost network and a reload.
// No dependency, no framework: the widget, the desk and any other page can use it.

import type { Attributes, Event, Fault, History, Media, Message, Position, Typing } from './protocol.ts'

export type * from './protocol.ts'

/** Where the outgoing queue is kept; window.localStorage is one. May throw (private mode, quota): the queue then lives in memory. */
export interface Store {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export interface Options {
  /** ws:// or wss:// address of GET /stream. */
  url: string
  /** The access token. fresh = the last one is expiring or was refused, so a cached one is of no use. */
  token: (fresh: boolean) => Promise<string>
  /** Name of the queue in the store. Give every identity its own, else one's words could leave under another's name. */
  key?: string
  /** null = keep nothing. */
  store?: Store | null
  WebSocket?: new (url: string) => WebSocket
  random?: () => number
}

export interface State {
  /** connecting: first attempt, or just cut. offline: attempts fail, and go on. refused: the server will not have this token. */
  state: 'connecting' | 'online' | 'offline' | 'refused'
  /** Messages that still wait to be sent. */
  queued: number
  /** When the state became so, in ms since 1970. */
  since: number
  /** Who the token says we are, once known. */
  identity?: string
  /** Close code that ended the last connection. */
  code?: number
}

/** One message on its way out. */
export interface Outgoing {
  client_id: string
  channel: string
  body: string
  attributes?: Attributes
  /** The file that it carries. */
  media?: Media
  /** When it was written, in ms since 1970. */
  at: number
  status: 'queued' | 'sent' | 'failed'
  /** With status sent: the message as it was kept. */
  message?: Message
  /** With status failed: why. */
  error?: Fault
}

export interface Subscription {
  /** Resume after this place. Without it the stream starts now. */
  epoch?: string
  offset?: number
  /** Each event once, in order. */
  event: (e: Event) => void
  /**
   * Reads the state anew: at the start when no offset was given, and when the server no longer keeps the missed events.
   * Events are held while it runs. If it answers a position (history() does), events up to there are left out.
   */
  load?: () => Promise<Position | void>
  typing?: (t: Typing) => void
  /** The stream cannot be had (any more); the subscription is over. */
  error?: (e: Fault) => void
}

export interface Client {
  readonly state: State
  onState(fn: (s: State) => void): () => void
  /** One subscription per stream at a time. The answer ends it. */
  subscribe(stream: string, s: Subscription): () => void
  /**
   * Queues a message and sends it as soon as there is a connection: once, and in the order of writing.
   * A file is uploaded before (files.ts does it) and goes with one message only.
   */
  send(channel: string, body: string, attributes?: Attributes, media?: Media): Outgoing
  /** Messages that are not sent yet, oldest first: queued and failed ones. */
  outgoing(channel?: string): Outgoing[]
  onOutgoing(fn: (o: Outgoing) => void): () => void
  /** Sends a failed message again (to the end of the queue). */
  retry(clientId: string): void
  /** Forgets a failed or queued message. One that is already on the wire may still arrive. */
  discard(clientId: string): void
  /** The page that ends before the given index (null or none: the newest). Waits for a connection. */
  history(channel: string, before?: number | null, limit?: number): Promise<History>
  /** Moves the read horizon of this identity. */
  read(channel: string, index: number): Promise<void>
  /** Tells that we write; at most every three seconds, and only when online. */
  typing(channel: string): void
  /** Tries again at once, also after a refusal. */
  reconnect(): void
  close(): void
}

interface Sub extends Subscription {
  /** Request whose answer makes the stream live; 0 = live. */
  req: number
  /** Last offset received; -1 = none yet. */
  last: number
  /** Events up to here are part of the snapshot. */
  floor: number
  /** Events that wait for load(). */
  held?: Event[]
}

interface Call {
  frame: Record<string, unknown>
  done: (answer: any) => void
  fail: (e: Fault) => void
}

/** The rejection of what was given up here, not refused by the server. */
const GONE: Fault = { code: 0, status: 0, message: 'closed' }

const TOO_LARGE: Fault = { code: 20413, status: 413, message: 'too large' }

/** Opens the stream. The first attempt starts at once. */
export function connect(o: Options): Client {
  const Socket = o.WebSocket ?? WebSocket
  const random = o.random ?? Math.random
  const key = o.key ?? 'usher.outgoing'
  const subs = new Map<string, Sub>()
  const calls = new Map<number, Call>()
  const stateFns = new Set<(s: State) => void>()
  const outFns = new Set<(o: Outgoing) => void>()
  const busy = new Set<string>()
  const typed: Record<string, number> = {}
  let store: Store | null | undefined = o.store
  if (store === undefined) {
    try {
      store = globalThis.localStorage
    } catch {
      // The page may not touch storage (sandbox, settings).
    }
  }
  let queue: Outgoing[] = kept()
  let state: State = { state: 'connecting', queued: 0, since: Date.now() }
  let ws: WebSocket | undefined
  let ready = false
  let stopped = false
  let fresh = false
  let id = 0
  let dialing = 0
  let attempt = 0
  let refusals = 0
  let heard = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let beat: ReturnType<typeof setInterval> | undefined

  // --- connection

  async function dial() {
    const mine = ++dialing
    clearTimeout(timer)
    timer = undefined
    let token: string
    try {
      token = await o.token(fresh)
    } catch {
      if (mine === dialing) lost(0)
      return
    }
    if (mine !== dialing || stopped) return
    let s: WebSocket
    try {
      s = ws = new Socket(o.url)
    } catch {
      return lost(0)
    }
    timer = setTimeout(() => drop(), 15000) // no welcome
    s.onopen = () => s === ws && s.send(JSON.stringify({ type: 'hello', id: ++id, token }))
    s.onmessage = (m) => s === ws && receive(m.data)
    s.onclose = (e) => s === ws && lost(e.code, e.reason)
  }

  /** Gives up a silent socket without waiting for its closing handshake. */
  function drop() {
    ws?.close()
    lost(0)
  }

  function lost(code: number, reason = '') {
    const was = ready
    dialing++
    ws = undefined
    ready = false
    clearTimeout(timer)
    clearInterval(beat)
    if (stopped) return
    if (was && Date.now() - state.since > 10000) attempt = 0
    const hint = +(/\d+/.exec(reason)?.[0] ?? 0) * 1000
    let wait = random() * Math.min(30000, 800 * 2 ** attempt++)
    let next: State['state'] = was ? 'connecting' : 'offline'
    if (code >= 4100 && code < 4200 && code !== 4102) {
      fresh = true
      if (refusals++ < 1) wait = 0
      else next = 'refused'
    } else if (code === 4102 || code === 4200 || code === 4202 || code === 1009) {
      return set({ state: 'refused', code })
    } else if (code === 4003) {
      wait = Math.max(hint, 30000) * (1 + random() / 2)
    } else if (code === 4000 && hint) {
      wait = random() * hint
    }
    timer = setTimeout(dial, wait)
    set({ state: next, code })
  }

  /** The network or the page came back: do not wait for timers that may have slept. */
  function wake(e: globalThis.Event) {
    if (e.type === 'visibilitychange' && document.hidden) return
    if (ready) {
      const before = heard
      const s = ws
      put({ type: 'ping', id: ++id })
      setTimeout(() => ready && s === ws && heard === before && drop(), 5000)
    } else if (!ws && timer !== undefined && state.code !== 4003) dial()
  }

  function put(frame: unknown) {
    try {
      ws!.send(JSON.stringify(frame))
    } catch {
      // The socket is going down; onclose follows.
    }
  }

  function set(change: Partial<State>) {
    const queued = queue.filter((q) => q.status === 'queued').length
    const since = change.state && change.state !== state.state ? Date.now() : state.since
    state = { ...state, ...change, queued, since }
    stateFns.forEach((fn) => fn(state))
  }

  // --- frames in

  function receive(text: string) {
    heard = Date.now()
    let f: any
    try {
      f = JSON.parse(text)
    } catch {
      return
    }
    const call = calls.get(f.id)
    switch (f.type) {
      case 'welcome':
        return welcome(f)
      case 'subscribed':
        return f.streams.forEach((s: any) => subscribed(f.id, s))
      case 'event':
        return event(f)
      case 'typing':
        return subs.get(f.channel)?.typing?.(f)
      case 'unsubscribed':
        return over(f.stream, f.error)
      case 'expiring':
        o.token(true).then(
          (token) => ready && put({ type: 'token', id: ++id, token }),
          () => (fresh = true),
        )
        return
      case 'error': {
        const again = f.status === 429 || f.status >= 500
        const wait = (f.retry_after ?? 1) * 1000 * (1 + random() / 4)
        const mine = ws
        if (again) {
          setTimeout(() => {
            if (!ready || mine !== ws) return
            if (calls.has(f.id)) put(call!.frame)
            ask([...subs.keys()].filter((s) => subs.get(s)!.req === f.id))
          }, wait)
        } else if (call) {
          calls.delete(f.id)
          call.fail(f)
        } else subs.forEach((s, stream) => s.req === f.id && over(stream, f))
        return
      }
    }
    if (call) {
      calls.delete(f.id)
      call.done(f)
    }
  }

  function welcome(f: any) {
    clearTimeout(timer)
    ready = true
    fresh = false
    refusals = 0
    const every = f.heartbeat * 1000
    beat = setInterval(() => {
      const idle = Date.now() - heard
      if (idle >= 2 * every) drop()
      else if (idle > every / 2) put({ type: 'ping', id: ++id })
    }, every)
    set({ state: 'online', identity: f.identity, code: undefined })
    ask([...subs.keys()])
    calls.forEach((c) => put(c.frame))
  }

  /** Asks for streams from where each of them stands. */
  function ask(streams: string[]) {
    if (!ready || !streams.length) return
    const mine = ++id
    put({
      type: 'subscribe',
      id: mine,
      streams: streams.map((stream) => {
        const s = subs.get(stream)!
        s.req = mine
        return s.last < 0 ? { stream } : { stream, epoch: s.epoch, offset: s.last }
      }),
    })
  }

  function subscribed(req: number, f: any) {
    const s = subs.get(f.stream)
    if (!s || s.req !== req) return
    if (f.error) {
      if (f.error.status === 429 || f.error.status >= 500) {
        setTimeout(() => s.req === req && subs.get(f.stream) === s && ask([f.stream]), (f.error.retry_after ?? 2) * 1000)
        return
      }
      return over(f.stream, f.error)
    }
    s.req = 0
    if (s.last < 0 || !f.resumed) {
      s.last = f.offset
      s.epoch = f.epoch
      s.floor = -1
      s.held = undefined
      load(f.stream, s)
    }
  }

  function load(stream: string, s: Sub) {
    if (!s.load) return
    const held: Event[] = (s.held ??= [])
    const current = () => subs.get(stream) === s && s.held === held
    s.load().then(
      (at) => {
        if (!current()) return
        if (at && at.epoch === s.epoch) s.floor = at.offset
        s.held = undefined
        held.forEach((e) => apply(s, e))
      },
      (e) => {
        if (!current()) return
        if (e?.status >= 400 && e.status < 500 && e.status !== 429) over(stream, e)
        else setTimeout(() => current() && load(stream, s), 2000 * (1 + random()))
      },
    )
  }

  function event(f: Event) {
    const s = subs.get(f.stream)
    if (!s || s.req || (f.epoch === s.epoch && f.offset <= s.last)) return
    if (f.epoch !== s.epoch || f.offset !== s.last + 1) return ask([f.stream]) // a gap: have it sent again
    s.last = f.offset
    if (f.kind === 'message.added' && f.data.client_id) sent(f.data.client_id, f.data)
    if (s.held) s.held.push(f)
    else apply(s, f)
  }

  function apply(s: Sub, e: Event) {
    if (e.offset > s.floor) s.event(e)
  }

  function over(stream: string, e: Fault) {
    const s = subs.get(stream)
    subs.delete(stream)
    s?.error?.(e)
  }

  // --- requests

  /** A request is asked again on every new connection until it is answered. All of them may be repeated without harm. */
  function request(frame: Record<string, unknown>): Promise<any> {
    const mine = ++id
    frame.id = mine
    return new Promise((done, fail) => {
      if (stopped) return fail(GONE)
      if (new Blob([JSON.stringify(frame)]).size > 64000) return fail(TOO_LARGE) // the server would end the connection
      calls.set(mine, { frame, done, fail })
      if (ready) put(frame)
    })
  }

  // --- the outgoing queue

  function kept(): Outgoing[] {
    try {
      return JSON.parse(store?.getItem(key) || '[]')
    } catch {
      return []
    }
  }

  /** Other tabs share the stored queue: change only our own entry of it. */
  function keep(q: Outgoing, gone?: boolean) {
    try {
      const all = kept().filter((k) => k.client_id !== q.client_id)
      if (!gone) all.push(q)
      if (all.length) store?.setItem(key, JSON.stringify(all))
      else store?.removeItem(key)
    } catch {
      // Full or forbidden: the queue lives on in memory.
    }
  }

  function tell(q: Outgoing) {
    outFns.forEach((fn) => fn(q))
    set({})
  }

  /** One message of a channel is on the wire at a time, so that none can overtake one that has to be repeated. */
  function pump() {
    for (const q of [...queue]) {
      if (q.status !== 'queued' || busy.has(q.channel)) continue
      busy.add(q.channel)
      const { client_id, channel, body, attributes, media } = q
      request({ type: 'send', channel, client_id, body, attributes, media: media?.sid })
        .then(
          (a) => sent(client_id, a.message),
          (error: Fault) => {
            if (error === GONE || !queue.includes(q)) return
            const failed: Outgoing = { ...q, status: 'failed', error }
            queue = queue.map((x) => (x === q ? failed : x))
            keep(failed)
            tell(failed)
          },
        )
        .finally(() => {
          busy.delete(channel)
          if (!stopped) pump()
        })
    }
  }

  function sent(clientId: string, message: Message) {
    const q = queue.find((x) => x.client_id === clientId)
    if (!q) return
    queue = queue.filter((x) => x !== q)
    keep(q, true)
    tell({ ...q, status: 'sent', message })
  }

  function add(q: Outgoing): Outgoing {
    queue = [...queue, q]
    keep(q)
    tell(q)
    pump()
    return q
  }

  function listen<F>(set: Set<F>, fn: F) {
    set.add(fn)
    return () => void set.delete(fn)
  }

  const wakers: [EventTarget | undefined, string][] = [
    [globalThis.window, 'online'],
    [globalThis.window, 'offline'],
    [globalThis.document, 'visibilitychange'],
  ]
  wakers.forEach(([target, name]) => target?.addEventListener?.(name, wake))
  set({})
  dial()
  pump()

  return {
    get state() {
      return state
    },
    onState: (fn) => listen(stateFns, fn),
    onOutgoing: (fn) => listen(outFns, fn),
    subscribe(stream, s) {
      if (subs.has(stream)) throw new Error('already subscribed: ' + stream)
      const last = s.epoch !== undefined ? (s.offset ?? -1) : -1
      const sub: Sub = { ...s, req: 0, last, floor: -1 }
      subs.set(stream, sub)
      ask([stream])
      return () => {
        if (subs.get(stream) !== sub) return
        subs.delete(stream)
        if (ready) put({ type: 'unsubscribe', id: ++id, streams: [stream] })
      }
    },
    send(channel, body, attributes, media) {
      delete typed[channel] // a message ends the typing before it; the next key begins it anew
      const bytes = crypto.getRandomValues(new Uint8Array(16))
      const client_id = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
      return add({ client_id, channel, body, attributes, media, at: Date.now(), status: 'queued' })
    },
    outgoing: (channel) => queue.filter((q) => !channel || q.channel === channel),
    retry(clientId) {
      const q = queue.find((x) => x.client_id === clientId && x.status === 'failed')
      if (!q) return
      queue = queue.filter((x) => x !== q)
      add({ ...q, status: 'queued', error: undefined })
    },
    discard(clientId) {
      const q = queue.find((x) => x.client_id === clientId)
      if (!q) return
      queue = queue.filter((x) => x !== q)
      keep(q, true)
      set({})
      calls.forEach((c, i) => c.frame.client_id === clientId && !ready && calls.delete(i) && c.fail(GONE))
    },
    history: (channel, before = null, limit = 50) => request({ type: 'history', channel, before, limit }),
    read: (channel, index) => request({ type: 'read', channel, index }).then(() => {}),
    typing(channel) {
      const now = Date.now()
      if (!ready || now - (typed[channel] ?? 0) < 3000) return
      typed[channel] = now
      put({ type: 'typing', channel })
    },
    reconnect() {
      if (ready || stopped) return
      ws?.close()
      ws = undefined
      refusals = attempt = 0
      fresh = true
      dial()
    },
    close() {
      stopped = true
      dialing++
      clearTimeout(timer)
      clearInterval(beat)
      wakers.forEach(([target, name]) => target?.removeEventListener?.(name, wake))
      const s = ws
      ws = undefined
      ready = false
      s?.close(1000)
      calls.forEach((c) => c.fail(GONE))
      calls.clear()
      subs.clear()
    },
  }
}
