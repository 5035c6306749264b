import { describe, expect, it } from 'vitest';
import type { Message, Outgoing } from '../../stream/index.ts';
import type { Conversation } from '../app/core/conversation.ts';
import { items, type Input, type Item } from '../app/core/items.ts';

const noon = new Date(2026, 3, 14, 12).getTime();
const minute = 60_000;

function message(index: number, author: string, at: number, more: Partial<Message> = {}): Message {
  const date = new Date(at).toISOString();
  return { sid: 'IM' + index, channel_sid: 'CH', index, author, member_sid: null, body: 'm' + index, attributes: {}, type: 'text', media: null, date_created: date, date_updated: date, last_updated_by: null, was_edited: false, ...more };
}

function conversation(messages: Message[], seen = -1, attributes = {}): Conversation {
  return { me: 'me', channel: { sid: 'CH', attributes } as Conversation['channel'], members: {}, messages, seen };
}

const input = (part: Partial<Input>): Input => ({ me: 'me', notes: [], early: [], outgoing: [], newFrom: -1, ...part });
const waiting = (id: string, status: Outgoing['status'], at = noon): Outgoing => ({ client_id: id, channel: 'CH', body: id, at, status, ...(status === 'failed' ? { error: { code: 1, status: 400, message: 'no' } } : {}) });

/** The list in a form that is easy to compare: groups as "author:bodies tick". */
const drawn = (all: Item[]) =>
  all.map((i) => {
    if (i.kind === 'group') return `${i.mine ? 'me' : i.author}: ${i.bubbles.map((b) => b.body).join(' ')}${i.tick ? ' ' + i.tick : ''}`;
    if (i.kind === 'day') return i.old ? 'old day' : 'day';
    return i.kind === 'note' ? i.note.kind : i.kind;
  });

describe('groups', () => {
  it('puts together what one person says within five minutes', () => {
    const c = conversation([message(0, 'a', noon), message(1, 'a', noon + 4 * minute), message(2, 'a', noon + 10 * minute), message(3, 'b', noon + 10 * minute)]);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'a: m0 m1', 'a: m2', 'b: m3']);
  });

  it('has the time and tick of its last message', () => {
    const c = conversation([message(0, 'me', noon), message(1, 'me', noon + minute)], 0);
    const [, group] = items(input({ conversation: c }));
    expect(group).toMatchObject({ at: noon + minute, tick: 'sent' });
  });

  it('reads as read up to the horizon of the team', () => {
    const c = conversation([message(0, 'me', noon), message(1, 'a', noon), message(2, 'me', noon)], 1);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'me: m0 read', 'a: m1', 'me: m2 sent']);
  });

  it('keeps waiting messages apart from sent ones, and every failed one by itself', () => {
    const c = conversation([message(0, 'me', noon)]);
    const outgoing = [waiting('x', 'failed'), waiting('y', 'failed'), waiting('p', 'queued'), waiting('q', 'queued')];
    expect(drawn(items(input({ conversation: c, outgoing })))).toEqual(['day', 'me: m0 sent', 'me: x failed', 'me: y failed', 'me: p q queued']);
  });

  it('shows a message once when its event has come before its answer', () => {
    const c = conversation([message(0, 'me', noon, { client_id: 'p' })]);
    expect(drawn(items(input({ conversation: c, outgoing: [waiting('p', 'queued')] })))).toEqual(['day', 'me: m0 sent']);
  });

  it('gives a message the same key before and after it is sent', () => {
    const before = items(input({ outgoing: [waiting('p', 'queued')] })).at(-1)!;
    const after = items(input({ conversation: conversation([message(0, 'me', noon, { client_id: 'p' })]) })).at(-1)!;
    expect(before.key).toBe(after.key);
  });

  it('draws what was written before there was a channel', () => {
    expect(drawn(items(input({ early: [{ id: 'e', body: 'hello', at: noon }] })))).toEqual(['day', 'me: hello queued']);
  });

  it('keeps the order of indexes when clocks disagree', () => {
    const c = conversation([message(0, 'a', noon + minute), message(1, 'b', noon)]);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'a: m0', 'b: m1']);
  });
});

describe('lines', () => {
  it('separates days', () => {
    const c = conversation([message(0, 'a', noon - 24 * 60 * minute), message(1, 'a', noon)]);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'a: m0', 'day', 'a: m1']);
  });

  it('separates days by midnight where the reader is, not by 24 hours', () => {
    const midnight = new Date(2026, 3, 15).getTime();
    const c = conversation([message(0, 'a', midnight - minute), message(1, 'a', midnight + minute)]);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'a: m0', 'day', 'a: m1']);
  });

  it('marks earlier conversations of a channel that is never closed', () => {
    const c = conversation([message(0, 'a', noon - 40 * 24 * 60 * minute), message(1, 'a', noon)], -1, { long_lived: true });
    expect(drawn(items(input({ conversation: c })))).toEqual(['old day', 'a: m0', 'day', 'a: m1']);
  });

  it('has no earlier conversation when the channel is closed after each', () => {
    const c = conversation([message(0, 'a', noon - 40 * 24 * 60 * minute), message(1, 'a', noon)]);
    expect(drawn(items(input({ conversation: c })))).toEqual(['day', 'a: m0', 'day', 'a: m1']);
  });

  it('puts comings and goings where their time is', () => {
    const c = conversation([message(0, 'me', noon), message(1, 'a', noon + 2 * minute)]);
    const notes = [{ kind: 'left' as const, identity: 'a', at: new Date(noon + 3 * minute).toISOString() }, { kind: 'joined' as const, identity: 'a', at: new Date(noon + minute).toISOString() }];
    expect(drawn(items(input({ conversation: c, notes })))).toEqual(['day', 'me: m0 sent', 'joined', 'a: m1', 'left']);
  });

  it('puts the new line before the first unread message, but not on top of everything', () => {
    const c = conversation([message(0, 'a', noon), message(1, 'a', noon)]);
    expect(drawn(items(input({ conversation: c, newFrom: 1 })))).toEqual(['day', 'a: m0', 'new', 'a: m1']);
    expect(drawn(items(input({ conversation: c, newFrom: 0 })))).toEqual(['day', 'a: m0 m1']);
  });

  it('has keys of its own for everything', () => {
    const c = conversation([message(0, 'a', noon - 40 * 24 * 60 * minute), message(1, 'me', noon), message(2, 'a', noon)]);
    const all = items(input({ conversation: c, newFrom: 2, outgoing: [waiting('p', 'queued'), waiting('q', 'failed')] }));
    expect(new Set(all.map((i) => i.key)).size).toBe(all.length);
  });
});
