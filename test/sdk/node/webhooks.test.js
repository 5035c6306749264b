// What completes Programmable Chat, with the npm package twilio: invites, credentials, and webhooks whose signatures the package's
// validator checks.
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

for (const product of ['chat', 'ipMessaging']) {
  test(`webhooks, invites and credentials by ${product}`, { skip: !url }, async (t) => {
    const client = twilio(account, token, { accountSid: account });
    client.chat.baseUrl = `${url}/chat`;
    client.ipMessaging.baseUrl = `${url}/ip-messaging`;
    const api = client[product].v2;
    const service = api.services((await api.services.create({ friendlyName: 'Hooks' })).sid);
    const heard = [];
    let address;
    const receiver = http.createServer((request, answer) => {
      let text = '';
      request.on('data', (part) => (text += part));
      request.on('end', () => {
        const params = Object.fromEntries(new URLSearchParams(text));
        const valid = twilio.validateRequest(token, request.headers['x-twilio-signature'], address, params);
        heard.push([valid, params.EventType, params.Identity ?? params.Body, params.WebhookType].join(' '));
        answer.end();
      });
    });
    await new Promise((listening) => receiver.listen(0, '127.0.0.1', listening));
    t.after(() => receiver.close());
    address = `http://127.0.0.1:${receiver.address().port}/hear?shop=7&name=a%20b`;

    await service.users.create({ identity: 'ola' });
    const channel = service.channels((await service.channels.create({ type: 'private', uniqueName: 'room' })).sid);
    const hook = await channel.webhooks.create({ type: 'webhook', 'configuration.url': address, 'configuration.filters': ['onMessageSent', 'onMemberAdded'], 'configuration.retryCount': 2 });
    assert.deepEqual(hook.configuration, { url: address, method: 'POST', filters: ['onMessageSent', 'onMemberAdded'], retry_count: 2 });

    const invite = await channel.invites.create({ identity: 'ola' });
    assert.equal((await channel.invites(invite.sid).fetch()).identity, 'ola');
    assert.equal((await service.users('ola').userChannels.list())[0].status, 'invited');
    await assert.rejects(channel.invites.create({ identity: 'ola' }), (e) => e.status === 409 && e.code === 50212);

    await channel.members.create({ identity: 'ola', xTwilioWebhookEnabled: 'true' });
    await channel.messages.create({ from: 'ola', body: 'quiet' });
    await channel.messages.create({ from: 'ola', body: 'loud', xTwilioWebhookEnabled: 'true' });
    await eventually('the webhook is told', () => heard.length === 2);
    assert.deepEqual(heard, ['true onMemberAdded ola webhook', 'true onMessageSent loud webhook']);
    await channel.webhooks(hook.sid).remove();
    assert.equal((await channel.webhooks.list()).length, 0);

    const credential = await api.credentials.create({ type: 'fcm', friendlyName: 'phones', secret: 'not to be shown' });
    assert.ok(!JSON.stringify(credential).includes('not to be shown'));
    assert.equal((await api.credentials(credential.sid).update({ friendlyName: 'tablets' })).friendlyName, 'tablets');
    assert.ok(await api.credentials(credential.sid).remove());
    assert.deepEqual(await service.bindings.list(), []);
    assert.deepEqual(await service.users('ola').userBindings.list(), []);
    assert.ok(await service.remove());
  });
}
