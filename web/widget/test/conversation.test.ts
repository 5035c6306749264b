import { describe, expect, it } from 'vitest';
import type { Event, History, Member, Message } from '../../stream/index.ts';
import { hasEarlier, isEnded, team, unreadAfter, withEarlier, withEvent, withMessage, withSnapshot as snapshot, type Conversation } from '../app/core/conversation.ts';

const withSnapshot = (old: Conversation | undefined, h: History, seen?: number) => snapshot(old, h, 'me', seen);
const message = (index: number, author = 'a', updated = '2026-04-14T10:00:00.000Z') => ({ sid: 'IM' + index, index, author, date_created: updated, date_updated: updated, body: 'm' + index }) as Message;
const member = (identity: string, kind: Member['kind'], read: number | null = null, since = '1') => ({ identity, kind, last_consumed_message_index: read, date_created: since }) as Member;
const page = (messages: Message[], members: Member[] = [], sid = 'CH1') => ({ channel: { sid, attributes: { status: 'ACTIVE' } }, members, messages, epoch: 'e', offset: 1 }) as unknown as History;
const event = (kind: string, data: unknown) => ({ kind, data }) as Event;
const indexes = (c: { messages: Message[] }) => c.messages.map((m) => m.index);

describe('snapshots', () => {
  it('join on to what is there', () => {
    const c = withSnapshot(withSnapshot(undefined, page([message(0), message(1)])), page([message(1), message(2)]));
    expect(indexes(c)).toEqual([0, 1, 2]);
  });

  it('replace what is there when something is missing in between', () => {
    const c = withSnapshot(withSnapshot(undefined, page([message(0), message(1)])), page([message(7), message(8)]));
    expect(indexes(c)).toEqual([7, 8]);
    expect(hasEarlier(c)).toBe(true);
  });

  it('replace what belongs to another channel', () => {
    const c = withSnapshot(withSnapshot(undefined, page([message(0), message(1)])), page([message(1)], [], 'CH2'));
    expect(indexes(c)).toEqual([1]);
  });

  it('take pages from before', () => {
    const c = withEarlier(withSnapshot(undefined, page([message(2), message(3)])), page([message(0), message(1)]));
    expect(indexes(c)).toEqual([0, 1, 2, 3]);
    expect(hasEarlier(c)).toBe(false);
  });
});

describe('events', () => {
  const start = withSnapshot(undefined, page([message(0)], [member('me', 'customer'), member('b', 'agent', 0, '2')]));

  it('change nothing when they come twice', () => {
    const once = withEvent(start, event('message.added', message(1)));
    expect(indexes(withEvent(once, event('message.added', message(1))))).toEqual([0, 1]);
    expect(withMessage(once, message(1))).toBe(once);
  });

  it('take the newer text of an edited message', () => {
    const later = { ...message(0, 'a', '2026-04-14T11:00:00.000Z'), body: 'new' };
    const c = withEvent(start, event('message.updated', later));
    expect(c.messages[0]!.body).toBe('new');
    expect(withMessage(c, message(0)).messages[0]!.body).toBe('new');
  });

  it('remove messages', () => {
    expect(indexes(withEvent(start, event('message.removed', message(0))))).toEqual([]);
  });

  it('remember what was read after the reader has left', () => {
    const left = withEvent(start, event('member.removed', member('b', 'agent')));
    expect(team(left)).toEqual([]);
    expect(left.seen).toBe(0);
  });

  it('remember what was read before this visit', () => {
    expect(withSnapshot(undefined, page([message(0)]), 5).seen).toBe(5);
  });

  it('count people added over REST to the team, machines not', () => {
    const c = withSnapshot(undefined, page([message(0)], [member('me', 'customer', 9), member('r', 'customer', 0), member('bot', 'system', 7)]));
    expect(team(c).map((m) => m.identity)).toEqual(['r']);
    expect(c.seen).toBe(0);
  });

  it('put the agent who came last first', () => {
    const c = withEvent(start, event('member.added', member('c', 'agent', null, '3')));
    expect(team(c).map((m) => m.identity)).toEqual(['c', 'b']);
  });

  it('end the conversation', () => {
    expect(isEnded(start)).toBe(false);
    expect(isEnded(withEvent(start, event('channel.updated', { sid: 'CH1', attributes: { status: 'INACTIVE' } })))).toBe(true);
  });

  it('leave alone what is about something else', () => {
    expect(withEvent(start, event('task.created', {}))).toBe(start);
  });
});

it('counts what others have written after a place', () => {
  const c = withSnapshot(undefined, page([message(0, 'me'), message(1, 'b'), message(2, 'me'), message(3, 'b')]));
  expect(unreadAfter(c, 1).map((m) => m.index)).toEqual([3]);
});
