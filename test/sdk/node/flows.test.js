// Creates, publishes and plays the flows of ../flows/scripts.json with the npm package twilio, and reads what they did.
// ../flows_test.go plays the same scripts over the stream, and says what a script holds.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import twilio from 'twilio';

const { USHER_URL: url, USHER_ACCOUNT_SID: account, USHER_AUTH_TOKEN: token, USHER_OUTSIDE: outside } = process.env;
const scripts = JSON.parse(readFileSync(new URL('../flows/scripts.json', import.meta.url)));

async function eventually(what, happened) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const value = await happened();
    if (value) return value;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  assert.fail(`did not happen: ${what}`);
}

function text(name, replaced) {
  let file = new URL(`../flows/${name}.json`, import.meta.url);
  if (!existsSync(file)) file = new URL(`../../../internal/studio/engine/testdata/${name}.json`, import.meta.url);
  return Object.entries(replaced).reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(file, 'utf8'));
}

test('flows', { skip: !url || !outside }, async (t) => {
  const client = twilio(account, token);
  for (const product of ['chat', 'flexApi', 'studio', 'taskrouter']) client[product].baseUrl = `${url}/${product === 'flexApi' ? 'flex-api' : product}`;
  const own = await client.flexApi.v1.configuration().fetch();
  const workspace = client.taskrouter.v1.workspaces(own.taskrouterWorkspaceSid);
  const service = own.chatServiceInstanceSid;

  const publish = async (name, subflow) => {
    const definition = JSON.parse(
      text(name, {
        'https://shop.example.com': outside,
        'https://survey.example.com': outside,
        'https://bot.example.com': 'https://bot-1234.twil.io',
        WW00000000000000000000000000000001: own.taskrouterTargetWorkflowSid,
        TC00000000000000000000000000000001: 'chat',
        FW00000000000000000000000000000002: subflow ?? '',
      }),
    );
    assert.equal((await client.studio.v2.flowValidate.update({ friendlyName: name, status: 'published', definition })).valid, true);
    const draft = await client.studio.v2.flows.create({ friendlyName: name, status: 'draft', definition, commitMessage: 'first' });
    const flow = await client.studio.v2.flows(draft.sid).update({ status: 'published', commitMessage: 'second' });
    assert.equal(flow.status, 'published');
    // This version of the library cannot list revisions: its own constructor fails.
    const revisions = client.studio.v2.flows(flow.sid).revisions;
    assert.equal((await revisions(1).fetch()).commitMessage, 'first');
    const published = await revisions('LatestPublished').fetch();
    assert.deepEqual([published.revision, published.definition.initial_state], [2, 'Trigger']);
    return flow.sid;
  };

  for (const script of scripts) {
    await t.test(script.flow, async () => {
      const flow = client.studio.v2.flows(await publish(script.flow, script.subflow && (await publish(script.subflow))));
      const identity = `node-${script.flow}`;
      const sid = (await flow.fetch()).sid;
      const front = await client.flexApi.v1.flexFlow.create({
        friendlyName: identity, chatServiceSid: service, channelType: 'web', integrationType: 'studio', 'integration.flowSid': sid, enabled: true,
      });
      const web = await client.flexApi.v1.webChannel.create({ flexFlowSid: front.sid, identity, customerFriendlyName: 'Noa', chatFriendlyName: 'Web' });
      const messages = client.chat.v2.services(service).channels(web.sid).messages;
      if (script.request) await flow.executions.create({ to: web.sid, from: service, parameters: script.request });
      for (const [i, line] of script.talk.entries()) {
        if (line.startsWith('> ')) await messages.create({ from: identity, body: line.slice(2) });
        const said = await eventually(line, async () => (await messages.list())[i]);
        assert.equal(said.body, line.slice(2));
      }
      if (script.task) {
        const task = await eventually('the task', async () => (await workspace.tasks.list()).find((v) => JSON.parse(v.attributes).channelSid === web.sid));
        const attributes = JSON.parse(task.attributes);
        for (const [name, value] of Object.entries(script.task)) assert.equal(attributes[name], value, name);
        await workspace.tasks(task.sid).update({ assignmentStatus: 'canceled', reason: 'done' });
      }
      const ended = await eventually('the end', async () => (await flow.executions.list()).find((x) => x.status === 'ended'));
      const execution = flow.executions(ended.sid);
      const steps = await execution.steps.list();
      if (script.steps) assert.deepEqual(steps.map((s) => `${s.transitionedFrom}.${s.name}`), script.steps);
      const errors = steps.filter((s) => s.context.error).map((s) => ({ from: s.transitionedFrom, ...s.context.error }));
      assert.equal(errors.length, script.error ? 1 : 0, JSON.stringify(errors));
      if (script.error) {
        assert.equal(errors[0].code, script.error.code);
        assert.ok(errors[0].message);
        if (script.error.from) assert.equal(errors[0].from, script.error.from);
      }
      const one = await execution.steps(steps[0].sid).fetch();
      assert.equal(one.transitionedFrom, 'Trigger');
      assert.equal((await execution.steps(one.sid).stepContext().fetch()).stepSid, one.sid);
      const { variables } = (await execution.executionContext().fetch()).context.flow;
      for (const [name, value] of Object.entries(script.variables ?? {})) assert.equal(variables[name], value, name);
    });
  }
});
