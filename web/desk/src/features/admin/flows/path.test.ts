import { expect, test } from 'vitest';
import type { Tryout } from '../../../api/tryout';
import { busy, pathOf, pause, rowsOf, standsAt } from './path';

const step = (sid: string, from: string, name: string, to: string, error = '') =>
  ({ sid, transitioned_from: from, name, transitioned_to: to, code: 0, error, date_created: '' });
const line = (sid: string, body: string) =>
  ({ sid, kind: 'flow' as const, author: 'Bot', body, media_url: '', to: '', flow_sid: '', widget: '', task: null, date_created: '' });
const tryout = (change: Partial<Tryout>): Tryout => ({
  sid: 'FN1', flow_sid: 'FW1', revision: 1, status: 'active', reason: '', widget: 'ask', waits: null, lines: [], steps: [],
  context: { trigger: {}, flow: { variables: {}, data: {} }, contact: {}, widgets: {} }, ...change,
});

test('the path holds what was passed and where it stands, and keeps what later answers leave out', () => {
  const one = tryout({ steps: [step('FT01', 'Trigger', 'incomingMessage', 'ask')] });
  const lit = pathOf(one);
  expect([...lit].sort()).toEqual(['Trigger', 'Trigger.incomingMessage', 'ask']);
  expect(standsAt(one)).toBe('ask');
  const two = tryout({ widget: 'split', status: 'ended', steps: [step('FT02', 'ask', 'timeout', 'Ended')] });
  expect([...pathOf(two, lit)].sort()).toEqual(['Trigger', 'Trigger.incomingMessage', 'ask', 'ask.timeout']);
  expect(standsAt(two)).toBeUndefined();
});

test('rows come in the order of their SIDs; steps that tell nothing are left out, unless they failed', () => {
  const rows = rowsOf(tryout({
    lines: [line('TL02', 'Hello'), line('TL04', 'Which?')],
    steps: [step('FT01', 'Trigger', 'incomingMessage', 'open'), step('FT03', 'open', 'match', 'ask'), step('FT05', 'ask', 'sent', 'x', 'no carrier'), step('FT06', 'x', 'sent', 'Ended')],
  }));
  expect(rows.map((row) => (row.kind === 'line' ? row.line.body : row.step.transitioned_from))).toEqual(['Hello', 'open', 'Which?', 'ask']);
});

test('looks are quick at first and bounded later', () => {
  expect(pause(0)).toBe(300);
  expect(pause(3)).toBeGreaterThan(1000);
  expect(pause(50)).toBe(5000);
  const waits = (kind: 'message' | 'http' | 'task' | 'return' | 'answer') => busy(tryout({ waits: { for: kind, until: null, flow_sid: '', widget: '' } }));
  expect([waits('message'), waits('http'), waits('task'), waits('return'), waits('answer')]).toEqual([false, true, false, false, true]);
  expect(busy(tryout({ status: 'ended' }))).toBe(false);
});
