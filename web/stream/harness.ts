// What the tests of the client share: a fake server for each, fake time, and a client that goes with the test.

import { afterEach, beforeEach, vi } from 'vitest'
import { connect, type Client, type Event, type Options, type Store } from './index.ts'
import { FakeServer } from './fake.ts'

/** The server of the running test. */
export let server: FakeServer
export let clients: Client[] = []

/** A second server in the same test. */
export function anotherServer() {
  server = new FakeServer()
}

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
export const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

export function memory(): Store & { data: Map<string, string> } {
  const data = new Map<string, string>()
  return {
    data,
    getItem: (k) => data.get(k) ?? null,
    setItem: (k, v) => void data.set(k, v),
    removeItem: (k) => void data.delete(k),
  }
}

export function open(o: Partial<Options> = {}): Client {
  const c = connect({ url: 'ws://x/stream', token: async () => 'jwt', store: null, WebSocket: server.Socket, random: () => 0.5, ...o })
  clients.push(c)
  return c
}

/** Follows a channel's messages from the given offset. */
export function follow(c: Client, channel: string, from?: { epoch: string; offset: number }) {
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

export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)
