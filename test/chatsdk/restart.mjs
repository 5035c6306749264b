// Two people talk while the server is killed and started again: node restart.mjs VERSION SERVICE. It prints {"ready":true} when it
// talks, ends when it is told so with a line, and prints what became of it.
import { createInterface } from 'node:readline';
import { connect, rest, same, until, within } from './people.mjs';

const [version, service] = process.argv.slice(2);
process.on('unhandledRejection', (e) => console.error(`${version}: ${e?.message}`));
let talking = true;
createInterface({ input: process.stdin }).once('line', () => { talking = false; });

/** Everything in a channel, from the first message on, as a client reads it page by page. */
async function history(channel) {
  const all = [];
  for (let page = await channel.getMessages(50, 0, 'forward'); ; page = await page.nextPage()) {
    all.push(...page.items.map((m) => [m.index, m.body]));
    if (!page.hasNextPage) return all;
  }
}

async function run() {
  const ids = [`kay-${version}`, `lee-${version}`];
  const { sid } = await rest('POST', `/Services/${service}/Channels`, { Type: 'private' });
  for (const Identity of ids) await rest('POST', `/Services/${service}/Channels/${sid}/Members`, { Identity });
  const people = [];
  for (const id of ids) people.push(await connect(version, id, service));
  const rooms = await Promise.all(people.map((p) => p.client.getChannelBySid(sid)));
  await Promise.all(rooms.map((r) => r.getMessages(1)));
  console.log(JSON.stringify({ ready: true }));
  const acked = [];
  let failed = 0;
  let n = 0;
  await Promise.all(rooms.map(async (room, who) => {
    while (talking) {
      const text = `message ${n++} of ${ids[who]}`;
      try {
        await within(room.sendMessage(text), 'sendMessage', 10_000);
        acked.push(text);
      } catch {
        failed++; // what becomes of it is not known; it is not sent again
      }
      await new Promise((next) => setTimeout(next, 20));
    }
  }));
  await rest('POST', `/Services/${service}/Channels/${sid}/Messages`, { Body: 'the end', From: 'system' });
  await Promise.all(people.map((p) => until(() => p.heard.some(([name, m]) => name === 'messageAdded' && m.body === 'the end'), `${p.identity}: the end`)));
  await until(() => people[0].client.connectionState === 'connected', 'connected');
  const kept = await history(rooms[0]);
  same(kept.map(([index]) => index), kept.map((_, i) => i), 'indexes');
  const bodies = kept.map(([, body]) => body);
  same(bodies.filter((b, i) => bodies.indexOf(b) !== i), [], 'messages that are kept twice');
  same(acked.filter((b) => !bodies.includes(b)), [], 'messages that are lost');
  for (const p of people) {
    const heard = p.heard.filter(([name, m]) => name === 'messageAdded' && m.channel.sid === sid).map(([, m]) => m.body);
    same(heard, bodies, `what ${p.identity} has heard, in order`);
  }
  for (const p of people) {
    await p.client.shutdown();
    p.wire.stop();
  }
  return { acked: acked.length, failed };
}

try {
  console.log(JSON.stringify({ version, ok: true, ...await run() }));
  process.exit(0);
} catch (e) {
  console.log(JSON.stringify({ version, ok: false, error: e?.stack || String(e?.message || JSON.stringify(e)) }));
  process.exit(1);
}
