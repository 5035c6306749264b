// Masked conversations with the npm package twilio: two people, one pool of numbers.
import assert from 'node:assert/strict';
import test from 'node:test';
import twilio from 'twilio';

const { USHER_URL: url, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: token } = process.env;
const [ann, bob, number] = ['+12125558101', '+12125558102', '+12125558901'];

function connect() {
  const client = twilio(account, token, { accountSid: account });
  client.proxy.baseUrl = `${url}/proxy`;
  client.api.baseUrl = `${url}/api`;
  client.chat.baseUrl = `${url}/chat`;
  return client;
}

async function eventually(what, happened) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const value = await happened();
    if (value) return value;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  assert.fail(`did not happen: ${what}`);
}

test('services, pools, sessions and participants', { skip: !url }, async () => {
  const client = connect();
  const own = await client.incomingPhoneNumbers.create({ phoneNumber: number });
  const made = await client.proxy.v1.services.create({ uniqueName: 'rides', outOfSessionCallbackUrl: 'https://example.org/lost' });
  assert.equal(made.geoMatchLevel, 'country');
  assert.equal(made.numberSelectionBehavior, 'prefer-sticky');
  assert.equal(made.outOfSessionCallbackUrl, 'https://example.org/lost');
  const service = client.proxy.v1.services(made.sid);
  const pooled = await service.phoneNumbers.create({ sid: own.sid });
  assert.equal(pooled.phoneNumber, number);
  assert.equal(pooled.capabilities.sms_outbound, true);
  assert.equal(pooled.inUse, 0);

  const begun = await service.sessions.create({ uniqueName: 'ride 1', participants: [{ Identifier: ann, FriendlyName: 'Ann' }, { Identifier: bob }] });
  const session = service.sessions(begun.sid);
  const people = await session.participants.list();
  assert.deepEqual(people.map((p) => [p.identifier, p.proxyIdentifier, p.proxyIdentifierSid]), [[ann, number, own.sid], [bob, number, own.sid]]);
  assert.equal((await service.phoneNumbers(own.sid).fetch()).inUse, 1);
  await assert.rejects(session.participants.create({ identifier: ann }), (e) => e.status === 400 && e.code === 80103);
  await assert.rejects(service.sessions.create({ uniqueName: 'ride 1' }), (e) => e.status === 400 && e.code === 80603);
  await assert.rejects(service.sessions.create({ participants: [{ Identifier: ann, ProxyIdentifier: number }] }), (e) => e.status === 400 && e.code === 80604);
  await assert.rejects(service.phoneNumbers(own.sid).remove(), (e) => e.status === 400 && e.code === 80611);

  const said = await session.participants(people[1].sid).messageInteractions.create({ body: 'Hello Bob' });
  assert.equal(said.outboundResourceType, 'Message');
  const message = await client.messages(said.outboundResourceSid).fetch();
  assert.deepEqual([message.from, message.to, message.body], [number, bob, 'Hello Bob']);
  assert.equal((await session.interactions.list())[0].sid, said.sid);

  const ended = await session.update({ status: 'closed' });
  assert.equal(ended.closedReason, 'api');
  assert.ok(ended.dateEnded instanceof Date);
  await assert.rejects(session.participants(people[1].sid).messageInteractions.create({ body: 'x' }), (e) => e.code === 80607);
  assert.equal(await session.remove(), true);
  assert.equal(await service.remove(), true);
  await assert.rejects(service.fetch(), (e) => e.status === 404 && e.code === 20404);
});

// As programs of the original's contact center make the session of an outbound conversation: the list of participants in one text.
test('a session for a chat channel', { skip: !url }, async () => {
  const client = connect();
  await client.incomingPhoneNumbers.create({ phoneNumber: '+12125558902' });
  const services = await client.proxy.v1.services.list();
  const service = services.find((s) => s.uniqueName === 'Flex Proxy Service');
  const { sid } = service ?? (await client.proxy.v1.services.create({ uniqueName: 'Flex Proxy Service' }));
  const chat = client.chat.v2.services((await client.chat.v2.services.create({ friendlyName: 'Masked' })).sid);
  const channel = (await chat.channels.create({ type: 'private' })).sid;
  const participants = [
    { Identifier: ann, ProxyIdentifier: '+12125558902', FriendlyName: 'Ann' },
    { Identifier: channel, ProxyIdentifier: '+12125558902', FriendlyName: 'Ann' },
  ];
  const session = await client.proxy.v1.services(sid).sessions.create({ uniqueName: channel, mode: 'message-only', participants: JSON.stringify(participants) });
  const people = await client.proxy.v1.services(sid).sessions(channel).participants.list();
  assert.deepEqual(people.map((p) => p.identifier), [ann, channel]);
  assert.equal(session.uniqueName, channel);

  // What an agent writes in the channel goes out from the number that the customer knows.
  await chat.channels(channel).messages.create({ from: 'mia', body: 'Hello from a desk' });
  const sent = await eventually('the words go out', async () => (await client.messages.list({ to: ann })).find((m) => m.body === 'Hello from a desk'));
  assert.equal(sent.from, '+12125558902');
  const passed = await eventually('the interaction is there', async () => (await client.proxy.v1.services(sid).sessions(channel).interactions.list())[0]);
  assert.deepEqual([passed.outboundResourceSid, passed.inboundParticipantSid], [sent.sid, people[1].sid]);
  assert.equal((await client.proxy.v1.services(sid).sessions(session.sid).update({ status: 'closed' })).status, 'closed');
});
