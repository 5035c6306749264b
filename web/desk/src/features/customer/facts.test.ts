import { expect, test } from 'vitest';
import type { Conversation } from '../../api/reduce';
import type { Work } from '../../api/types';
import { contextFacts, formFacts, fromFlow } from './facts';

const item = (attributes: Record<string, unknown>) => ({ task: { attributes } }) as unknown as Work;
const talk = (attributes: Record<string, unknown>) => ({ channel: { attributes } }) as unknown as Conversation;

test('what a flow hands over reads as lines', () => {
  const facts = contextFacts(item({
    channelSid: 'CH1', executionSid: 'FN1', name: 'Ana', topic: 'order', orderNumber: 'SL-20418', total: 249.5, gift: false, empty: '', nothing: null,
    order: { number: 'SL-20418', items: ['Fennel 2', 'lock'], customer: { since: 2019 } },
    steps: [{ at: 'Topic' }, { at: 'Look up' }],
    lookup: '{"status":"shipped"}', quote: '{not json',
  }), []);
  expect(facts).toEqual([
    { label: 'Topic', value: 'order' },
    { label: 'Order number', value: 'SL-20418' },
    { label: 'Total', value: '249.5' },
    { label: 'Gift', value: 'false' },
    { label: 'Order · number', value: 'SL-20418' },
    { label: 'Order · items', value: 'Fennel 2, lock' },
    { label: 'Order · customer · since', value: '2019' },
    { label: 'Steps 1 · at', value: 'Topic' },
    { label: 'Steps 2 · at', value: 'Look up' },
    { label: 'Lookup · status', value: 'shipped' },
    { label: 'Quote', value: '{not json' },
  ]);
});

test('depth and number are bounded', () => {
  expect(contextFacts(item({ a: { b: { c: { d: { e: 1 } } } } }), [])).toEqual([]);
  expect(contextFacts(item(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, n]))), [])).toHaveLength(40);
});

test('the form comes from the channel, else from the task, and is not repeated', () => {
  const task = item({ pre_engagement_data: { email: 'a@b.example' }, email: 'a@b.example', topic: 'x' });
  expect(formFacts(undefined, task)).toEqual([{ label: 'Email', value: 'a@b.example' }]);
  expect(formFacts(talk({ pre_engagement_data: '{"friendlyName":"Ana"}' }), task)).toEqual([{ label: 'Friendly name', value: 'Ana' }]);
  expect(formFacts(talk({ pre_engagement_data: '{' }), task)).toEqual([]);
  expect(contextFacts(task, formFacts(undefined, task))).toEqual([{ label: 'Topic', value: 'x' }]);
  expect(fromFlow(task)).toBe(false);
  expect(fromFlow(item({ executionSid: 'FN1' }))).toBe(true);
});
