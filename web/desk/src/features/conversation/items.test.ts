import { describe, expect, it } from 'vitest';
import { mergeDeliveries, type Conversation } from '../../api/reduce';
import { earlierSessions, sessionTitle } from '../../api/sessions';
import type { Delivery, Message, Outgoing } from '../../api/types';
import { buildItems, linkify, type Item } from './items';

const START = Date.parse('2030-04-14T10:00:00Z');
const at = (minutes: number) => new Date(START + minutes * 60_000).toISOString();
let index = 0;
const message = (minutes: number, author: string, body = 'words'): Message => ({ sid: `IM${index}`, index: index++, author, body, date_created: at(minutes) }) as Message;

function conversation(messages: Message[], more: Partial<Conversation> = {}): Conversation {
  return {
    channel: { sid: 'CH', last_index: messages.length - 1, attributes: {} },
    members: [
      { sid: 'MB1', identity: 'cust', kind: 'customer', friendly_name: 'Ana Pires', last_consumed_message_index: null, date_created: at(-99) },
      { sid: 'MB2', identity: 'me', kind: 'agent', friendly_name: 'Mirela Popescu', last_consumed_message_index: null, date_created: at(1) },
    ],
    messages, outgoing: [], deliveries: {}, whole: true, ...more,
  } as unknown as Conversation;
}

const build = (c: Conversation, newFrom?: number) => buildItems(c, { identity: 'me', taskStart: START, newFrom, customer: 'Ana Pires', seed: 's' });
const kinds = (items: Item[]) => items.map((item) => item.kind);

describe('buildItems', () => {
  it('parts earlier conversations from this one, by silence and by the task', () => {
    index = 0;
    const c = conversation([message(-60 * 24 * 40, 'cust', 'first'), message(-60 * 24 * 40 + 1, 'raf'), message(-60 * 24 * 9, 'cust', 'second'), message(0.1, 'cust'), message(2, 'me')]);
    expect(kinds(build(c))).toEqual(['begin', 'earlier', 'group', 'group', 'earlier', 'group', 'day', 'group', 'system', 'group']);
    const sessions = earlierSessions(c.messages, START);
    expect(sessions.map((session) => sessionTitle(session, c))).toEqual(['first', 'second']);
  });

  it('says where this conversation begins when the earlier one was the same day', () => {
    index = 0;
    expect(kinds(build(conversation([message(-30, 'cust'), message(0.1, 'cust')])))).toEqual(['begin', 'earlier', 'group', 'current', 'group', 'system']);
  });

  it('groups one writer within five minutes, and starts a group after the New line', () => {
    index = 0;
    const c = conversation([message(0, 'cust'), message(1, 'cust'), message(9, 'cust'), message(9.5, 'cust')], { members: conversation([]).members.slice(0, 1) });
    const items = build(c, 3);
    expect(kinds(items)).toEqual(['begin', 'day', 'group', 'group', 'new', 'group']);
    expect(items.filter((item) => item.kind === 'group').map((item) => item.bubbles.length)).toEqual([2, 1, 1]);
  });

  it('says read up to the customer’s horizon, and queued or failed for what waits', () => {
    index = 0;
    const c = conversation([message(0, 'cust'), message(1, 'me'), message(8, 'me')]);
    c.members[0]!.last_consumed_message_index = 1;
    c.outgoing = [{ client_id: 'a', body: 'x', at: 1, status: 'queued' }, { client_id: 'b', body: 'y', at: 2, status: 'queued' }, { client_id: 'f', body: 'z', at: 3, status: 'failed' }] as Outgoing[];
    const groups = build(c).filter((item) => item.kind === 'group');
    expect(groups.map((group) => group.state)).toEqual(['in', 'read', 'sent', 'queued', 'failed']);
    expect(groups[3]!.bubbles).toHaveLength(2);
    expect(groups[0]!.name).toBe('Ana');
  });
});

describe('what a carrier says', () => {
  const delivery = (sid: string, status: Delivery['status'], error_code: number | null = null): Delivery =>
    ({ message_sid: sid, channel_sid: 'CH', index: 0, status, error_code, reason: null, messages: [], date_updated: at(9) });

  it('counts more than the horizon, and what did not arrive stands alone', () => {
    index = 0;
    const c = conversation([message(1, 'me'), message(1.1, 'me'), message(1.2, 'me'), message(1.3, 'me'), message(1.4, 'me')], { members: conversation([]).members.slice(0, 1) });
    const sids = c.messages.map((each) => each.sid);
    c.deliveries = mergeDeliveries({}, [delivery(sids[0]!, 'delivered'), delivery(sids[1]!, 'read'), delivery(sids[2]!, 'undelivered', 30003), delivery(sids[3]!, 'queued'), delivery(sids[4]!, 'sent')]);
    c.members[0]!.last_consumed_message_index = 99;
    const groups = build(c).filter((item) => item.kind === 'group');
    expect(groups.map((group) => [group.state, group.bubbles.length])).toEqual([['read', 2], ['undelivered', 1], ['sent', 2]]);
    expect(groups[1]!.bubbles[0]!.delivery?.error_code).toBe(30003);
  });

  it('is never older than what was heard before', () => {
    const late = { ...delivery('IM1', 'sent'), date_updated: at(8) };
    expect(mergeDeliveries({ IM1: delivery('IM1', 'delivered') }, [late]).IM1!.status).toBe('delivered');
    expect(mergeDeliveries({}, [late]).IM1!.status).toBe('sent');
  });
});

describe('linkify', () => {
  it('links http and https only, without the full stop', () => {
    expect(linkify('See https://a.example/x, or javascript:alert(1).')).toEqual([
      { text: 'See ' }, { text: 'https://a.example/x', href: 'https://a.example/x' }, { text: ', or javascript:alert(1).' },
    ]);
    expect(linkify('none')).toEqual([{ text: 'none' }]);
  });
});
