import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { allows, openFiles, type Files, type FilesOptions } from './files.ts'
import type { Media } from './protocol.ts'

/** An upload under way, as the browser has it. */
class FakeRequest {
  static all: FakeRequest[] = []
  status = 0
  responseText = ''
  headers: Record<string, string> = {}
  url = ''
  body?: File
  aborted = false
  retryAfter: string | null = null
  onloadend?: () => void
  upload: { onprogress?: (e: { loaded: number; total: number }) => void } = {}

  constructor() {
    FakeRequest.all.push(this)
  }
  open(_: string, url: string) {
    this.url = url
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value
  }
  getResponseHeader = () => this.retryAfter
  send(body: File) {
    this.body = body
  }
  abort() {
    this.aborted = true
    this.onloadend?.()
  }
  moves(loaded: number, total = 100) {
    this.upload.onprogress?.({ loaded, total })
  }
  answers(status: number, body?: unknown, retryAfter?: string) {
    this.status = status
    this.retryAfter = retryAfter ?? null
    this.responseText = body ? JSON.stringify(body) : ''
    this.onloadend?.()
  }
  kept(sid: string) {
    this.answers(201, { sid, filename: this.body!.name, content_type: 'text/plain', size: this.body!.size, links: {} })
  }
}

const file = (name: string, body = 'x', type = 'text/plain') => new File([body], name, { type })
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const requests = FakeRequest.all

let sent: [string, Media][]
let tokens: boolean[]
let rules: { max_bytes: number; visitor_max_bytes: number; content_types: string[] }

function open(o: Partial<FilesOptions> = {}): Files {
  return openFiles({
    service: async () => 'http://x/mcs/v1/Services/IS1',
    token: async (fresh) => (tokens.push(fresh), 'jwt'),
    done: (channel, media) => sent.push([channel, media]),
    random: () => 0.5,
    ...o,
  })
}

