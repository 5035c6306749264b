// Files on their way: chosen, checked against what the service takes, uploaded with progress (POST /mcs/v1/Services/{IS…}/Media),
// then handed on as media of a message. Nothing leaves before send(). What is cut is tried again until it is cancelled; a file
// whose answer was lost is uploaded anew, and the one that no message carries is swept by the server.
// It lives beside the stream's client and shares none of its bytes: a page may load it when somebody wants to attach something.

import type { Fault, Media } from './protocol.ts'

/** What a service takes. */
export interface Limits {
  /** Of one file. */
  bytes: number
  /** "image/png", "image/*"; none allows all. */
  types: string[]
}

/** Why a file is not taken; the page says it in its own words. */
export type Trouble = 'size' | 'type' | 'empty' | 'infected' | 'unreadable' | 'refused'

export interface Attachment {
  id: string
  channel: string
  file: File
  /** chosen: stays here until send(). waiting: its turn, the network or the server's next free moment comes. */
  status: 'chosen' | 'waiting' | 'uploading' | 'failed'
  /** How much of it has left, from 0 to 1. */
  part: number
  trouble?: Trouble
  /** What the server said last; with status waiting: why it is tried again. */
  error?: Fault
}

export interface FilesOptions {
  /** Address of the service in the API of files: https://HOST/mcs/v1/Services/IS… */
  service: () => Promise<string>
  /** The access token. fresh = the last one was refused. */
  token: (fresh: boolean) => Promise<string>
  /** Resolves when there is a conversation to send to; uploads wait for it. */
  ready?: () => Promise<void>
  /** A visitor's files have a limit of their own. */
  visitor?: boolean
  /** Takes an uploaded file: sends the message that carries it. */
  done: (channel: string, media: Media) => void
  random?: () => number
}

export interface Files {
  /** In the order of choosing. The objects are replaced when they change. */
  list(channel: string): Attachment[]
  on(fn: () => void): () => void
  choose(channel: string, files: Iterable<File>): void
  /** Begins to upload what was chosen for the channel; answers how many files that are. */
  send(channel: string): number
  /** Once more, after a failure. */
  retry(id: string): void
  /** Forgets a file, also one that is being uploaded. */
  remove(id: string): void
  /** Asked once, again after a failure. */
  limits(): Promise<Limits>
  close(): void
}

/** Nothing moved for so long: the connection is dead. The server may look for malware at the end. */
const STALLED = 60_000
const CHECKED = 180_000

/** Whether rules such as image/* allow a type. The server looks at the bytes, so an unknown type is for it to judge. */
export function allows({ types }: Limits, type: string): boolean {
  return !types.length || !type || types.includes(type) || types.includes(type.split('/')[0] + '/*')
}

const refusal = (f: Fault): Trouble => {
  if (f.code === 50512 || f.status === 413) return 'size'
  if (f.code === 50511) return /infected/.test(f.message) ? 'infected' : 'type'
  return 'refused'
}

/** False for a file that was moved or changed since it was chosen. */
const readable = (file: File) =>
  file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    )

/** Worth another try, unchanged. */
const passes = (f: Fault) => !f.status || f.status === 408 || f.status === 429 || f.status >= 500

