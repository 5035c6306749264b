// A carrier: an SMSC on npm's library smpp. It is told what to do in JSON lines on its standard input and tells what it hears in JSON
// lines on its standard output. What a session submits to an address that another session has claimed is delivered there; the rest is
// put together and told. What it delivers is delivered again until it is answered with success, as carriers do.
import { createInterface } from 'node:readline'
import smpp from 'smpp'

const say = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')
const sessions = new Map() // system_id → session
const mode = { hold: 0, throttle: 0, cutAt: 0, receipts: '', route: {} }
let submitted = 0
let open = 0
let most = 0
let ids = 0
const halves = new Map() // parts of long messages, by who, whom and reference

const bytesOf = (list) => {
  const all = Buffer.concat(list)
  return Buffer.concat([Buffer.from([all.length]), all])
}

// concat reads a part's place from its header or its optional parameters.
const concat = (pdu) => {
  for (const e of pdu.short_message?.udh ?? []) {
    if (e[0] === 0) return { ref: e[2], total: e[3], part: e[4] }
    if (e[0] === 8) return { ref: e.readUInt16BE(2), total: e[4], part: e[5] }
  }
  if (pdu.sar_total_segments) return { ref: pdu.sar_msg_ref_num, total: pdu.sar_total_segments, part: pdu.sar_segment_seqnum }
}

const textOf = (pdu) => {
  const m = pdu.message_payload?.message ?? pdu.short_message?.message ?? ''
  return Buffer.isBuffer(m) ? m.toString('latin1') : m
}

const hear = (pdu) => {
  const base = { from: pdu.source_addr, to: pdu.destination_addr, coding: pdu.data_coding }
  const c = concat(pdu)
  if (!c) return say('message', { ...base, text: textOf(pdu), parts: 1 })
  const key = `${base.from} ${base.to} ${c.ref}`
  const parts = halves.get(key) ?? []
  parts[c.part - 1] = textOf(pdu)
  halves.set(key, parts)
  if (parts.filter((p) => p !== undefined).length === c.total) {
    halves.delete(key)
    say('message', { ...base, text: parts.join(''), parts: c.total })
  }
}

// deliver hands a PDU to a session until that has answered with success.
const deliver = (to, pdu, done, tries = 1) => {
  const session = sessions.get(to)
  const again = () => setTimeout(() => deliver(to, pdu, done, tries + 1), 100)
  if (!session) return again()
  let answered = false
  const lost = () => !answered && ((answered = true), again())
  session.once('close', lost)
  session.deliver_sm(pdu, (r) => {
    if (answered) return
    answered = true
    session.removeListener('close', lost)
    r.command_status === 0 ? done(tries) : again()
  })
}

const receipt = (owner, pdu, id, stat) => {
  deliver(owner, {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: pdu.destination_addr, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: pdu.source_addr,
    esm_class: 4, short_message: `id:${id} sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:${stat} err:${stat === 'DELIVRD' ? '000' : '001'} text:`,
  }, () => say('receipt', { id }))
}

const submit = (session, owner, pdu) => {
  submitted++
  open++
  most = Math.max(most, open)
  if (mode.cutAt && submitted === mode.cutAt) {
    mode.cutAt = 0
    open = 0
    session.socket.destroy()
    return
  }
  setTimeout(() => {
    open = Math.max(0, open - 1)
    if (session.socket.destroyed) return
    if (mode.throttle && submitted % mode.throttle === 0) {
      submitted++
      return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }))
    }
    const id = (++ids).toString(16).padStart(8, '0')
    session.send(pdu.response({ message_id: id }))
    const other = mode.route[pdu.destination_addr]
    if (!other) hear(pdu)
    else {
      const short = pdu.short_message ?? {}
      deliver(other, {
        source_addr_ton: pdu.source_addr_ton, source_addr_npi: pdu.source_addr_npi, source_addr: pdu.source_addr,
        dest_addr_ton: pdu.dest_addr_ton, dest_addr_npi: pdu.dest_addr_npi, destination_addr: pdu.destination_addr,
        data_coding: pdu.data_coding, esm_class: short.udh ? 0x40 : 0,
        short_message: short.udh ? { udh: bytesOf(short.udh), message: short.message } : { message: short.message },
      }, () => {})
    }
    if (mode.receipts && pdu.registered_delivery) receipt(owner, pdu, id, mode.receipts)
  }, mode.hold)
}

const server = smpp.createServer({}, (session) => {
  session.setMaxListeners(0)
  let owner = ''
  session.on('error', () => {})
  session.on('close', () => {
    if (sessions.get(owner) === session) sessions.delete(owner)
    say('closed', { owner })
  })
  for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(bind, (pdu) => {
      if (pdu.password !== 'secret') return session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }))
      owner = pdu.system_id
      session.send(pdu.response())
      sessions.set(owner, session)
      say('bound', { owner, bind })
    })
  }
  session.on('submit_sm', (pdu) => submit(session, owner, pdu))
  session.on('enquire_link', (pdu) => session.send(pdu.response()))
  session.on('unbind', (pdu) => {
    say('unbind', { owner })
    session.send(pdu.response())
  })
})

// pieces cuts a text as a phone does.
const pieces = (text, size) => {
  const list = []
  for (let i = 0; i < text.length; i += size) list.push(text.slice(i, i + size))
  return list
}

const actions = {
  mode: (o) => Object.assign(mode, o.mode),
  cut: () => sessions.forEach((s) => s.socket.destroy()),
  most: () => say('most', { most }),
  deliver: ({ to = 'usher', n, pdu, text, how = 'plain', wide }) => {
    const base = { source_addr_ton: 1, source_addr_npi: 1, dest_addr_ton: 1, dest_addr_npi: 1, data_coding: wide ? 8 : 0, ...pdu }
    if (how === 'plain') return deliver(to, { ...base, short_message: { message: text } }, (tries) => say('kept', { n, tries }))
    if (how === 'payload') return deliver(to, { ...base, short_message: '', message_payload: { message: text } }, (tries) => say('kept', { n, tries }))
    const list = pieces(text, wide ? 67 : 153)
    const ref = n & 255
    let left = list.length
    list.forEach((message, i) => {
      const part = how === 'udh'
        ? { ...base, esm_class: 0x40, short_message: { udh: Buffer.from([5, 0, 3, ref, list.length, i + 1]), message } }
        : { ...base, short_message: { message }, sar_msg_ref_num: ref, sar_total_segments: list.length, sar_segment_seqnum: i + 1 }
      deliver(to, part, (tries) => --left === 0 && say('kept', { n, tries }))
    })
  },
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line)
    actions[order.do](order)
  })
  .on('close', () => process.exit(0))
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => say('listening', { port: server.address().port }))
