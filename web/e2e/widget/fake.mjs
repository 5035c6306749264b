// A server for looking at the widget without Usher: serves web/dist under the headers of the real pages, and plays the
// few calls and the stream that the widget needs, from memory. Run it by itself to try things: node e2e/widget/fake.mjs
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export const sid = (prefix) => prefix + randomBytes(16).toString('hex');
const iso = (at = Date.now()) => new Date(at).toISOString();

/** A conversation in memory, and whoever listens to it. */
export class World {
  constructor(config = {}) {
    this.account = sid('AC');
    this.config = { account_sid: this.account, flow_sid: sid('FO'), chat_service_sid: sid('IS'), name: 'Spoke & Lantern', locale: 'en', branding: {}, pre_engagement: null, online: true, ...config };
    this.visitor = 'visitor-' + randomBytes(4).toString('hex');
    this.sockets = new Set();
    this.refusing = false;
    this.reset();
  }

  reset() {
    this.offset = 0;
    this.messages = [];
    this.members = new Map();
    this.channel = undefined;
    this.log = [];
  }

  token() {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const expires = Math.floor(Date.now() / 1000) + 3600;
    return { identity: this.visitor, expiration: iso(expires * 1000), roles: ['visitor'], token: `${part({ alg: 'HS256' })}.${part({ grants: { identity: this.visitor }, exp: expires })}.x` };
  }

  open(attributes = {}, at = Date.now()) {
    this.reset();
    this.channel = { sid: sid('CH'), service_sid: this.config.chat_service_sid, friendly_name: 'Web chat', unique_name: null, type: 'private', attributes: { channel_type: 'web', status: 'ACTIVE', long_lived: false, ...attributes }, created_by: 'system', date_created: iso(at), date_updated: iso(at), members_count: 1, messages_count: 0, last_index: -1 };
    this.join(this.visitor, 'Ana', 'customer', at);
    return this.channel;
  }

  event(kind, data) {
    const e = { type: 'event', stream: this.channel.sid, epoch: 'e1', offset: ++this.offset, kind, at: iso(), data };
    this.log.push(e);
    for (const s of this.sockets) if (s.subscribed) s.send(e);
  }

  join(identity, name, kind, at = Date.now()) {
    const member = { sid: sid('MB'), channel_sid: this.channel.sid, identity, friendly_name: name, role_sid: sid('RL'), attributes: {}, last_consumed_message_index: null, last_consumption_timestamp: null, date_created: iso(at), date_updated: iso(at), kind };
    this.members.set(identity, member);
    this.event('member.added', member);
  }

  leave(identity) {
    const member = this.members.get(identity);
    this.members.delete(identity);
    this.event('member.removed', member);
  }

  say(author, body, at = Date.now(), client_id = undefined) {
    const message = { sid: sid('IM'), channel_sid: this.channel.sid, index: this.messages.length, author, member_sid: this.members.get(author)?.sid ?? null, body, attributes: {}, type: 'text', media: null, date_created: iso(at), date_updated: iso(at), last_updated_by: null, was_edited: false, client_id };
    this.messages.push(message);
    this.channel.last_index = message.index;
    this.event('message.added', message);
    return message;
  }

  read(identity, index) {
    const member = this.members.get(identity);
    Object.assign(member, { last_consumed_message_index: index, last_consumption_timestamp: iso(), date_updated: iso() });
    this.event('member.updated', { ...member });
  }

  type(identity) {
    for (const s of this.sockets) if (s.subscribed) s.send({ type: 'typing', channel: this.channel.sid, identity, name: this.members.get(identity).friendly_name });
  }

  end() {
    this.channel.attributes = { ...this.channel.attributes, status: 'INACTIVE' };
    this.event('channel.updated', { ...this.channel });
  }

  /** Cuts all sockets and, until called with false, refuses new ones. */
  cut(refusing = true) {
    this.refusing = refusing;
    if (refusing) for (const s of this.sockets) s.close();
  }

