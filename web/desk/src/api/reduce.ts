/** Events of the stream applied to what the query cache holds. Pure: values in, values out. */
import type { Channel, Delivery, Event, Member, Message, Outgoing, Reservation, Task, Work, Worker } from './types';

/** One chat channel as far as it is loaded. */
export interface Conversation {
  channel: Channel;
  members: Member[];
  /** Ascending by index; holes never, older ones may be missing at the front. */
  messages: Message[];
  /** Own messages that are not confirmed yet, oldest first. */
  outgoing: Outgoing[];
  /** What became of messages that a carrier carries, by their SIDs. */
  deliveries: Deliveries;
  /** Nothing older than the first message exists. */
  whole: boolean;
}

export type Deliveries = Readonly<Record<string, Delivery>>;

const ended = new Set(['rejected', 'timeout', 'canceled', 'rescinded', 'completed']);

/** True when `next` is not older than `kept`. */
function newer<T extends { version?: number; date_updated: string }>(next: T, kept: T): boolean {
  if (next.version !== undefined && kept.version !== undefined) return next.version >= kept.version;
  return Date.parse(next.date_updated) >= Date.parse(kept.date_updated);
}

/** The task list after a reservation changed. Finished ones leave it; expiry facts of a pending one are kept. */
export function applyReservation(items: Work[], reservation: Reservation, task: Task): Work[] {
  const at = items.findIndex((item) => item.reservation.sid === reservation.sid);
  const kept = items[at];
  if (kept && !newer(reservation, kept.reservation)) return items;
  if (ended.has(reservation.reservation_status)) return items.filter((item) => item.reservation.sid !== reservation.sid);
  const next: Work = {
    reservation: kept ? { ...kept.reservation, ...reservation } : reservation,
    task: kept ? freshest(task, kept.task) : task,
  };
  if (!kept) return [...items.filter((item) => item.task.sid !== task.sid), next];
  return items.map((item, index) => (index === at ? next : item));
}

function freshest(task: Task, kept: Task): Task {
  return newer(task, kept) ? { ...kept, ...task } : kept;
}

/** The task list after a task changed; a finished task takes its entry along. */
export function applyTask(items: Work[], task: Task, gone: boolean): Work[] {
  if (gone) return items.filter((item) => item.task.sid !== task.sid);
  return items.map((item) => (item.task.sid === task.sid ? { ...item, task: freshest(task, item.task) } : item));
}

/** Any event of the worker's stream on the task list. */
export function applyWork(items: Work[], event: Event): Work[] {
  switch (event.kind) {
    case 'reservation.created':
    case 'reservation.accepted':
    case 'reservation.rejected':
    case 'reservation.timeout':
    case 'reservation.canceled':
    case 'reservation.rescinded':
    case 'reservation.wrapup':
    case 'reservation.completed':
      return applyReservation(items, event.data.reservation, event.data.task);
    case 'task.updated':
    case 'task.wrapup':
      return applyTask(items, event.data.task, false);
    case 'task.canceled':
    case 'task.completed':
    case 'task.deleted':
      return applyTask(items, event.data.task, true);
    default:
      return items;
  }
}

export function applyWorker(worker: Worker | undefined, event: Event): Worker | undefined {
  if (event.kind !== 'worker.updated' && event.kind !== 'worker.activity.updated') return worker;
  const next = event.data.worker;
  return worker && !newer(next, worker) ? worker : { ...worker, ...next };
}

/** Messages of two pages as one ascending list; the later copy of a message wins. */
export function mergeMessages(old: Message[], fresh: Message[]): Message[] {
  const byIndex = new Map(old.map((message) => [message.index, message]));
  fresh.forEach((message) => byIndex.set(message.index, message));
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

/** Deliveries with what is newer of others. */
export function mergeDeliveries(old: Deliveries, fresh: Delivery[]): Deliveries {
  const out = { ...old };
  for (const each of fresh) {
    const kept = out[each.message_sid];
    if (!kept || newer(each, kept)) out[each.message_sid] = each;
  }
  return out;
}

/** Any event of a channel's stream on its conversation. */
export function applyChannel(conversation: Conversation, event: Event): Conversation {
  switch (event.kind) {
    case 'message.added':
      return {
        ...conversation,
        messages: mergeMessages(conversation.messages, [event.data]),
        outgoing: conversation.outgoing.filter((entry) => entry.client_id !== event.data.client_id),
        channel: {
          ...conversation.channel,
          last_index: Math.max(conversation.channel.last_index, event.data.index),
          messages_count: Math.max(conversation.channel.messages_count, conversation.messages.length),
        },
      };
    case 'message.updated':
      return { ...conversation, messages: conversation.messages.map((message) => (message.sid === event.data.sid ? event.data : message)) };
    case 'message.removed':
      return { ...conversation, messages: conversation.messages.filter((message) => message.sid !== event.data.sid) };
    case 'message.delivery':
      return { ...conversation, deliveries: mergeDeliveries(conversation.deliveries, [event.data]) };
    case 'member.added':
    case 'member.updated': {
      const others = conversation.members.filter((member) => member.sid !== event.data.sid && member.identity !== event.data.identity);
      return { ...conversation, members: [...others, event.data] };
    }
    case 'member.removed':
      return { ...conversation, members: conversation.members.filter((member) => member.sid !== event.data.sid) };
    case 'channel.updated':
      return { ...conversation, channel: { ...conversation.channel, ...event.data } };
    default:
      return conversation;
  }
}

/** The queue's entry put in its place: sent ones leave once their message is there. */
export function applyOutgoing(conversation: Conversation, entry: Outgoing): Conversation {
  const others = conversation.outgoing.filter((other) => other.client_id !== entry.client_id);
  if (entry.status === 'sent') {
    const messages = entry.message ? mergeMessages(conversation.messages, [entry.message]) : conversation.messages;
    return { ...conversation, messages, outgoing: others };
  }
  return { ...conversation, outgoing: [...others, entry].sort((a, b) => a.at - b.at) };
}
