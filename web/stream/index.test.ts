import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect, type Client, type Event, type Options, type Outgoing, type State, type Store } from './index.ts'
import { FakeServer } from './fake.ts'

let server: FakeServer
let clients: Client[] = []

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => {
  clients.forEach((c) => c.close())
  clients = []
  vi.useRealTimers()
})

/** Lets everything happen that happens within so many milliseconds. */
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

function memory(): Store & { data: Map<string, string> } {
  const data = new Map<string, string>()
  return {
    data,
    getItem: (k) => data.get(k) ?? null,
    setItem: (k, v) => void data.set(k, v),
    removeItem: (k) => void data.delete(k),
  }
}

function open(o: Partial<Options> = {}): Client {
  const c = connect({ url: 'ws://x/stream', token: async () => 'jwt', store: null, WebSocket: server.Socket, random: () => 0.5, ...o })
  clients.push(c)
  return c
}

/** Follows a channel's messages from the given offset. */
function follow(c: Client, channel: string, from?: { epoch: string; offset: number }) {
  const seen: number[] = []
  const events: Event[] = []
  const stop = c.subscribe(channel, {
    ...from,
    event: (e) => {
      events.push(e)
      if (e.kind === 'message.added') seen.push(e.data.index)
    },
  })
  return { seen, events, stop }
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('connection', () => {
  test('signs in and tells', async () => {
    const states: string[] = []
    const c = open()
    c.onState((s) => states.push(s.state))
    expect(c.state.state).toBe('connecting')
    await pass()
    expect(c.state).toMatchObject({ state: 'online', identity: 'me', queued: 0 })
    expect(states).toEqual(['online'])
    expect(server.received[0]).toMatchObject({ type: 'hello', token: 'jwt' })
  })

  test('never gives up, waits at most 30 s, and comes back', async () => {
    server.down = true
    const c = open({ random: () => 1 })
    await pass(600_000)
    expect(c.state.state).toBe('offline')
    expect(server.dials).toBeGreaterThan(20)
    expect(server.dials).toBeLessThan(30)
    server.down = false
    await pass(30_000)
    expect(c.state.state).toBe('online')
  })

  test('a server that takes and drops connections is not hammered', async () => {
    const c = open({ random: () => 1 })
    for (let i = 0; i < 600; i++) {
      await pass(100)
      server.sockets.forEach((s) => s.end(1006))
    }
    expect(server.dials).toBeLessThan(12)
    expect(c.state.state).not.toBe('online')
  })

  test('tries at once when the network or the page comes back', async () => {
    const target = new EventTarget()
    vi.stubGlobal('window', target)
    server.down = true
    open({ random: () => 1 })
    await pass(100_000)
    const before = server.dials
    server.down = false
    target.dispatchEvent(new Event('online'))
    await pass()
    expect(server.dials).toBe(before + 1)
    expect(clients[0].state.state).toBe('online')
    vi.unstubAllGlobals()
  })

  test('notices on waking that the connection is dead', async () => {
    const target = new EventTarget()
    vi.stubGlobal('window', target)
    const c = open()
    await pass()
    server.deaf = true
    target.dispatchEvent(new Event('online'))
    await pass(4_900)
    expect(c.state.state).toBe('online')
    server.deaf = false
    server.sockets = []
    await pass(200)
    expect(c.state.state).not.toBe('online')
    await pass(1_000)
    expect(c.state.state).toBe('online')
    vi.unstubAllGlobals()
  })

  test('pings a silent server, and leaves one that does not answer', async () => {
    const c = open()
    await pass(120_000)
    expect(server.dials).toBe(1)
    expect(server.received.filter((f) => f.type === 'ping').length).toBeGreaterThanOrEqual(3)
    server.deaf = true
    await pass(51_000)
    expect(server.dials).toBeGreaterThan(1)
    expect(c.state.state).not.toBe('online')
    server.deaf = false
    await pass(60_000)
    expect(c.state.state).toBe('online')
  })

  test('a connection without welcome is given up', async () => {
    server.deaf = true
    open()
    await pass(15_100 + 800)
    expect(server.dials).toBe(2)
  })

  test.each([4100, 4101])('%i: a new token first, at once', async (code) => {
    let n = 0
    const token = vi.fn(async () => 'jwt' + ++n)
    server.refuse = (t) => (t === 'jwt1' ? code : 0)
    const c = open({ token })
    await pass()
    expect(token.mock.calls).toEqual([[false], [true]])
    expect(c.state.state).toBe('online')
  })

  test('a token that is refused again and again', async () => {
    server.refuse = () => 4101
    const c = open()
    await pass(5_000)
    expect(c.state).toMatchObject({ state: 'refused', code: 4101 })
    const dials = server.dials
    expect(dials).toBeLessThan(10)
    server.refuse = () => 0
    await pass(30_000)
    expect(c.state.state).toBe('online')
  })

  test.each([4102, 4200, 4202, 1009])('%i: does not come back by itself', async (code) => {
    const c = open()
    await pass()
    server.sockets[0].end(code)
    await pass(3_600_000)
    expect(c.state).toMatchObject({ state: 'refused', code })
    expect(server.dials).toBe(1)
    c.reconnect()
    await pass()
    expect(c.state.state).toBe('online')
  })

  test.each([4000, 4001, 4201, 1001, 1006])('%i: comes back', async (code) => {
    const c = open()
    await pass()
    server.sockets[0].end(code)
    await pass(1_000)
    expect(c.state.state).toBe('online')
  })

  test('4003 waits half a minute, 4000 spreads over the hint', async () => {
    const c = open()
    await pass()
    server.sockets[0].end(4003, 'too many connections, wait 30 s')
    await pass(29_000)
    expect(server.dials).toBe(1)
    await pass(31_000)
    expect(c.state.state).toBe('online')
    server.sockets[0].end(4000, 'going away, come back within 20 s')
    await pass(9_000)
    expect(server.dials).toBe(2)
    await pass(2_000)
    expect(c.state.state).toBe('online')
  })

  test('refreshes the token when it expires', async () => {
    const token = vi.fn(async (fresh: boolean) => (fresh ? 'new' : 'old'))
    open({ token })
    await pass()
    server.sockets[0].deliver({ type: 'expiring', seconds: 60 })
    await pass()
    expect(server.received.at(-1)).toMatchObject({ type: 'token', token: 'new' })
  })

  test('a token that cannot be had is asked for again', async () => {
    let fails = 3
    const c = open({
      token: async () => {
        if (fails-- > 0) throw new Error('offline')
        return 'jwt'
      },
    })
    await pass()
    expect(c.state.state).toBe('offline')
    await pass(10_000)
    expect(c.state.state).toBe('online')
  })

  test('close is the end', async () => {
    const c = open()
    await pass()
    const asked = c.history('CH1').catch((e) => e)
    server.deaf = true
    c.close()
    expect((await asked).message).toBe('closed')
    await pass(100_000)
    expect(server.dials).toBe(1)
    await expect(c.history('CH1')).rejects.toMatchObject({ message: 'closed' })
  })
})

describe('streams', () => {
  test('live events, once and in order', async () => {
    const c = open()
    const f = follow(c, 'CH1')
    await pass()
    for (let i = 0; i < 5; i++) server.post('CH1', 'x')
    server.post('CH2', 'not ours')
    await pass()
    expect(f.seen).toEqual(upTo(5))
    f.stop()
    await pass()
    server.post('CH1', 'x')
    await pass()
    expect(f.seen).toEqual(upTo(5))
  })

  test('resumes where it stopped', async () => {
    for (let i = 0; i < 10; i++) server.post('CH1', 'x')
    const c = open()
    const f = follow(c, 'CH1', { epoch: 'e1', offset: 4 })
    await pass()
    expect(f.seen).toEqual([4, 5, 6, 7, 8, 9])
    server.sockets[0].end(1006)
    for (let i = 0; i < 10; i++) server.post('CH1', 'x')
    await pass(1_000)
    expect(f.seen).toEqual(upTo(20).slice(4))
  })

  test('repeated, late and lost events', async () => {
    const c = open()
    const f = follow(c, 'CH1')
    await pass()
    let n = 0
    let late: any[] = []
    server.path = (e) => {
      switch (n++ % 4) {
        case 0:
          return [e, e]
        case 1:
          late.push(e)
          return []
        case 2: {
          const out = [e, ...late]
          late = []
          return out
        }
        default:
          return []
      }
    }
    for (let i = 0; i < 50; i++) {
      server.post('CH1', 'x')
      await pass(10)
    }
    server.path = (e) => [e]
    server.post('CH1', 'x')
    await pass()
    expect(f.seen).toEqual(upTo(51))
  })

  test('is cut before, in the middle of and after everything', async () => {
    for (let cut = 0; cut < 60; cut++) {
      server = new FakeServer()
      const c = open()
      const f = follow(c, 'CH1', { epoch: 'e1', offset: 0 })
      server.cutAfter = cut
      for (let i = 0; i < 10; i++) {
        server.post('CH1', 'x')
        c.send('CH1', 'mine ' + i)
        await pass(50)
      }
      await pass(60_000)
      expect(f.seen, `cut after ${cut} frames`).toEqual(upTo(20))
      const mine = server.messages('CH1').filter((m) => m.author === 'me').map((m) => m.body)
      expect(mine, `cut after ${cut} frames`).toEqual(upTo(10).map((i) => 'mine ' + i))
      expect(c.state.queued).toBe(0)
      c.close()
    }
  })

  test('reads anew when the history is gone, without a gap or a repetition', async () => {
    for (let i = 0; i < 5; i++) server.post('CH1', 'x')
    const c = open()
    let shown: number[] = []
    const load = vi.fn(async () => {
      const h = await c.history('CH1')
      shown = h.messages.map((m) => m.index)
      server.post('CH1', 'while it loads') // an event between the snapshot and its use
      await new Promise((ok) => setTimeout(ok, 20))
      return h
    })
    c.subscribe('CH1', { load, event: (e) => e.kind === 'message.added' && shown.push(e.data.index) })
    await pass(100)
    expect(shown).toEqual(upTo(6))
    server.sockets[0].end(1006)
    for (let i = 0; i < 5; i++) server.post('CH1', 'x')
    server.stream('CH1').trimmed = 9
    await pass(1_000)
    expect(load).toHaveBeenCalledTimes(2)
    expect(shown).toEqual(upTo(12))
    server.epoch = 'e2'
    server.post('CH1', 'after a restore')
    await pass(1_000)
    expect(load).toHaveBeenCalledTimes(3)
    server.post('CH1', 'x')
    await pass(100)
    expect(shown).toEqual(upTo(shown.length))
    expect(shown.length).toBe(15)
  })

  test('a snapshot without a position: events from the subscription on', async () => {
    const c = open()
    let loaded!: () => void
    const got: number[] = []
    c.subscribe('WK1', { load: () => new Promise<void>((ok) => (loaded = ok)), event: (e) => got.push(e.offset) })
    await pass()
    server.emit('WK1', 'worker.updated', {})
    await pass()
    expect(got).toEqual([])
    loaded()
    await pass()
    server.emit('WK1', 'worker.updated', {})
    await pass()
    expect(got).toEqual([1, 2])
  })

  test('loading is tried again, but not after a refusal', async () => {
    const c = open()
    let tries = 0
    const got: number[] = []
    c.subscribe('CH1', {
      load: async () => {
        if (++tries < 3) throw new Error('network')
      },
      event: (e) => got.push(e.offset),
    })
    await pass()
    server.post('CH1', 'x')
    await pass(20_000)
    expect(tries).toBe(3)
    expect(got).toEqual([1])
    const error = vi.fn()
    c.subscribe('CH2', { load: () => Promise.reject({ status: 404, code: 20404, message: '' }), event: () => {}, error })
    await pass()
    expect(error).toHaveBeenCalledTimes(1)
  })

  test('what may not be had is said', async () => {
    const c = open()
    const error = vi.fn()
    c.subscribe('CHforeign', { event: () => {}, error })
    await pass()
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ code: 20404 }))
    const over = vi.fn()
    c.subscribe('CH1', { event: () => {}, error: over })
    await pass()
    server.sockets[0].deliver({ type: 'unsubscribed', stream: 'CH1', error: { code: 20404, status: 404, message: 'removed' } })
    await pass()
    expect(over).toHaveBeenCalledTimes(1)
    expect(() => c.subscribe('CH1', { event: () => {} })).not.toThrow()
    expect(() => c.subscribe('CH1', { event: () => {} })).toThrow('already subscribed')
  })

  test('a busy server is asked again', async () => {
    const c = open()
    let n = 0
    server.fail = (f) => (f.type === 'subscribe' && n++ < 2 ? { code: 20429, status: 429, message: '', retry_after: 1 } : undefined)
    const f = follow(c, 'CH1', { epoch: 'e1', offset: 0 })
    server.post('CH1', 'x')
    await pass(5_000)
    expect(f.seen).toEqual([0])
  })

  test('events of an earlier subscription are not taken for the new one', async () => {
    const c = open()
    const one = follow(c, 'CH1', { epoch: 'e1', offset: 0 })
    await pass()
    server.post('CH1', 'x')
    one.stop() // its event is under way
    const two = follow(c, 'CH1', { epoch: 'e1', offset: 0 })
    await pass()
    server.post('CH1', 'x')
    await pass()
    expect(one.seen).toEqual([])
    expect(two.seen).toEqual([0, 1])
  })

  test('typing goes to the subscription; ours is rare', async () => {
    const c = open()
    const typing = vi.fn()
    c.subscribe('CH1', { event: () => {}, typing })
    c.typing('CH1') // not online yet
    await pass()
    server.sockets[0].deliver({ type: 'typing', channel: 'CH1', identity: 'bob', name: 'Bob' })
    for (let i = 0; i < 30; i++) {
      c.typing('CH1')
      await pass(100)
    }
    await pass()
    expect(typing).toHaveBeenCalledWith(expect.objectContaining({ identity: 'bob', name: 'Bob' }))
    expect(server.received.filter((f) => f.type === 'typing')).toHaveLength(1)
    await pass(100)
    c.typing('CH1')
    await pass()
    expect(server.received.filter((f) => f.type === 'typing')).toHaveLength(2)
  })
})