  frame(socket, f) {
    const answer = (type, rest = {}) => socket.send({ type, id: f.id, ...rest });
    const at = { epoch: 'e1', offset: this.offset };
    switch (f.type) {
      case 'hello':
        return answer('welcome', { identity: this.visitor, account_sid: this.account, epoch: 'e1', expires: iso(Date.now() + 3.6e6), heartbeat: 25 });
      case 'subscribe': {
        const wish = f.streams[0];
        if (wish.stream !== this.channel?.sid) return answer('subscribed', { streams: [{ stream: wish.stream, error: { code: 20404, status: 404, message: 'not found' } }] });
        answer('subscribed', { streams: [{ stream: wish.stream, ...at, resumed: true }] });
        socket.subscribed = true;
        if (wish.offset !== undefined) this.log.filter((e) => e.offset > wish.offset).forEach((e) => socket.send(e));
        return;
      }
      case 'history': {
        const end = f.before ?? this.messages.length;
        const messages = this.messages.slice(Math.max(0, end - f.limit), end);
        const go = () => answer('history', { channel: this.channel, members: [...this.members.values()], messages, ...at });
        return this.slow ? setTimeout(go, this.slow) : go();
      }
      case 'send': {
        if (f.body.includes('refuse')) return answer('error', { code: 50506, status: 413, message: 'too long' });
        const had = this.messages.find((m) => m.client_id === f.client_id);
        return answer('sent', { message: had ?? this.say(this.visitor, f.body, Date.now(), f.client_id), repeated: !!had });
      }
      case 'read':
        this.read(this.visitor, f.index);
        return answer('ok');
      case 'ping':
        return answer('pong');
    }
  }
}

/** The server's half of RFC 6455, as much as a browser on this machine needs: text frames, pings, closing. */
function talk(world, req, raw) {
  const key = createHash('sha1').update(req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  raw.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
  const put = (opcode, body) => {
    const head = body.length < 126 ? [0x80 | opcode, body.length] : body.length < 65536 ? [0x80 | opcode, 126, body.length >> 8, body.length & 255] : [0x80 | opcode, 127, 0, 0, 0, 0, body.length >>> 24, (body.length >> 16) & 255, (body.length >> 8) & 255, body.length & 255];
    if (!raw.destroyed) raw.write(Buffer.concat([Buffer.from(head), body]));
  };
  const socket = { subscribed: false, send: (f) => put(1, Buffer.from(JSON.stringify(f))), close: () => raw.destroy() };
  world.sockets.add(socket);
  raw.on('close', () => world.sockets.delete(socket)).on('error', () => {});
  let rest = Buffer.alloc(0);
  raw.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < 6) return;
      let size = rest[1] & 127;
      let from = 2;
      if (size === 126) [size, from] = [rest.readUInt16BE(2), 4];
      else if (size === 127) [size, from] = [Number(rest.readBigUInt64BE(2)), 10];
      if (rest.length < from + 4 + size) return;
      const mask = rest.subarray(from, from + 4);
      const body = Buffer.from(rest.subarray(from + 4, from + 4 + size)).map((b, i) => b ^ mask[i & 3]);
      const opcode = rest[0] & 15;
      rest = rest.subarray(from + 4 + size);
      if (opcode === 8) return void (put(8, body), raw.end());
      if (opcode === 1) world.frame(socket, JSON.parse(body.toString()));
    }
  });
}

function page(res, path) {
  let file = normalize(join(dist, decodeURIComponent(path)));
  if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
  if (!file.startsWith(dist) || !existsSync(file)) return void res.writeHead(404).end();
  res.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': csp + (path.startsWith('/demo') ? "; frame-src *" : ''), 'Cache-Control': 'no-store' });
  createReadStream(file).pipe(res);
}

/** Starts it; answers its address and how to stop it. */
export function serve(world, port = 0) {
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://x');
    const json = (status, body) => res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (world.refusing && !/\.(js|css|html)$|\/$/.test(pathname)) return void req.socket.destroy();
    if (world.broken && pathname === '/widget/config') return json(503, { code: 20503, message: 'not now' });
    if (pathname === '/widget/config') return json(200, world.config);
    if (/^\/iam\/v1\/Accounts\/AC\w+\/Tokens(\/refresh)?$/.test(pathname)) return json(200, world.token());
    if (pathname === '/flex-api/v1/WebChannels') {
      let text = '';
      req.on('data', (chunk) => (text += chunk)).on('end', () => {
        world.asked = Object.fromEntries(new URLSearchParams(text));
        world.asked.PreEngagementData = JSON.parse(world.asked.PreEngagementData);
        json(201, { sid: (world.channel?.attributes.status === 'ACTIVE' ? world.channel : world.open()).sid });
      });
      return;
    }
    if (/^\/mcs\/v1\/Services\/IS\w+\/Configuration$/.test(pathname)) return json(200, { max_bytes: 16_777_216, visitor_max_bytes: 16_777_216, content_types: [] });
    if (pathname.startsWith('/flex-api/v1/WebChannels/')) return world.end(), json(200, { sid: world.channel.sid });
    page(res, pathname);
  });
  server.on('upgrade', (req, raw) => (world.refusing ? raw.destroy() : talk(world, req, raw)));
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done({ url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const world = new World();
  const { url } = await serve(world, 8099);
  console.log(`${url}/demo/`);
}
