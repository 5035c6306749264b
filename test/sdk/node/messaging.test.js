// Messages by carriers, with the npm package twilio: sent, listed, scheduled, canceled, redacted, deleted; numbers, applications and
// services; and status callbacks whose signatures the package's validator checks.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import twilio from 'twilio';

const { USHER_URL: url, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: token } = process.env;

async function eventually(what, happened) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const value = await happened();
    if (value) return value;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  assert.fail(`did not happen: ${what}`);
}

const refused = (code) => (e) => e.code === code;

test('messages, numbers and services', { skip: !url }, async (t) => {
  const client = twilio(account, token, { accountSid: account });
  client.api.baseUrl = url;
  client.messaging.baseUrl = `${url}/messaging`;
  const heard = [];
  let address;
  const receiver = http.createServer((request, answer) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const params = Object.fromEntries(new URLSearchParams(text));
      const valid = twilio.validateRequest(token, request.headers['x-twilio-signature'], address, params);
      heard.push([valid, params.MessageSid, params.SmsStatus].join(' '));
      answer.end();
    });
  });
  await new Promise((listening) => receiver.listen(0, '127.0.0.1', listening));
  t.after(() => receiver.close());
  address = `http://127.0.0.1:${receiver.address().port}/status?shop=7&name=a%20b`;

  const number = await client.incomingPhoneNumbers.create({ phoneNumber: '+15005550220', smsUrl: 'https://example.org/sms' });
  assert.deepEqual([number.phoneNumber, number.smsMethod, number.capabilities.sms], ['+15005550220', 'POST', true]);
  assert.equal((await client.incomingPhoneNumbers(number.sid).update({ friendlyName: 'Node' })).friendlyName, 'Node');
  assert.equal((await client.incomingPhoneNumbers.list({ friendlyName: 'Node' })).length, 1);
  await assert.rejects(client.incomingPhoneNumbers.create({ phoneNumber: '+15005550220' }), refused(21422));

  for (const body of ['one', 'two', 'three']) {
    const sent = await client.messages.create({ from: number.phoneNumber, to: '+15005550221', body });
    assert.deepEqual([sent.status, sent.direction, sent.numSegments, sent.body], ['queued', 'outbound-api', '1', body]);
  }
  const list = await client.messages.list({ to: '+15005550221', from: number.phoneNumber, pageSize: 2 });
  assert.deepEqual(list.map((m) => m.body), ['three', 'two', 'one']);
  assert.equal((await client.messages.list({ to: '+15005550221', dateSentBefore: new Date(0) })).length, 0);
  await assert.rejects(client.messages.create({ from: number.phoneNumber, to: '+15005550221' }), refused(21619));

  const service = await client.messaging.v1.services.create({ friendlyName: 'Node', smartEncoding: true });
  const pool = client.messaging.v1.services(service.sid);
  await assert.rejects(client.messages.create({ messagingServiceSid: service.sid, to: '+15005550221', body: 'x' }), refused(21704));
  await pool.phoneNumbers.create({ phoneNumberSid: number.sid });
  assert.equal((await pool.phoneNumbers.list())[0].phoneNumber, number.phoneNumber);
  const pooled = await client.messages.create({ messagingServiceSid: service.sid, to: '+15005550221', body: '“Quoted” – smart' });
  assert.equal(pooled.status, 'accepted');
  assert.equal((await client.messages(pooled.sid).fetch()).body, '"Quoted" - smart');

  const schedule = { messagingServiceSid: service.sid, to: '+15005550221', body: 'later', scheduleType: 'fixed', statusCallback: address };
  await assert.rejects(client.messages.create({ ...schedule, sendAt: new Date(Date.now() + 60_000) }), refused(35114));
  const later = await client.messages.create({ ...schedule, sendAt: new Date(Date.now() + 3_600_000) });
  assert.deepEqual([later.status, later.from], ['scheduled', null]);
  await assert.rejects(client.messages(later.sid).remove(), refused(20009));
  assert.equal((await client.messages(later.sid).update({ status: 'canceled' })).status, 'canceled');
  await eventually('the callback is told', () => heard.length > 0);
  assert.deepEqual(heard, [`true ${later.sid} canceled`]);
  assert.equal((await client.messages(later.sid).update({ body: '' })).body, '');
  assert.ok(await client.messages(later.sid).remove());
  await assert.rejects(client.messages(later.sid).fetch(), refused(20404));

  const app = await client.applications.create({ friendlyName: 'Node', smsUrl: 'https://example.org/app' });
  assert.equal((await client.applications.list({ friendlyName: 'Node' }))[0].sid, app.sid);
  assert.ok(await client.applications(app.sid).remove());
  assert.ok(await pool.phoneNumbers(number.sid).remove());
  assert.ok(await pool.remove());
  assert.ok(await client.incomingPhoneNumbers(number.sid).remove());
});
