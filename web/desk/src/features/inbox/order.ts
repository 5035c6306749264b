/** Order and preview of the task list. Pure. */
import { fromTeam, unreadOf, waitingSince } from '../../api/queries';
import type { Conversation } from '../../api/reduce';
import type { Work } from '../../api/types';

export interface Row {
  item: Work;
  conversation?: Conversation;
  unread: number;
  /** Since when the customer waits; undefined when nobody does. */
  waiting?: number;
}

export function toRow(item: Work, conversation: Conversation | undefined, identity: string): Row {
  if (!conversation) return { item, unread: 0 };
  return { item, conversation, unread: unreadOf(conversation, identity), waiting: waitingSince(conversation) };
}

/** Longest waiting first; those who wait for nothing follow, latest activity first. */
export function longestFirst(rows: Row[]): Row[] {
  const last = (row: Row) => Date.parse(row.conversation?.messages.at(-1)?.date_created ?? row.item.task.date_created);
  return [...rows].sort((a, b) => {
    if (a.waiting !== undefined && b.waiting !== undefined) return a.waiting - b.waiting;
    if (a.waiting !== undefined) return -1;
    if (b.waiting !== undefined) return 1;
    return last(b) - last(a);
  });
}

/** Keeps the order of what was there: nothing may move under the pointer. New rows go to the end. */
export function keepOrder(rows: Row[], before: string[]): Row[] {
  const place = (row: Row) => {
    const at = before.indexOf(row.item.task.sid);
    return at < 0 ? before.length : at;
  };
  return [...rows].sort((a, b) => place(a) - place(b));
}

/** The last thing said, and by which side. */
export function lastSaid(conversation: Conversation): { text: string; ours: boolean } | undefined {
  const queued = conversation.outgoing.at(-1);
  if (queued) return { text: queued.body || queued.media?.filename || '', ours: true };
  for (let at = conversation.messages.length - 1; at >= 0; at--) {
    const message = conversation.messages[at]!;
    const text = message.body?.trim() || message.media?.filename || '';
    if (text) return { text, ours: fromTeam(conversation, message.author) };
  }
  return undefined;
}