export function openFiles(o: FilesOptions): Files {
  const random = o.random ?? Math.random
  const fns = new Set<() => void>()
  const under = new Map<string, XMLHttpRequest>()
  const delays = new Map<string, number>()
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  let all: Attachment[] = []
  let known: Promise<Limits> | undefined
  let rules: Limits | undefined
  let count = 0

  const tell = () => fns.forEach((fn) => fn())
  const find = (id: string) => all.find((a) => a.id === id)

  function change(id: string, part: Partial<Attachment>) {
    all = all.map((a) => (a.id === id ? { ...a, ...part } : a))
    tell()
  }

  function drop(id: string) {
    all = all.filter((a) => a.id !== id)
    clearTimeout(timers.get(id))
    timers.delete(id)
    delays.delete(id)
    const xhr = under.get(id)
    under.delete(id)
    xhr?.abort()
    tell()
  }

  function check(file: File): Trouble | undefined {
    if (!file.size) return 'empty' // a folder is empty too
    if (rules && file.size > rules.bytes) return 'size'
    if (rules && !allows(rules, file.type)) return 'type'
    return undefined
  }

  function limits(): Promise<Limits> {
    return (known ??= ask().catch((e) => {
      known = undefined
      throw e
    }))
  }

  async function ask(): Promise<Limits> {
    const [service, token] = [await o.service(), await o.token(false)]
    const answer = await fetch(service + '/Configuration', { headers: { Authorization: 'Basic ' + btoa('token:' + token) } })
    if (!answer.ok) throw new Error(String(answer.status))
    const { max_bytes, visitor_max_bytes, content_types } = await answer.json()
    rules = { bytes: o.visitor ? visitor_max_bytes : max_bytes, types: content_types }
    return rules
  }

  /** One file of a channel is on its way at a time: they arrive as they were chosen. */
  function pump() {
    const busy = new Set(all.filter((a) => a.status === 'uploading' || timers.has(a.id)).map((a) => a.channel))
    for (const a of all) {
      if (a.status !== 'waiting' || busy.has(a.channel)) continue
      busy.add(a.channel)
      change(a.id, { status: 'uploading', part: 0, error: undefined })
      void upload(a, false)
    }
  }

  async function upload(a: Attachment, fresh: boolean) {
    let answer: Media | Fault
    try {
      await o.ready?.()
      const [service, token] = [await o.service(), await o.token(fresh)]
      if (!find(a.id)) return
      answer = await post(a, service, token)
    } catch (e) {
      answer = { code: 0, status: (e as Fault)?.status ?? 0, message: '' }
    }
    if (!find(a.id)) return // cancelled
    if ('sid' in answer) {
      drop(a.id)
      o.done(a.channel, answer)
      return pump()
    }
    if (answer.status === 401 && !fresh) return void upload(a, true)
    if (!answer.status && !(await readable(a.file))) change(a.id, { status: 'failed', trouble: 'unreadable' })
    else if (!find(a.id)) return
    else if (passes(answer)) return later(a.id, answer)
    else change(a.id, { status: 'failed', trouble: refusal(answer), error: answer })
    pump()
  }

  function post(a: Attachment, service: string, token: string): Promise<Media | Fault> {
    return new Promise((answer) => {
      const xhr = new XMLHttpRequest()
      under.set(a.id, xhr)
      let silence: ReturnType<typeof setTimeout>
      const watch = (ms: number) => {
        clearTimeout(silence)
        silence = setTimeout(() => xhr.abort(), ms)
      }
      const over = () => {
        clearTimeout(silence)
        if (under.get(a.id) === xhr) under.delete(a.id)
        let body: any
        try {
          body = JSON.parse(xhr.responseText)
        } catch {
          // A proxy's page, or nothing.
        }
        if (xhr.status === 201 && body?.sid) {
          const { sid, filename, content_type, size } = body
          return answer({ sid, filename, content_type, size })
        }
        const wait = Number(xhr.getResponseHeader('Retry-After'))
        answer({ code: body?.code ?? 0, status: xhr.status, message: body?.message ?? '', retry_after: wait > 0 ? wait : undefined })
      }
      xhr.onloadend = over
      xhr.upload.onprogress = (e) => {
        watch(e.loaded < e.total ? STALLED : CHECKED)
        if (find(a.id)?.status === 'uploading') change(a.id, { part: e.total ? e.loaded / e.total : 0 })
      }
      watch(STALLED)
      xhr.open('POST', service + '/Media?Filename=' + encodeURIComponent(a.file.name))
      xhr.setRequestHeader('Authorization', 'Basic ' + btoa('token:' + token))
      xhr.setRequestHeader('Content-Type', a.file.type || 'application/octet-stream')
      xhr.send(a.file)
    })
  }

  function later(id: string, error: Fault) {
    const delay = Math.min(30_000, (delays.get(id) ?? 1_000) * 2)
    delays.set(id, delay)
    change(id, { status: 'waiting', part: 0, error })
    timers.set(id, setTimeout(() => wake(id), Math.max((error.retry_after ?? 0) * 1000, delay * (0.5 + random() / 2))))
  }

  function wake(id: string) {
    clearTimeout(timers.get(id))
    timers.delete(id)
    pump()
  }

  /** The network is back: no need to wait for the timers. */
  const online = () => [...timers.keys()].forEach(wake)
  globalThis.window?.addEventListener?.('online', online)

  return {
    list: (channel) => all.filter((a) => a.channel === channel),
    on(fn) {
      fns.add(fn)
      return () => void fns.delete(fn)
    },
    choose(channel, files) {
      for (const file of files) {
        const trouble = check(file)
        all = [...all, { id: 'f' + ++count, channel, file, part: 0, status: trouble ? 'failed' : 'chosen', trouble }]
      }
      tell()
    },
    send(channel) {
      const ready = all.filter((a) => a.channel === channel && a.status === 'chosen')
      ready.forEach((a) => change(a.id, { status: 'waiting' }))
      pump()
      return ready.length
    },
    retry(id) {
      const a = find(id)
      if (a?.status !== 'failed' || check(a.file)) return
      change(id, { status: 'waiting', trouble: undefined, error: undefined })
      pump()
    },
    remove(id) {
      if (find(id)) drop(id)
      pump()
    },
    limits,
    close() {
      globalThis.window?.removeEventListener?.('online', online)
      fns.clear()
      all.forEach((a) => drop(a.id))
    },
  }
}