beforeEach(() => {
  vi.useFakeTimers()
  requests.length = 0
  sent = []
  tokens = []
  rules = { max_bytes: 20, visitor_max_bytes: 10, content_types: [] }
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(rules)))
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('uploads', () => {
  test('nothing leaves before send; then one after the other, each becomes a message', async () => {
    const f = open()
    f.choose('CH1', [file('räk.txt'), file('b.txt')])
    await pass()
    expect(requests).toHaveLength(0)
    expect(f.list('CH1').map((a) => a.status)).toEqual(['chosen', 'chosen'])
    expect(f.list('CH2')).toEqual([])
    expect(f.send('CH1')).toBe(2)
    await pass()
    expect(requests).toHaveLength(1)
    expect(requests[0].url).toBe('http://x/mcs/v1/Services/IS1/Media?Filename=r%C3%A4k.txt')
    expect(requests[0].headers).toEqual({ Authorization: 'Basic ' + btoa('token:jwt'), 'Content-Type': 'text/plain' })
    requests[0].moves(50)
    expect(f.list('CH1')[0]).toMatchObject({ status: 'uploading', part: 0.5 })
    requests[0].kept('ME1')
    await pass()
    expect(requests).toHaveLength(2)
    requests[1].kept('ME2')
    await pass()
    expect(sent.map(([channel, m]) => [channel, m.sid, m.filename])).toEqual([['CH1', 'ME1', 'räk.txt'], ['CH1', 'ME2', 'b.txt']])
    expect(f.list('CH1')).toEqual([])
    expect(f.send('CH1')).toBe(0)
  })

  test('two channels do not wait for each other', async () => {
    const f = open()
    f.choose('CH1', [file('a')])
    f.choose('CH2', [file('b')])
    f.send('CH1')
    f.send('CH2')
    await pass()
    expect(requests.map((r) => r.body!.name)).toEqual(['a', 'b'])
  })

  test('waits for the conversation', async () => {
    let begin = () => {}
    const f = open({ ready: () => new Promise((done) => (begin = done)) })
    f.choose('', [file('a')])
    f.send('')
    await pass()
    expect(requests).toHaveLength(0)
    begin()
    await pass()
    expect(requests).toHaveLength(1)
  })

  test('a cut is tried again by itself, at once when the network is back, and cancelling ends it', async () => {
    const f = open()
    f.choose('CH1', [file('a'), file('b')])
    f.send('CH1')
    await pass()
    requests[0].answers(0)
    await pass(100)
    expect(f.list('CH1').map((a) => a.status)).toEqual(['waiting', 'waiting'])
    expect(requests).toHaveLength(1) // the second keeps its place behind the first
    await pass(5_000)
    expect(requests).toHaveLength(2)
    expect(requests[1].body!.name).toBe('a')
    requests[1].moves(10)
    f.remove(f.list('CH1')[0].id)
    expect(requests[1].aborted).toBe(true)
    await pass()
    expect(requests[2].body!.name).toBe('b')
    requests[2].answers(503, { code: 20503, message: 'busy' }, '60')
    await pass(50_000)
    expect(requests).toHaveLength(3)
    expect(f.list('CH1')[0].error?.status).toBe(503)
    await pass(15_000)
    expect(requests).toHaveLength(4)
    requests[3].kept('ME3')
    await pass()
    expect(sent.map(([, m]) => m.sid)).toEqual(['ME3'])
  })

  test('a connection that moves nothing is given up', async () => {
    const f = open()
    f.choose('CH1', [file('a')])
    f.send('CH1')
    await pass()
    await pass(61_000)
    expect(requests[0].aborted).toBe(true)
    await pass(5_000)
    expect(requests).toHaveLength(2)
    requests[1].moves(100)
    await pass(100_000) // the server looks at it
    expect(requests[1].aborted).toBe(false)
  })

  test('a token that has ended is renewed once', async () => {
    const f = open()
    f.choose('CH1', [file('a')])
    f.send('CH1')
    await pass()
    requests[0].answers(401, { code: 20003 })
    await pass()
    expect(tokens).toEqual([false, true])
    requests[1].answers(401, { code: 20003, message: 'no' })
    await pass()
    expect(f.list('CH1')[0]).toMatchObject({ status: 'failed', trouble: 'refused', error: { message: 'no' } })
    f.retry(f.list('CH1')[0].id)
    await pass()
    requests[2].kept('ME1')
    await pass()
    expect(sent).toHaveLength(1)
  })

  test.each([
    [413, 50512, 'at most 10 bytes', 'size'],
    [400, 50511, 'text/html is not taken here', 'type'],
    [400, 50511, 'the file is infected', 'infected'],
    [403, 20403, 'Forbidden', 'refused'],
  ])('refused with %i %i (%s): %s, and the next goes on', async (status, code, message, trouble) => {
    const f = open()
    f.choose('CH1', [file('a'), file('b')])
    f.send('CH1')
    await pass()
    requests[0].answers(status, { code, message })
    await pass()
    expect(f.list('CH1')[0]).toMatchObject({ status: 'failed', trouble, error: { code } })
    requests[1].kept('ME1')
    await pass()
    expect(sent.map(([, m]) => m.filename)).toEqual(['b'])
    f.remove(f.list('CH1')[0].id)
    expect(f.list('CH1')).toEqual([])
  })

  test('a file that is gone from the disk fails, and is not tried for ever', async () => {
    const f = open()
    const gone = file('a')
    gone.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) as unknown as Blob
    f.choose('CH1', [gone])
    f.send('CH1')
    await pass()
    requests[0].answers(0)
    await pass(60_000)
    expect(requests).toHaveLength(1)
    expect(f.list('CH1')[0].trouble).toBe('unreadable')
  })

  test('closing takes everything back', async () => {
    const f = open()
    let told = 0
    f.on(() => told++)
    f.choose('CH1', [file('a')])
    f.send('CH1')
    await pass()
    f.close()
    expect(requests[0].aborted).toBe(true)
    const before = told
    await pass(60_000)
    expect([requests.length, told, sent.length]).toEqual([1, before, 0])
  })
})

describe('limits', () => {
  test('what is too large, of a refused kind or empty is said before it leaves', async () => {
    const f = open({ visitor: true })
    rules.content_types = ['image/*', 'text/plain']
    expect(await f.limits()).toEqual({ bytes: 10, types: ['image/*', 'text/plain'] })
    f.choose('CH1', [file('big', 'x'.repeat(11)), file('page', '<p>', 'text/html'), file('void', ''), file('ok'), file('cat', 'x', 'image/png'), file('odd', 'x', '')])
    expect(f.list('CH1').map((a) => [a.file.name, a.status, a.trouble])).toEqual([
      ['big', 'failed', 'size'], ['page', 'failed', 'type'], ['void', 'failed', 'empty'],
      ['ok', 'chosen', undefined], ['cat', 'chosen', undefined], ['odd', 'chosen', undefined],
    ])
    f.retry(f.list('CH1')[0].id) // does not make it smaller
    expect(f.send('CH1')).toBe(3)
    await pass()
    expect(requests).toHaveLength(1)
  })

  test('an agent has the larger limit; what failed to be asked is asked again', async () => {
    const f = open()
    vi.stubGlobal('fetch', async () => new Response('', { status: 503 }))
    await expect(f.limits()).rejects.toThrow('503')
    vi.stubGlobal('fetch', async () => new Response(JSON.stringify(rules)))
    expect((await f.limits()).bytes).toBe(20)
  })

  test('kinds', () => {
    expect(allows({ bytes: 1, types: [] }, 'a/b')).toBe(true)
    expect(allows({ bytes: 1, types: ['image/*'] }, 'image/png')).toBe(true)
    expect(allows({ bytes: 1, types: ['image/*'] }, 'imagex/png')).toBe(false)
    expect(allows({ bytes: 1, types: ['image/png'] }, '')).toBe(true)
  })
})
