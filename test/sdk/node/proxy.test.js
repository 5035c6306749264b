// Masked conversations with the npm package twilio: two people, one pool of numbers.
import assert from 'node:assert/strict';
import http from 'node:http';
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

// Two phones on a screen and one number: masked both ways, with every callback, and the end of the session's time.
test('two phones and one number', { skip: !url }, async (t) => {
  const client = connect();
  const [mia, noa, shared] = ['+12125558111', '+12125558112', '+12125558911'];
  const basic = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`;
  const post = async (path, fields) => {
    const answer = await fetch(`${url}/carriers/v1${path}`, { method: 'POST', headers: { authorization: basic }, body: new URLSearchParams(fields) });
    assert.equal(answer.status, 201, await answer.clone().text());
    return answer.json();
  };
  const line = await post('/Connections', { Kind: 'sandbox', FriendlyName: 'Phones', Addresses: JSON.stringify([shared]) });
  const write = (phone, body, id) => post(`/Connections/${line.sid}/Phones/${encodeURIComponent(phone)}/Messages`, { To: shared, Body: body, ...(id && { Id: id }) });
  const got = async (phone) => (await client.messages.list({ to: phone })).map((m) => `${m.from}: ${m.body}`).reverse();

  const heard = { told: [], asked: [], lost: [] };
  let outside = '';
  const receiver = http.createServer((request, answer) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const params = Object.fromEntries(new URLSearchParams(text));
      const kind = request.url.slice(1);
      heard[kind].push([twilio.validateRequest(token, request.headers['x-twilio-signature'], address + kind, params), params]);
      if (kind === 'asked' && params.interactionData.includes('secret')) answer.statusCode = 403;
      if (kind === 'lost') answer.setHeader('Content-Type', outside.startsWith('{') ? 'application/json' : 'application/xml');
      answer.end(kind === 'lost' ? outside : '');
    });
  });
  await new Promise((listening) => receiver.listen(0, '127.0.0.1', listening));
  t.after(() => receiver.close());
  const address = `http://127.0.0.1:${receiver.address().port}/`;

  const own = (await client.incomingPhoneNumbers.list({ phoneNumber: shared }))[0] ?? (await client.incomingPhoneNumbers.create({ phoneNumber: shared }));
  const made = await client.proxy.v1.services.create({
    uniqueName: 'masked', callbackUrl: `${address}told`, interceptCallbackUrl: `${address}asked`, outOfSessionCallbackUrl: `${address}lost`,
  });
  const service = client.proxy.v1.services(made.sid);
  await service.phoneNumbers.create({ sid: own.sid });
  const session = await service.sessions.create({ uniqueName: 'phones', participants: [{ Identifier: mia }, { Identifier: noa }] });

  await write(mia, 'Where are you?', 'first');
  await write(mia, 'Where are you?', 'first'); // a carrier's second try
  await eventually('Noa is asked', async () => (await got(noa)).length > 0);
  await write(noa, 'At the gate');
  await eventually('Mia is answered', async () => (await got(mia)).length > 0);
  await write(mia, 'my secret number is 5');
  await write(mia, 'Thanks');
  await eventually('the last words arrive', async () => (await got(noa)).length > 1);
  assert.deepEqual(await got(noa), [`${shared}: Where are you?`, `${shared}: Thanks`]);
  assert.deepEqual(await got(mia), [`${shared}: At the gate`]);

  const list = await service.sessions(session.sid).interactions.list();
  assert.deepEqual(list.map((i) => JSON.parse(i.data).body), ['Where are you?', 'At the gate', 'Thanks']);
  await eventually('what passed has arrived', async () =>
    (await service.sessions(session.sid).interactions.list()).every((i) => i.outboundResourceStatus === 'delivered'));
  await eventually('the callback is told so', () => heard.told.filter(([, p]) => p.outboundResourceStatus === 'delivered').length === 3);
  assert.equal(heard.asked.length, 4);
  assert.ok([...heard.told, ...heard.asked].every(([valid]) => valid), 'every signature is valid');
  assert.ok(heard.asked.every(([, p]) => p.inboundParticipantSid && !p.outboundParticipantSid));

  // Outside of the session: words in TwiML, then a session of their own.
  await service.sessions(session.sid).update({ status: 'closed' });
  outside = '<Response><Message>Nobody is there</Message></Response>';
  await write(mia, 'Hello?');
  await eventually('TwiML is said', async () => (await got(mia)).length > 1);
  assert.equal((await got(mia))[1], `${shared}: Nobody is there`);
  assert.equal(heard.lost[0][0], true);
  assert.equal(heard.lost[0][1].sessionUniqueName, 'phones');
  outside = JSON.stringify({ uniqueName: 'auto', ttl: 1, participantIdentifier: noa });
  await write(mia, 'Is anybody there now?');
  await eventually('a session is made and the words pass', async () => (await got(noa)).length > 2);
  assert.equal((await got(noa))[2], `${shared}: Is anybody there now?`);
  assert.equal((await service.sessions('auto').fetch()).ttl, 1);
  const ended = await eventually('its time is over', async () => {
    const now = await service.sessions('auto').fetch();
    return now.status === 'closed' && now;
  });
  assert.equal(ended.closedReason, 'expired');
});
