// Whoever takes part: tokens, a wire that can be cut, REST, and waiting for what should happen.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import net from 'node:net';

const require = createRequire(import.meta.url);
const { USHER_URL, USHER_ACCOUNT_SID, USHER_AUTH_TOKEN, USHER_API_KEY, USHER_API_SECRET } = process.env;

const encoded = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');

/** An access token as the helper libraries make them. */
export function token(identity, service, seconds = 3600, grant = 'chat') {
  const now = Math.floor(Date.now() / 1000);
  const head = { typ: 'JWT', alg: 'HS256', cty: 'twilio-fpa;v=1' };
  const body = {
    jti: `${USHER_API_KEY}-${now}`, iss: USHER_API_KEY, sub: USHER_ACCOUNT_SID, iat: now, exp: now + seconds,
    grants: { identity, [grant]: { service_sid: service } },
  };
  const text = `${encoded(head)}.${encoded(body)}`;
  return `${text}.${createHmac('sha256', USHER_API_SECRET).update(text).digest('base64url')}`;
}

/** One REST request of the account itself. */
export async function rest(method, path, form) {
  const r = await fetch(`${USHER_URL}/chat/v2${path}`, {
    method,
    headers: {
      Authorization: `Basic ${Buffer.from(`${USHER_ACCOUNT_SID}:${USHER_AUTH_TOKEN}`).toString('base64')}`,
      ...(form && { 'Content-Type': 'application/x-www-form-urlencoded' }),
    },
    body: form && new URLSearchParams(form),
  });
  if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${await r.text()}`);
  return r.status === 204 ? undefined : r.json();
}

/** Takes what comes on a connection apart into WebSocket frames; answers the bytes up to the end of frame number most. */
function counter(most, count) {
  let rest = Buffer.alloc(0);
  let handshake = true;
  let n = 0;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const begin = rest.length - chunk.length;
    let at = 0;
    if (handshake) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return [chunk, false];
      [handshake, at] = [false, end + 4];
    }
    for (;;) {
      if (rest.length < at + 2) break;
      const short = rest[at + 1] & 0x7f;
      const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (rest[at + 1] & 0x80 ? 4 : 0);
      if (rest.length < at + head) break;
      const size = short === 126 ? rest.readUInt16BE(at + 2) : short === 127 ? Number(rest.readBigUInt64BE(at + 2)) : short;
      if (rest.length < at + head + size) break;
      at += head + size;
      count(++n);
      if (n === most) return [rest.subarray(begin, at), true];
    }
    rest = rest.subarray(at);
    return [chunk, false];
  };
}

/** A way to the server that can be cut and closed. Its first connection is cut after so many frames up or down, if it is told so. */
export class Wire {
  frames = { up: 0, down: 0 }; // the most that one connection has carried
  #sockets = new Set();
  #open = true;
  #cut;
  #server = net.createServer((near) => {
    if (!this.#open) return near.destroy();
    const { hostname, port } = new URL(USHER_URL);
    const far = net.connect(Number(port), hostname);
    const cut = this.#cut ?? {};
    this.#cut = undefined;
    for (const [from, to, way] of [[near, far, 'up'], [far, near, 'down']]) {
      this.#sockets.add(from);
      const frames = counter(cut[way], (n) => { this.frames[way] = Math.max(this.frames[way], n); });
      from.on('error', () => {}).on('close', () => { this.#sockets.delete(from); to.destroy(); });
      from.on('data', (chunk) => {
        const [bytes, last] = frames(chunk);
        if (!last) return to.write(bytes);
        from.pause();
        return to.write(bytes, () => { near.destroy(); far.destroy(); });
      });
    }
  });

  constructor(cut) { this.#cut = cut; }

  async start() {
    await new Promise((done) => this.#server.listen(0, '127.0.0.1', done));
    this.uri = `ws://127.0.0.1:${this.#server.address().port}/v3/wsconnect`;
    return this;
  }

  /** Breaks every connection; while it is closed nobody gets a new one. */
  cut() { for (const s of this.#sockets) s.destroy(); }
  close() { this.#open = false; this.cut(); }
  reopen() { this.#open = true; }
  stop() { this.close(); this.#server.close(); }
}

/** A client of one version of the library. */
export async function connect(version, identity, service, { seconds, grant, cut } = {}) {
  const { Client } = require(`chat-${version}`);
  const wire = await new Wire(cut).start();
  const client = await within(Client.create(token(identity, service, seconds, grant), { twilsock: { uri: wire.uri }, logLevel: 'silent' }), 'create');
  const heard = [];
  for (const name of names) client.on(name, (what) => heard.push([name, what]));
  return { client, wire, identity, heard };
}

const names = ['channelAdded', 'channelJoined', 'channelInvited', 'channelLeft', 'channelRemoved', 'channelUpdated', 'memberJoined', 'memberLeft',
  'memberUpdated', 'messageAdded', 'messageUpdated', 'messageRemoved', 'typingStarted', 'typingEnded', 'userUpdated', 'tokenAboutToExpire', 'tokenExpired'];

/** Fails when something takes too long. Timings are no tests: it is long. */
export function within(promise, what, ms = 40_000) {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`${what} did not come`)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits until something is so, and answers it. */
export async function until(so, what, ms = 40_000) {
  const end = Date.now() + ms;
  for (;;) {
    const v = await so();
    if (v) return v;
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

/** Waits for an event that a client has heard. */
export const hears = (who, name, fits = () => true) => until(() => who.heard.find(([n, what]) => n === name && fits(what)), `${who.identity}: ${name}`).then(([, what]) => what);

/** Expects a refusal. */
export async function refused(promise, what) {
  let v;
  try {
    v = await within(promise, what);
  } catch (e) {
    if (/did not come/.test(e.message)) throw e;
    return e;
  }
  throw new Error(`${what} was allowed: ${v}`);
}

export function same(got, want, what) {
  const a = JSON.stringify(got);
  const b = JSON.stringify(want);
  if (a !== b) throw new Error(`${what}: ${a}, want ${b}`);
}
