import { describe, expect, it } from 'vitest';
import { applyChannel, applyOutgoing, applyReservation, applyTask, applyWork, mergeMessages, type Conversation } from './reduce';
import type { Event, Message, Outgoing, Reservation, Task, Work } from './types';

const task = (sid: string, more: Partial<Task> = {}) => ({ sid, attributes: { channelSid: `CH-${sid}` }, date_updated: '2030-01-01T10:00:00.000Z', ...more }) as Task;
const reservation = (sid: string, status: Reservation['reservation_status'], more: Partial<Reservation> = {}) =>
  ({ sid, reservation_status: status, task_sid: `T-${sid}`, date_updated: '2030-01-01T10:00:00.000Z', ...more }) as Reservation;
const work = (sid: string, status: Reservation['reservation_status'], more: Partial<Reservation> = {}): Work => ({ reservation: reservation(sid, status, more), task: task(`T-${sid}`) });
const message = (index: number, more: Partial<Message> = {}) => ({ sid: `IM${index}`, index, author: 'c', body: `m${index}`, ...more }) as Message;
const conversation = (more: Partial<Conversation> = {}) =>
  ({ channel: { sid: 'CH', last_index: 1, messages_count: 2, attributes: {} }, members: [], messages: [message(0), message(1)], outgoing: [], deliveries: {}, whole: true, ...more }) as unknown as Conversation;
const event = (kind: string, data: unknown) => ({ stream: 'S', epoch: 'e', offset: 1, kind, at: '', data }) as Event;

describe('the task list', () => {
  it('takes a new reservation and drops finished ones', () => {
    const one = applyReservation([], reservation('a', 'pending'), task('T-a'));
    expect(one).toHaveLength(1);
    for (const status of ['rejected', 'timeout', 'canceled', 'rescinded', 'completed'] as const) {
      expect(applyReservation(one, reservation('a', status), task('T-a'))).toEqual([]);
    }
  });

  it('keeps the expiry of a reservation when an answer leaves it out', () => {
    const items = [work('a', 'pending', { expires: 'later', timeout: 30 })];
    expect(applyReservation(items, reservation('a', 'accepted'), task('T-a'))[0]!.reservation).toMatchObject({ reservation_status: 'accepted', expires: 'later' });
  });

  it('ignores what is older, by version and by date', () => {
    const newer = [work('a', 'accepted', { version: 3 })];
    expect(applyReservation(newer, reservation('a', 'pending', { version: 2 }), task('T-a'))).toBe(newer);
    const dated = [work('a', 'accepted', { date_updated: '2030-01-01T10:00:05Z' })];
    expect(applyReservation(dated, reservation('a', 'pending'), task('T-a'))).toBe(dated);
  });

  it('replaces an earlier reservation of the same task', () => {
    const items = applyReservation([work('a', 'pending')], reservation('b', 'pending'), task('T-a'));
    expect(items.map((item) => item.reservation.sid)).toEqual(['b']);
  });

  it('follows the task and its end', () => {
    const items = [work('a', 'accepted')];
    expect(applyTask(items, task('T-a', { priority: 7 }), false)[0]!.task.priority).toBe(7);
    expect(applyWork(items, event('task.completed', { task: task('T-a') }))).toEqual([]);
    expect(applyWork(items, event('worker.updated', {}))).toBe(items);
  });
});

describe('a conversation', () => {
  it('merges pages in order, each message once', () => {
    expect(mergeMessages([message(2), message(3)], [message(0), message(2, { body: 'edited' })]).map((each) => each.body)).toEqual(['m0', 'edited', 'm3']);
  });

  it('pairs a message with the queue entry that became it', () => {
    const entry = { client_id: 'x', channel: 'CH', body: 'm2', at: 1, status: 'queued' } as Outgoing;
    const waiting = applyOutgoing(conversation(), entry);
    expect(waiting.outgoing).toHaveLength(1);
    const done = applyChannel(waiting, event('message.added', message(2, { client_id: 'x' })));
    expect(done.outgoing).toEqual([]);
    expect(done.messages).toHaveLength(3);
    expect(done.channel.last_index).toBe(2);
    const again = applyOutgoing(done, { ...entry, status: 'sent', message: message(2, { client_id: 'x' }) });
    expect(again.messages).toHaveLength(3);
  });

  it('keeps failed entries in the order of writing', () => {
    const late = { client_id: 'b', at: 2, status: 'queued' } as Outgoing;
    const early = { client_id: 'a', at: 1, status: 'failed' } as Outgoing;
    expect(applyOutgoing(applyOutgoing(conversation(), late), early).outgoing.map((each) => each.client_id)).toEqual(['a', 'b']);
  });

  it('follows edits, removals, members and the channel', () => {
    const start = conversation();
    expect(applyChannel(start, event('message.updated', message(1, { body: 'new' }))).messages[1]!.body).toBe('new');
    expect(applyChannel(start, event('message.removed', message(1))).messages).toHaveLength(1);
    const joined = applyChannel(start, event('member.added', { sid: 'MB1', identity: 'a' }));
    expect(applyChannel(joined, event('member.updated', { sid: 'MB1', identity: 'a', last_consumed_message_index: 1 })).members).toEqual([{ sid: 'MB1', identity: 'a', last_consumed_message_index: 1 }]);
    expect(applyChannel(joined, event('member.removed', { sid: 'MB1' })).members).toEqual([]);
    expect(applyChannel(start, event('channel.updated', { attributes: { status: 'INACTIVE' } })).channel.attributes).toEqual({ status: 'INACTIVE' });
  });
});
