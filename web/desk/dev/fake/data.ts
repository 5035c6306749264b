/** People, chats and settings of the made-up shop. Times are relative to the moment of loading. */
import type { Channel, Member, Message, Reservation, Task, Worker } from '../../src/api/types';

export const now = Date.now();
export const iso = (msAgo: number) => new Date(now - msAgo).toISOString();
export const SEC = 1000;
export const MIN = 60_000;
export const DAY = 86_400_000;

export const sid = (prefix: string, n: number) => prefix + (n * 2654435761 >>> 0).toString(16).padStart(8, '0').repeat(4);

export const me = 'mirela_40lantern_2Eexample';
export const WS = sid('WS', 1);
export const WK = sid('WK', 1);

export const activityList = [
  { sid: sid('WA', 1), friendly_name: 'Offline', available: false },
  { sid: sid('WA', 2), friendly_name: 'Available', available: true },
  { sid: sid('WA', 3), friendly_name: 'Break', available: false },
  { sid: sid('WA', 4), friendly_name: 'Lunch', available: false },
  { sid: sid('WA', 5), friendly_name: 'Workshop call', available: false },
];

export interface Chat {
  channel: Channel;
  members: Member[];
  messages: Message[];
  offset: number;
}

let made = 0;

function member(channel: string, identity: string, name: string, kind: Member['kind'], ago: number, horizon: number | null): Member {
  return {
    sid: sid('MB', ++made + 900), channel_sid: channel, identity, friendly_name: name, role_sid: sid('RL', 1), attributes: {},
    last_consumed_message_index: horizon, last_consumption_timestamp: null, date_created: iso(ago), date_updated: iso(ago), kind,
  };
}

/** [seconds ago, author ('c' customer, 'm' me, else an identity), text] */
type Line = [ago: number, author: string, text: string];

export function chat(n: number, name: string, customer: string, lines: Line[], o: { joined: number; mine: number; theirs: number; attributes?: Record<string, unknown> }): Chat {
  const channel = sid('CH', n);
  const who = (author: string) => (author === 'c' ? customer : author === 'm' ? me : author);
  const messages = lines.map(([ago, author, body], index): Message => ({
    sid: sid('IM', n * 100 + index), channel_sid: channel, index, author: who(author), member_sid: null, body, attributes: {}, type: 'text', media: null,
    date_created: iso(ago * SEC), date_updated: iso(ago * SEC), last_updated_by: null, was_edited: false,
  }));
  return {
    channel: {
      sid: channel, service_sid: sid('IS', 1), friendly_name: name, unique_name: null, type: 'private',
      attributes: { status: 'ACTIVE', from: name, channel_type: 'web', long_lived: true, ...o.attributes },
      created_by: 'system', date_created: iso(lines[0]![0] * SEC), date_updated: iso(0), members_count: 2, messages_count: messages.length, last_index: messages.length - 1,
    },
    members: [
      member(channel, customer, name, 'customer', lines[0]![0] * SEC, o.theirs),
      member(channel, me, 'Mirela Popescu', 'agent', o.joined * SEC, o.mine),
    ],
    messages,
    offset: messages.length + 2,
  };
}

export function work(n: number, name: string, type: string, status: Reservation['reservation_status'], age: number, attributes: Record<string, unknown> = {}) {
  const task: Task = {
    sid: sid('WT', n), workspace_sid: WS, workflow_sid: sid('WW', 1), workflow_friendly_name: 'Assign to Anyone', task_queue_sid: sid('WQ', 1), task_queue_friendly_name: 'Orders',
    task_channel_sid: sid('TC', 2), task_channel_unique_name: 'chat', assignment_status: status === 'pending' ? 'reserved' : status === 'wrapping' ? 'wrapping' : 'assigned',
    attributes: { channelSid: sid('CH', n), name, channelType: type, flexFlowSid: sid('FO', 1), ...attributes },
    priority: 10, age, reason: null, timeout: 86400, date_created: iso(age * SEC), date_updated: iso(age * SEC), version: 1,
  };
  const reservation: Reservation = {
    sid: sid('WR', n), workspace_sid: WS, task_sid: task.sid, worker_sid: WK, worker_name: 'mirela@lantern.example', reservation_status: status,
    date_created: iso(12 * SEC), date_updated: iso(12 * SEC), timeout: 30, expires: new Date(now + 18.5 * SEC).toISOString(), version: 1,
  };
  return { reservation, task };
}

export const workerRow = (n: number, name: string, activity: number, skills: string[], sinceMin: number, email?: string): Worker => ({
  sid: sid('WK', n), workspace_sid: WS, friendly_name: email ?? name, activity_sid: activityList[activity]!.sid, activity_name: activityList[activity]!.friendly_name,
  available: activityList[activity]!.available, date_created: iso(90 * DAY), date_updated: iso(DAY), date_status_changed: iso(sinceMin * MIN), version: 1,
  attributes: { full_name: name, email: email ?? '', contact_uri: `client:${n}`, routing: { skills, levels: {} }, roles: ['agent'] },
});
