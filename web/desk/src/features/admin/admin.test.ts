import { describe, expect, it } from 'vitest';
import { flowForm } from '../../api/flex';
import type { FlexFlow, Person, Task, Worker, Workflow } from '../../api/types';
import { blankFlow, fromFlow, problemsOf } from './flow-form';
import { stepsOf } from './ready';
import { readRouting } from './routing-doc';
import { colleagues, parseAttributes, skillsOf } from './worker-facts';

const blank = blankFlow('WS1', [{ sid: 'WW1' } as Workflow]);

describe('the Flex Flow form', () => {
  it('says what is missing for each kind', () => {
    expect(problemsOf(blank)).toEqual({ name: 'flows.form.needName' });
    const named = { ...blank, friendly_name: 'x' };
    expect(problemsOf(named)).toEqual({});
    expect(problemsOf({ ...named, channel_type: 'sms' })).toHaveProperty('identity');
    expect(problemsOf({ ...named, integration_type: 'studio' })).toHaveProperty('flow');
    expect(problemsOf({ ...named, integration_type: 'studio', integration: { flow_sid: `FW${'0a'.repeat(16)}` } })).toEqual({});
    expect(problemsOf({ ...named, integration_type: 'external', integration: { url: 'ftp://x' } })).toHaveProperty('url');
    expect(problemsOf({ ...named, integration: {} })).toHaveProperty('workflow');
  });

  it('sends only the keys of its kind, under the public names', () => {
    expect(flowForm({ ...blank, friendly_name: 'x' })).toMatchObject({ FriendlyName: 'x', IntegrationType: 'task', 'Integration.WorkflowSid': 'WW1', 'Integration.Channel': 'chat' });
    expect(Object.keys(flowForm({ ...blank, integration_type: 'external', integration: { ...blank.integration, url: 'https://x' } }))).not.toContain('Integration.WorkflowSid');
  });

  it('reads a kept flow', () => {
    const flow = { friendly_name: 'n', channel_type: 'web', contact_identity: null, enabled: false, integration_type: null, integration: null, long_lived: true, janitor_enabled: false } as FlexFlow;
    expect(fromFlow(flow, blank)).toMatchObject({ friendly_name: 'n', enabled: false, integration_type: 'task', long_lived: true, integration: { workflow_sid: 'WW1' } });
  });
});

describe('workers', () => {
  it('joins people, finds names and skills, and puts the available first', () => {
    const workers = [
      { sid: 'WK1', friendly_name: 'w1', available: false, attributes: { full_name: 'Zoe' } },
      { sid: 'WK2', friendly_name: 'w2', available: true, attributes: { routing: { skills: ['a', 1, 'b'] } } },
    ] as unknown as Worker[];
    const rows = colleagues(workers, [{ sid: 'PE', name: 'Tom', worker_sid: 'WK2' } as Person]);
    expect(rows.map((row) => [row.name, row.skills, row.person?.sid])).toEqual([['Tom', ['a', 'b'], 'PE'], ['Zoe', [], undefined]]);
    expect(colleagues([], [{ sid: 'PE2', name: '', email: 'a@b' } as Person])).toEqual([{ sid: 'PE2', person: { sid: 'PE2', name: '', email: 'a@b' }, name: 'a@b', skills: [] }]);
    expect(skillsOf({ routing: 'x' })).toEqual([]);
  });

  it('takes only JSON objects as attributes', () => {
    expect(parseAttributes('{"a":1}')).toEqual({ value: { a: 1 } });
    expect(parseAttributes('')).toEqual({ value: {} });
    expect(parseAttributes('[1]')).toEqual({ problem: { kind: 'shape' } });
    expect(parseAttributes('{')).toHaveProperty('problem.kind', 'syntax');
  });
});

describe('workflows', () => {
  it('reads both spellings, and says when it cannot', () => {
    const doc = { filters: [{ filter_friendly_name: 'f', expression: 'a==1', targets: [{ queue: 'Q1' }, { queue: 'Q2' }] }], default_filter: { queue: 'Q3' } };
    const expected = { filters: [{ name: 'f', expression: 'a==1', queues: ['Q1', 'Q2'] }], otherwise: 'Q3' };
    expect(readRouting(JSON.stringify({ task_routing: doc }))).toEqual(expected);
    expect(readRouting(JSON.stringify({ 'task-routing': doc }))).toEqual(expected);
    expect(readRouting('nope')).toBeUndefined();
    expect(readRouting('{}')).toEqual({ filters: [], otherwise: undefined });
  });
});

describe('getting ready', () => {
  it('ticks what the server says has happened', () => {
    const task = (status: string) => ({ assignment_status: status, attributes: { channelType: 'web' } }) as unknown as Task;
    const done = (tasks: Task[]) => stepsOf({ hasPassword: true, flows: [{ channel_type: 'web', enabled: true } as FlexFlow], tasks, people: [{} as Person] }).filter((step) => step.done).map((step) => step.id);
    expect(done([])).toEqual(['signin', 'channel']);
    expect(done([task('pending')])).toEqual(['signin', 'channel', 'chat']);
    expect(done([task('completed')])).toEqual(['signin', 'channel', 'available', 'chat', 'answer', 'complete']);
  });
});
