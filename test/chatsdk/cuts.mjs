// One connection is cut after its n-th frame, in each direction, for every n: node cuts.mjs VERSION SERVICE. Each client has a
// channel of its own, hears what somebody else writes there, and writes itself.
import { connect, rest, same, until, within } from './people.mjs';

const [version, service] = process.argv.slice(2);
process.on('unhandledRejection', (e) => console.error(`${version}: ${e?.message}`));
const each = 3;

/**
 * Somebody who follows a channel. Some libraries give up where the connection breaks while they begin; a page then begins anew. Some
 * lose what they pass on from a channel to the client then; what the channel itself tells counts.
 */
async function begin(identity, sid, cut) {
  try {
    const one = await connect(version, identity, service, { cut });
    const room = await within(one.client.getChannelBySid(sid), 'getChannelBySid', cut ? 10_000 : undefined);
    const heard = [];
    room.on('messageAdded', (m) => heard.push(m.body));
    await within(room.getMessages(1), 'getMessages', cut ? 10_000 : undefined);
    return [one, room, heard];
  } catch (e) {
    if (!cut) throw e;
    return begin(identity, sid);
  }
}

/** A session whose first connection is cut; answers its wire. */
async function session(cut) {
  const identity = `cut-${version}-${cut?.up ?? ''}-${cut?.down ?? ''}`;
  const { sid } = await rest('POST', `/Services/${service}/Channels`, { Type: 'private' });
  const channel = `/Services/${service}/Channels/${sid}`;
  await rest('POST', `${channel}/Members`, { Identity: identity });
  const [one, room, heard] = await begin(identity, sid, cut);
  const acked = [];
  for (let i = 0; i < each; i++) {
    await rest('POST', `${channel}/Messages`, { Body: `theirs ${i}`, From: 'system' });
    try {
      await within(room.sendMessage(`mine ${i}`), 'sendMessage');
      acked.push(`mine ${i}`);
    } catch (e) {
      if (/did not come/.test(e.message)) throw e;
    }
  }
  await rest('POST', `${channel}/Messages`, { Body: 'the end', From: 'system' });
  await until(() => heard.includes('the end'), 'the end');
  const { messages } = await rest('GET', `${channel}/Messages?PageSize=100`);
  const kept = messages.map((m) => m.body);
  same(messages.map((m) => m.index), kept.map((_, i) => i), 'indexes');
  same(kept.filter((b, i) => kept.indexOf(b) !== i), [], 'kept twice');
  same(acked.filter((b) => !kept.includes(b)), [], 'lost');
  same(heard, kept, 'heard');
  await one.client.shutdown();
  one.wire.stop();
  return one.wire;
}

const whole = await session();
const cuts = [];
for (let n = 1; n <= whole.frames.up; n++) cuts.push({ up: n });
for (let n = 1; n <= whole.frames.down; n++) cuts.push({ down: n });
let failed = 0;
const say = (line) => console.log(JSON.stringify({ version, ...line }));
await Promise.all(cuts.map(async (cut) => {
  try {
    await session(cut);
  } catch (e) {
    failed++;
    say({ step: JSON.stringify(cut), ok: false, error: e?.stack || String(e?.message || JSON.stringify(e)) });
  }
}));
say({ step: `cut after each of ${whole.frames.up} and ${whole.frames.down} frames`, ok: !failed });
process.exit(failed ? 1 : 0);