describe('outgoing', () => {
  test('queued, then sent', async () => {
    const c = open()
    const ticks: string[] = []
    const states: number[] = []
    c.onOutgoing((o) => ticks.push(o.body + ' ' + o.status))
    c.onState((s: State) => states.push(s.queued))
    c.send('CH1', 'one', { a: 1 })
    c.send('CH1', 'two')
    expect(c.outgoing('CH1').map((o) => o.body)).toEqual(['one', 'two'])
    expect(c.outgoing('CH2')).toEqual([])
    expect(c.state.queued).toBe(2)
    await pass()
    expect(ticks).toEqual(['one queued', 'two queued', 'one sent', 'two sent'])
    expect(c.outgoing()).toEqual([])
    expect(states.at(-1)).toBe(0)
    expect(server.received.find((f) => f.type === 'send').attributes).toEqual({ a: 1 })
  })

  test('written offline, kept over a reload, sent once and in order', async () => {
    const store = memory()
    server.down = true
    const first = open({ store })
    await pass()
    first.send('CH1', 'a')
    first.send('CH1', 'b')
    first.send('CH2', 'c')
    await pass(5_000)
    first.close()
    const second = open({ store })
    expect(second.outgoing().map((o) => o.body)).toEqual(['a', 'b', 'c'])
    second.send('CH1', 'd')
    server.down = false
    await pass(30_000)
    expect(server.messages('CH1').map((m) => m.body)).toEqual(['a', 'b', 'd'])
    expect(server.messages('CH2').map((m) => m.body)).toEqual(['c'])
    expect(store.data.size).toBe(0)
  })

  test('two tabs with one store', async () => {
    const store = memory()
    server.down = true
    const a = open({ store })
    a.send('CH1', 'from a')
    const b = open({ store })
    b.send('CH1', 'from b')
    expect(JSON.parse(store.data.get('usher.outgoing')!)).toHaveLength(2)
    server.down = false
    await pass(30_000)
    expect(server.messages('CH1').map((m) => m.body).sort()).toEqual(['from a', 'from b'])
    expect(store.data.size).toBe(0)
    expect(a.outgoing().concat(b.outgoing())).toEqual([])
  })

  test('the acknowledgment is lost: not sent twice', async () => {
    const c = open()
    const f = follow(c, 'CH1', { epoch: 'e1', offset: 0 })
    await pass()
    const sent: Outgoing[] = []
    c.onOutgoing((o) => o.status === 'sent' && sent.push(o))
    server.cutAfter = 1 // the send arrives, its answer does not
    c.send('CH1', 'x')
    await pass(2_000)
    expect(server.messages('CH1')).toHaveLength(1)
    expect(sent).toHaveLength(1)
    expect(sent[0].message?.index).toBe(0)
    expect(f.seen).toEqual([0])
  })

  test('a refused message fails alone, and can be retried or forgotten', async () => {
    const store = memory()
    const c = open({ store })
    server.fail = (f) => (f.body === 'bad' ? { code: 50107, status: 403, message: 'no' } : undefined)
    c.send('CH1', 'bad')
    c.send('CH1', 'good')
    await pass()
    expect(server.messages('CH1').map((m) => m.body)).toEqual(['good'])
    const [failed] = c.outgoing()
    expect(failed).toMatchObject({ body: 'bad', status: 'failed', error: { code: 50107 } })
    expect(c.state.queued).toBe(0)
    expect(JSON.parse(store.data.get('usher.outgoing')!)[0].status).toBe('failed')
    server.fail = () => undefined
    c.retry(failed.client_id)
    await pass()
    expect(server.messages('CH1').map((m) => m.body)).toEqual(['good', 'bad'])
    c.retry('unknown')

    server.fail = () => ({ code: 50107, status: 403, message: 'no' })
    const o = c.send('CH1', 'worse')
    await pass()
    c.discard(o.client_id)
    expect(c.outgoing()).toEqual([])
    expect(store.data.size).toBe(0)
  })

  test('forgotten before it left', async () => {
    server.down = true
    const c = open()
    const o = c.send('CH1', 'no')
    c.send('CH1', 'yes')
    await pass()
    c.discard(o.client_id)
    server.down = false
    await pass(30_000)
    expect(server.messages('CH1').map((m) => m.body)).toEqual(['yes'])
  })

  test('too fast: waits, keeps the order', async () => {
    const c = open()
    let n = 0
    server.fail = (f) => (f.type === 'send' && n++ % 3 === 1 ? { code: 20429, status: 429, message: '', retry_after: 2 } : undefined)
    for (let i = 0; i < 9; i++) c.send('CH1', String(i))
    await pass(60_000)
    expect(server.messages('CH1').map((m) => m.body)).toEqual(upTo(9).map(String))
  })

  test('a frame that the server would not take is not sent', async () => {
    const c = open()
    await pass()
    c.send('CH1', 'x'.repeat(70_000))
    await pass()
    expect(c.outgoing()[0]).toMatchObject({ status: 'failed', error: { status: 413 } })
    expect(c.state.state).toBe('online')
  })

  test('a store that throws', async () => {
    const broken: Store = {
      getItem: () => {
        throw new Error('no')
      },
      setItem: () => {
        throw new Error('full')
      },
      removeItem: () => {},
    }
    const c = open({ store: broken })
    c.send('CH1', 'x')
    await pass()
    expect(server.messages('CH1')).toHaveLength(1)
  })
})

describe('requests', () => {
  test('wait for a connection and survive a cut', async () => {
    server.down = true
    const c = open()
    const asked = c.history('CH1', null, 10)
    const read = c.read('CH1', 3)
    await pass(5_000)
    server.down = false
    server.cutAfter = 2
    await pass(60_000)
    expect((await asked).channel.sid).toBe('CH1')
    await read
  })

  test('errors reject with their code', async () => {
    const c = open()
    server.fail = (f) => (f.type === 'history' ? { code: 20404, status: 404, message: 'not found' } : undefined)
    const asked = c.history('CH1').catch((e) => e)
    await pass()
    expect(await asked).toMatchObject({ code: 20404, status: 404 })
  })
})
