// Drives a running server with the npm package twilio. Nothing but the base addresses is changed, one line per product.
// The server's address and credentials come from the environment; test/sdk starts it.
import assert from 'node:assert/strict';
import test from 'node:test';
import twilio from 'twilio';

const { USHER_URL: url, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: token, USHER_API_KEY: key, USHER_API_SECRET: secret } = process.env;

function connect(user = account, password = token) {
  const client = twilio(user, password, { accountSid: account });
  client.api.baseUrl = `${url}/api`;
  client.chat.baseUrl = `${url}/chat`;
  client.ipMessaging.baseUrl = `${url}/ip-messaging`;
  client.flexApi.baseUrl = `${url}/flex-api`;
  client.taskrouter.baseUrl = `${url}/taskrouter`;
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

const refused = (status, code) => (error) => {
  assert.equal(error.status, status, error.message);
  assert.equal(error.code, code, error.message);
  return true;
};

async function newFloor(client, friendlyName, attributes) {
  const { sid } = await client.taskrouter.v1.workspaces.create({ friendlyName });
  const workspace = client.taskrouter.v1.workspaces(sid);
  const activity = await workspace.activities.create({ friendlyName: 'Ready', available: true });
  const queue = await workspace.taskQueues.create({ friendlyName: 'All', targetWorkers: '1==1' });
  const configuration = JSON.stringify({
    task_routing: { filters: [{ expression: 'kind == "vip"', targets: [{ queue: queue.sid, priority: '10' }] }], default_filter: { queue: queue.sid } },
  });
  const workflow = await workspace.workflows.create({ friendlyName: 'All', configuration, taskReservationTimeout: 60 });
  const worker = await workspace.workers.create({ friendlyName: 'noor', activitySid: activity.sid, attributes: JSON.stringify(attributes) });
  return { sid, workspace, workflow, worker };
}

const offered = (floor) =>
  eventually('a reservation', async () => (await floor.workspace.workers(floor.worker.sid).reservations.list({ reservationStatus: 'pending' }))[0]);

test('account and keys', { skip: !url }, async () => {
  const client = connect();
  assert.equal((await client.api.v2010.accounts(account).fetch()).status, 'active');
  const made = await client.api.v2010.accounts(account).newKeys.create({ friendlyName: 'node' });
  assert.ok(made.secret);
  await connect(made.sid, made.secret).chat.v2.services.list({ limit: 1 });
  assert.equal((await client.api.v2010.accounts(account).keys(made.sid).update({ friendlyName: 'js' })).friendlyName, 'js');
  assert.ok((await client.api.v2010.accounts(account).keys.list({ pageSize: 1 })).some((k) => k.sid === made.sid));
  assert.ok(await client.api.v2010.accounts(account).keys(made.sid).remove());
  await assert.rejects(connect(made.sid, made.secret).chat.v2.services.list(), refused(401, 20003));
  await connect(key, secret).chat.v2.services.list({ limit: 1 });
});

test('chat', { skip: !url }, async () => {
  const client = connect();
  const { sid } = await client.chat.v2.services.create({ friendlyName: 'Node' });
  const service = client.chat.v2.services(sid);
  const channel = await service.channels.create({ uniqueName: 'room', type: 'private', attributes: '{"a":1}' });
  await service.channels('room').members.create({ identity: 'zoe' });
  for (let i = 0; i < 5; i++) {
    const sent = await service.channels(channel.sid).messages.create({ from: 'zoe', body: `n ${i} 日本語 👍` });
    assert.equal(sent.index, i);
    assert.ok(sent.dateCreated instanceof Date && !Number.isNaN(+sent.dateCreated));
  }
  const list = await service.channels(channel.sid).messages.list({ pageSize: 2 });
  assert.deepEqual(list.map((m) => [m.index, m.body]), [0, 1, 2, 3, 4].map((i) => [i, `n ${i} 日本語 👍`]));
  const page = await service.channels(channel.sid).messages.page({ pageSize: 2 });
  const second = await page.nextPage();
  assert.deepEqual(second.instances.map((m) => m.index), [2, 3]);
  assert.deepEqual((await second.previousPage()).instances.map((m) => m.index), [0, 1]);

  const user = await service.users('zoe').fetch();
  assert.equal((await service.users(user.sid).userChannels.list()).length, 1);
  assert.equal((await service.roles.list()).length > 0, true);
  assert.equal((await client.ipMessaging.v2.services(sid).channels('room').fetch()).sid, channel.sid);
  await assert.rejects(service.channels.create({ uniqueName: 'room' }), refused(409, 50307));
  await assert.rejects(connect(account, 'wrong').chat.v2.services(sid).fetch(), refused(401, 20003));
  assert.ok(await service.remove());
  await assert.rejects(service.fetch(), refused(404, 20404));
});

test('a whole conversation', { skip: !url }, async () => {
  const client = connect();
  const floor = await newFloor(client, 'Node floor', { contact_uri: 'client:noor' });
  const service = await client.chat.v2.services.create({ friendlyName: 'Node web chat' });
  const flow = await client.flexApi.v1.flexFlow.create({
    friendlyName: 'Node shop', chatServiceSid: service.sid, channelType: 'web', integrationType: 'task', enabled: true, janitorEnabled: true,
    'integration.workspaceSid': floor.sid, 'integration.workflowSid': floor.workflow.sid, 'integration.channel': 'default',
  });
  assert.equal(flow.integrationType, 'task');
  assert.equal(flow.integration.workflow_sid, floor.workflow.sid);
  const web = await client.flexApi.v1.webChannel.create({
    flexFlowSid: flow.sid, identity: 'node-visitor', customerFriendlyName: 'Ola', chatFriendlyName: 'Web chat',
    preEngagementData: JSON.stringify({ kind: 'vip' }),
  });
  const channel = client.chat.v2.services(service.sid).channels(web.sid);
  await channel.messages.create({ from: 'node-visitor', body: 'Hello?' });

  const offer = await offered(floor);
  const task = await floor.workspace.tasks(offer.taskSid).fetch();
  assert.equal(JSON.parse(task.attributes).channelSid, web.sid);
  assert.equal(JSON.parse(task.attributes).channelType, 'web');
  await floor.workspace.tasks(task.sid).reservations(offer.sid).update({ reservationStatus: 'accepted' });
  await eventually('the agent is a member', async () => (await channel.members.list({ identity: 'noor' })).length === 1);
  await channel.messages.create({ from: 'noor', body: 'Hello!' });
  await floor.workspace.tasks(task.sid).update({ assignmentStatus: 'wrapping', reason: 'done' });
  await floor.workspace.tasks(task.sid).update({ assignmentStatus: 'completed', reason: 'done' });
  await eventually('the channel is inactive', async () => JSON.parse((await channel.fetch()).attributes).status === 'INACTIVE');
  const said = (await channel.messages.list()).map((m) => m.body);
  assert.ok(said.includes('Hello?') && said.includes('Hello!'), said.join());
});

test('routing', { skip: !url }, async () => {
  const client = connect();
  const floor = await newFloor(client, 'Node routing', {});
  const ask = async (kind) => {
    const task = await floor.workspace.tasks.create({ workflowSid: floor.workflow.sid, attributes: JSON.stringify({ kind }) });
    assert.equal(task.assignmentStatus, 'pending');
  };
  await ask('plain');
  const first = await offered(floor);
  await ask('plain');
  await ask('vip');
  await floor.workspace.workers(floor.worker.sid).reservations(first.sid).update({ reservationStatus: 'accepted' });
  await floor.workspace.tasks(first.taskSid).update({ assignmentStatus: 'completed', reason: 'x' });
  const second = await offered(floor);
  assert.equal(JSON.parse((await floor.workspace.tasks(second.taskSid).fetch()).attributes).kind, 'vip', 'the higher priority comes next');
  const waiting = await floor.workspace.tasks.list({ assignmentStatus: ['pending', 'reserved'], pageSize: 1 });
  assert.equal(waiting.length, 2);
  await assert.rejects(floor.workspace.taskQueues.create({ friendlyName: 'x', targetWorkers: '(' }), refused(400, 20001));
  assert.ok(await floor.workspace.remove());
});

test('a Studio flow', { skip: !url }, async () => {
  const client = connect();
  client.studio.baseUrl = `${url}/studio`;
  const definition = {
    description: 'Greeting', initial_state: 'Trigger', flags: { allow_concurrent_calls: true },
    states: [
      { name: 'Trigger', type: 'trigger', properties: {}, transitions: [{ event: 'incomingMessage', next: 'greet' }, { event: 'incomingRequest', next: 'keep' }] },
      { name: 'greet', type: 'send-message', properties: { from: 'Shop', to: '{{contact.channel.address}}', body: 'Hello {{trigger.message.ChannelAttributes.from}}', service: '{{trigger.message.InstanceSid}}', channel: '{{trigger.message.ChannelSid}}' }, transitions: [{ event: 'sent', next: 'keep' }, { event: 'failed' }] },
      { name: 'keep', type: 'set-variables', properties: { variables: [{ key: 'seen', value: 'yes' }] }, transitions: [{ event: 'next' }] },
    ],
  };
  const flow = await client.studio.v2.flows.create({ friendlyName: 'Greeting', status: 'published', definition });
  assert.equal(flow.valid, true);
  assert.equal((await client.studio.v2.flows(flow.sid).fetch()).definition.states.length, 3);
  await assert.rejects(client.studio.v2.flows.create({ friendlyName: 'Bad', status: 'published', definition: { states: [] } }), (error) => error.status === 400);

  const service = await client.chat.v2.services.create({ friendlyName: 'Greeting' });
  const front = await client.flexApi.v1.flexFlow.create({ friendlyName: 'Greeting', chatServiceSid: service.sid, channelType: 'web', integrationType: 'studio', 'integration.flowSid': flow.sid, enabled: true });
  const web = await client.flexApi.v1.webChannel.create({ flexFlowSid: front.sid, identity: 'greeted', customerFriendlyName: 'Noa', chatFriendlyName: 'Chat' });
  const messages = client.chat.v2.services(service.sid).channels(web.sid).messages;
  await messages.create({ from: 'greeted', body: 'hi' });
  await eventually('the greeting', async () => (await messages.list()).some((m) => m.body === 'Hello Noa'));
  const [run] = await client.studio.v2.flows(flow.sid).executions.list();
  const execution = client.studio.v2.flows(flow.sid).executions(run.sid);
  await eventually('the end', async () => (await execution.fetch()).status === 'ended');
  assert.deepEqual((await execution.steps.list()).map((s) => s.transitionedFrom), ['Trigger', 'greet', 'keep']);
  assert.equal((await execution.executionContext().fetch()).context.flow.variables.seen, 'yes');
});
