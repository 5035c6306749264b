import { describe, expect, test } from 'vitest'
import type { Outgoing, State, Store } from './index.ts'
import { follow, memory, open, pass, server, upTo } from './harness.ts'

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

  test('a file goes with its message, over a reload too', async () => {
    const store = memory()
    const media = { sid: 'ME1', filename: 'a.png', content_type: 'image/png', size: 3 }
    server.down = true
    const first = open({ store })
    first.send('CH1', '', undefined, media)
    first.close()
    const second = open({ store })
    expect(second.outgoing('CH1')[0]).toMatchObject({ body: '', media })
    server.down = false
    await pass(30_000)
    expect(server.received.filter((f) => f.type === 'send').map((f) => [f.body, f.media])).toEqual([['', 'ME1']])
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
