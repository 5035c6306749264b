// A server of the stream in memory, for tests: it keeps streams with their events, and cuts, repeats, reorders or
// forgets when a test wants it to.

import type { Message } from './protocol.ts'

interface Kept {
  events: any[]
  /** Events up to this offset are forgotten. */
  trimmed: number
}

export class FakeServer {
  epoch = 'e1'
  heartbeat = 25
  streams = new Map<string, Kept>()
  sockets: FakeSocket[] = []
  /** Every frame that arrived, in order. */
  received: any[] = []
  dials = 0
  /** New connections fail. */
  down = false
  /** Answers nothing, also no pings. */
  deaf = false
  /** Close code for the next hellos; a function of the token. */
  refuse: (token: string) => number = () => 0
  /** Cuts a connection after so many more frames to the client (or from it). */
  cutAfter = Infinity
  /** Answers a request with this error instead. */
  fail: (f: any) => any = () => undefined
  /** What becomes of an event frame on its way to a client. */
  path: (frame: any) => any[] = (f) => [f]

  stream(name: string): Kept {
    let s = this.streams.get(name)
    if (!s) this.streams.set(name, (s = { events: [], trimmed: 0 }))
    return s
  }

  messages(channel: string): Message[] {
    return this.stream(channel).events.filter((e) => e.kind === 'message.added').map((e) => e.data)
  }

  /** Commits an event and brings it to whoever watches. */
  emit(stream: string, kind: string, data: any) {
    const s = this.stream(stream)
    const e = { type: 'event', stream, epoch: this.epoch, offset: s.events.length + 1, kind, at: '2026-01-01T00:00:00.000Z', data }
    s.events.push(e)
    for (const socket of this.sockets) {
      if (socket.watches.has(stream)) for (const f of this.path(e)) socket.deliver(f)
    }
    return e
  }

  post(channel: string, body: string, author = 'other', client_id?: string): Message {
    const index = this.messages(channel).length
    const m = { sid: 'IM' + index, channel_sid: channel, index, author, body, client_id } as Message
    this.emit(channel, 'message.added', m)
    return m
  }

  handle(socket: FakeSocket, f: any) {
    this.received.push(f)
    if (this.deaf) return
    const answer = (a: any) => socket.deliver({ ...a, id: f.id })
    const wrong = this.fail(f)
    if (wrong) return answer({ type: 'error', ...wrong })
    switch (f.type) {
      case 'hello': {
        const code = this.refuse(f.token)
        if (code) return socket.end(code)
        return answer({ type: 'welcome', identity: 'me', account_sid: 'AC', epoch: this.epoch, expires: '', heartbeat: this.heartbeat })
      }
      case 'subscribe': {
        const replay: any[] = []
        const streams = f.streams.map((r: any) => {
          if (r.stream === 'CHforeign') return { stream: r.stream, error: { code: 20404, status: 404, message: 'not found' } }
          const s = this.stream(r.stream)
          const resumed = r.epoch === undefined || (r.epoch === this.epoch && r.offset >= s.trimmed && r.offset <= s.events.length)
          const offset = resumed && r.epoch !== undefined ? r.offset : s.events.length
          replay.push(...s.events.slice(offset))
          return { stream: r.stream, epoch: this.epoch, offset, resumed }
        })
        answer({ type: 'subscribed', streams })
        for (const r of streams) if (!r.error) socket.watches.add(r.stream)
        for (const e of replay) socket.deliver(e)
        return
      }
      case 'unsubscribe':
        f.streams.forEach((s: string) => socket.watches.delete(s))
        return answer({ type: 'ok' })
      case 'send': {
        const old = this.messages(f.channel).find((m) => m.client_id === f.client_id)
        const message = old ?? this.post(f.channel, f.body, 'me', f.client_id)
        return answer({ type: 'sent', message, repeated: !!old })
      }
      case 'history':
        return answer({
          type: 'history',
          channel: { sid: f.channel },
          members: [],
          messages: this.messages(f.channel).slice(-f.limit),
          epoch: this.epoch,
          offset: this.stream(f.channel).events.length,
        })
      case 'ping':
        return answer({ type: 'pong' })
      case 'read':
      case 'token':
        return answer({ type: 'ok' })
    }
  }

  /** The constructor that a client gets. */
  get Socket(): new (url: string) => WebSocket {
    const server = this
    return function (url: string) {
      return new FakeSocket(server, url)
    } as any
  }
}

export class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((m: { data: string }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  watches = new Set<string>()
  open = false
  private chain: Promise<unknown> = Promise.resolve()

  constructor(
    private server: FakeServer,
    readonly url: string,
  ) {
    server.dials++
    this.later(() => {
      if (server.down) return this.end(1006)
      this.open = true
      server.sockets.push(this as any)
      this.onopen?.()
    })
  }

  private later(fn: () => void) {
    this.chain = this.chain.then(fn)
  }

  /** Counts a frame in either direction; false when the connection is cut in its place. */
  private carries(): boolean {
    if (!this.open) return false
    if (this.server.cutAfter-- > 0) return true
    this.server.cutAfter = Infinity
    this.end(1006)
    return false
  }

  send(text: string) {
    if (!this.open) throw new Error('not open')
    this.later(() => this.carries() && this.server.handle(this, JSON.parse(text)))
  }

  deliver(frame: any) {
    this.later(() => this.carries() && this.onmessage?.({ data: JSON.stringify(frame) }))
  }

  close() {
    this.end(1000)
  }

  end(code: number, reason = '') {
    const was = this.open
    this.open = false
    this.server.sockets = this.server.sockets.filter((s) => s !== (this as any))
    if (was || code === 1006) this.later(() => this.onclose?.({ code, reason }))
  }
}
