// A bot behind an external Flex Flow, written with the npm package twilio as bots of the original are: it checks the signature of
// what it is told, answers by REST, and hands over to an agent by a task that names the channel.
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

test('a bot behind an external flow', { skip: !url }, async (t) => {
  const client = twilio(account, token, { accountSid: account });
  for (const [product, path] of [['chat', 'chat'], ['flexApi', 'flex-api'], ['taskrouter', 'taskrouter']]) client[product].baseUrl = `${url}/${path}`;

  const { sid } = await client.taskrouter.v1.workspaces.create({ friendlyName: 'Bot' });
  const workspace = client.taskrouter.v1.workspaces(sid);
  const activity = await workspace.activities.create({ friendlyName: 'Ready', available: true });
  const queue = await workspace.taskQueues.create({ friendlyName: 'All', targetWorkers: '1==1' });
  const workflow = await workspace.workflows.create({ friendlyName: 'All', configuration: JSON.stringify({ task_routing: { default_filter: { queue: queue.sid } } }) });
  const worker = await workspace.workers.create({ friendlyName: 'noor', activitySid: activity.sid, attributes: JSON.stringify({ contact_uri: 'client:noor' }) });
  const service = await client.chat.v2.services.create({ friendlyName: 'Bot' });

  const heard = [], wrong = [];
  let address;
  const bot = http.createServer((request, answer) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', async () => {
      const params = Object.fromEntries(new URLSearchParams(text));
      try {
        const signature = request.headers['x-twilio-signature'];
        assert.ok(twilio.validateRequest(token, signature, address, params), 'the signature of a request');
        assert.ok(!twilio.validateRequest(token, signature, address, { ...params, Body: 'another' }), 'the signature of another request');
        assert.match(request.headers['i-twilio-idempotency-token'], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        heard.push(params);
        const channel = client.chat.v2.services(params.InstanceSid).channels(params.ChannelSid);
        if (/agent/.test(params.Body)) {
          await channel.messages.create({ from: 'Bot', body: 'One moment' });
          await workspace.tasks.create({ workflowSid: workflow.sid, taskChannel: 'default', attributes: JSON.stringify({ channelSid: params.ChannelSid, channelType: 'web', name: 'Ola', intent: 'order' }) });
        } else await channel.messages.create({ from: 'Bot', body: `You said ${params.Body}` });
        answer.end('<Response><Message>not read</Message></Response>');
      } catch (error) {
        wrong.push(error.message);
        answer.writeHead(500).end();
      }
    });
  });
  await new Promise((listening) => bot.listen(0, '127.0.0.1', listening));
  t.after(() => bot.close());
  address = `http://127.0.0.1:${bot.address().port}/hear?shop=7&name=a%20b`;

  const flow = await client.flexApi.v1.flexFlow.create({
    friendlyName: 'Own bot', chatServiceSid: service.sid, channelType: 'web', integrationType: 'external', 'integration.url': address, 'integration.retryCount': 1, janitorEnabled: true,
  });
  assert.deepEqual([flow.integrationType, flow.integration.url, flow.integration.retry_count], ['external', address, 1]);
  const web = await client.flexApi.v1.webChannel.create({ flexFlowSid: flow.sid, identity: 'bot-visitor', customerFriendlyName: 'Ola', chatFriendlyName: 'Web chat' });
  const channel = client.chat.v2.services(service.sid).channels(web.sid);
  const write = (from, body) => channel.messages.create({ from, body, xTwilioWebhookEnabled: 'true' });
  const said = async () => (await channel.messages.list()).map((m) => `${m.from}: ${m.body}`);

  const first = await write('bot-visitor', 'Grüße & 1 + 1 = 2');
  await eventually('the bot answers', async () => (await said()).includes('Bot: You said Grüße & 1 + 1 = 2'));
  const { DateCreated, ...params } = heard[0];
  assert.match(DateCreated, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(params, {
    EventType: 'onMessageSent', Source: 'SDK', AccountSid: account, InstanceSid: service.sid, ChannelSid: web.sid, MessageSid: first.sid, Index: '0',
    Body: 'Grüße & 1 + 1 = 2', From: 'bot-visitor', ClientIdentity: 'bot-visitor', Attributes: '{}', RetryCount: '0',
  });

  await write('bot-visitor', 'an agent, please');
  const offer = await eventually('a reservation', async () => (await workspace.workers(worker.sid).reservations.list({ reservationStatus: 'pending' }))[0]);
  await eventually('the channel takes the task', async () => JSON.parse((await channel.fetch()).attributes).task_sid === offer.taskSid);
  await write('bot-visitor', 'are you there?'); // the bot is out of it
  await workspace.tasks(offer.taskSid).reservations(offer.sid).update({ reservationStatus: 'accepted' });
  await eventually('the agent joins', async () => (await channel.members.list()).some((m) => m.identity === 'noor'));
  await write('noor', 'Hello, how can I help?');
  await write('bot-visitor', 'my order');
  await workspace.tasks(offer.taskSid).update({ assignmentStatus: 'completed', reason: 'answered' });
  await eventually('the channel is inactive', async () => JSON.parse((await channel.fetch()).attributes).status === 'INACTIVE');
  assert.deepEqual(wrong, []);
  assert.deepEqual(heard.map((p) => p.Body), ['Grüße & 1 + 1 = 2', 'an agent, please']);
  assert.deepEqual((await said()).slice(2), ['bot-visitor: an agent, please', 'Bot: One moment', 'bot-visitor: are you there?', 'noor: Hello, how can I help?', 'bot-visitor: my order']);
  const tasks = await workspace.tasks.list();
  assert.equal(tasks.length, 1);
});
