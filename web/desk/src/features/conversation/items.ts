/** A conversation as the rows of its log: days, dividers, system lines, groups of bubbles. Pure. */
import { customerOf, fromTeam, plainIdentity } from '../../api/queries';
import type { Conversation } from '../../api/reduce';
import type { Delivery, Member, Message, Outgoing } from '../../api/types';
import { earlierSessions, time } from '../../api/sessions';
import { daysAgo } from '../../i18n/format';

/** One bubble: a kept message or one that waits in the queue. */
export interface Bubble {
  key: string;
  text: string;
  at: number;
  message?: Message;
  outgoing?: Outgoing;
  delivery?: Delivery;
}

export type Item =
  | { kind: 'begin'; key: string }
  | { kind: 'day'; key: string; at: number }
  | { kind: 'earlier'; key: string; at: number }
  | { kind: 'current'; key: string; at: number }
  | { kind: 'new'; key: string }
  | { kind: 'system'; key: string; at: number; what: 'accepted' | 'joined'; name: string }
  | { kind: 'group'; key: string; out: boolean; mine: boolean; name: string; full: string; seed: string; bubbles: Bubble[]; state: GroupState };

/** What the meta line says about a group of ours. */
export type GroupState = 'in' | 'sent' | 'delivered' | 'read' | 'queued' | 'carried' | 'undelivered' | 'failed';

export interface Options {
  identity: string;
  /** When this conversation began, ms since 1970. */
  taskStart: number;
  /** Index of the first message that was unread when the log opened. */
  newFrom?: number;
  customer: string;
  /** What the customer's avatar is coloured by. */
  seed: string;
}

/** Bubbles of one writer within this time stand together. */
const GROUP = 5 * 60_000;
const GROUP_MAX = 20;
function systemLines(members: Member[], { identity, taskStart }: Options): Item[] {
  return members
    .filter((member) => member.kind === 'agent' && Date.parse(member.date_created) >= taskStart)
    .map((member) => ({
      kind: 'system' as const,
      key: `member-${member.sid}`,
      at: Date.parse(member.date_created),
      what: member.identity === identity ? ('accepted' as const) : ('joined' as const),
      name: nameOf(member, member.identity),
    }))
    .sort((a, b) => a.at - b.at);
}

const nameOf = (member: Member | undefined, identity: string) => member?.friendly_name?.trim() || plainIdentity(identity);

/** What somebody is called in passing. */
export const firstName = (name: string) => (name.includes('@') ? name : (name.split(/\s+/)[0] ?? name));

const carrierStates: Record<Delivery['status'], GroupState> = {
  accepted: 'carried', scheduled: 'carried', queued: 'carried', sending: 'carried', sent: 'sent', delivered: 'delivered', read: 'read',
  undelivered: 'undelivered', failed: 'undelivered', canceled: 'undelivered',
};

/** What a carrier has said of a message counts more than how far somebody has read. */
function stateOf(message: Message, horizon: number, delivery: Delivery | undefined): GroupState {
  if (delivery) return carrierStates[delivery.status] ?? 'carried';
  return message.index <= horizon ? 'read' : 'sent';
}

/** One meta line speaks for a group: a message that did not arrive stands alone. */
const together = (a: GroupState, b: GroupState) => a !== 'undelivered' && b !== 'undelivered';

/** Builds the rows. Stable keys: a row keeps its key while its first message is the same. */
export function buildItems(conversation: Conversation, options: Options): Item[] {
  const { identity, taskStart, newFrom, customer } = options;
  const items: Item[] = [];
  const starts = new Map(earlierSessions(conversation.messages, taskStart).map((session) => [session.index, session]));
  const horizon = customerOf(conversation)?.last_consumed_message_index ?? -1;
  const members = new Map(conversation.members.map((member) => [member.identity, member]));
  const lines = systemLines(conversation.members, options);
  let day: number | undefined;
  let before = false;
  let open: Extract<Item, { kind: 'group' }> | undefined;
  const push = (item: Item) => {
    open = undefined;
    items.push(item);
  };
  const flushLines = (until: number) => {
    while (lines[0] && 'at' in lines[0] && lines[0].at <= until) push(lines.shift()!);
  };
  if (conversation.whole && conversation.messages.length > 0) push({ kind: 'begin', key: 'begin' });
  for (const message of conversation.messages) {
    const at = time(message);
    flushLines(at);
    const session = starts.get(message.index);
    const changed = day === undefined || daysAgo(day, at) !== 0;
    if (session) push({ kind: 'earlier', key: `earlier-${message.index}`, at });
    else if (changed) push({ kind: 'day', key: `day-${message.index}`, at });
    else if (before && at >= taskStart) push({ kind: 'current', key: 'current', at });
    before = at < taskStart;
    day = at;
    if (message.index === newFrom) push({ kind: 'new', key: 'new' });
    const delivery = conversation.deliveries?.[message.sid];
    const bubble: Bubble = { key: message.client_id ?? message.sid, text: message.body ?? '', at, message, delivery };
    const last = open?.bubbles.at(-1);
    const out = fromTeam(conversation, message.author);
    const mine = message.author === identity;
    const state: GroupState = out ? stateOf(message, horizon, delivery) : 'in';
    if (open && last?.message?.author === message.author && at - last.at < GROUP && open.bubbles.length < GROUP_MAX && together(open.state, state)) {
      open.bubbles.push(bubble);
      open.state = state;
      continue;
    }
    const name = out ? firstName(nameOf(members.get(message.author), message.author)) : firstName(customer);
    const group: Item = { kind: 'group', key: `group-${bubble.key}`, out, mine, name, full: out ? name : customer, seed: out ? message.author : options.seed, bubbles: [bubble], state };
    push(group);
    open = group;
  }
  flushLines(Infinity);
  for (const entry of conversation.outgoing) {
    const state: GroupState = entry.status === 'failed' ? 'failed' : 'queued';
    const bubble: Bubble = { key: entry.client_id, text: entry.body, at: entry.at, outgoing: entry };
    if (open?.state === 'queued' && state === 'queued') {
      open.bubbles.push(bubble);
      continue;
    }
    const group: Item = { kind: 'group', key: `group-${entry.client_id}`, out: true, mine: true, name: '', full: '', seed: identity, bubbles: [bubble], state };
    push(group);
    open = state === 'queued' ? group : undefined;
  }
  return items;
}

/** Text and links of a message: only http and https become links. */
export function linkify(text: string): { text: string; href?: string }[] {
  const parts: { text: string; href?: string }[] = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+/g)) {
    const url = match[0].replace(/[.,;:!?)\]}’”]+$/, '');
    if (match.index > from) parts.push({ text: text.slice(from, match.index) });
    parts.push({ text: url, href: url });
    from = match.index + url.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}
