import { describe, expect, test, vi } from 'vitest'
import { anotherServer, clients, follow, open, pass, server, upTo } from './harness.ts'

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
      anotherServer()
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
  }, 60_000)

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
