import type { Channel, Event, History, Member, Message } from '../../../stream/index.ts';

// The conversation as a value: snapshots and events go in, a new value comes out. Applying one twice changes nothing.

export interface Conversation {
  /** The visitor's identity. */
  me: string;
  channel: Channel;
  /** By identity. */
  members: Record<string, Member>;
  /** Ascending and without a gap. */
  messages: Message[];
  /** Everything up to here was read by somebody on the team, who may have left since; -1 = nothing. */
  seen: number;
}

const byIdentity = (members: Member[]) => Object.fromEntries(members.map((m) => [m.identity, m]));

function merge(old: Message[], more: Message[]): Message[] {
  const all = new Map(old.map((m) => [m.index, m]));
  for (const m of more) all.set(m.index, m);
  return [...all.values()].sort((a, b) => a.index - b.index);
}

/** Whoever else takes part and is no machine: what adds people over REST does not say that they are agents. */
export const isTeam = (m: Member, me: string) => m.kind !== 'system' && m.identity !== me;

const readByTeam = (m: Member, me: string) => (isTeam(m, me) ? (m.last_consumed_message_index ?? -1) : -1);

/** The newest page. What was loaded before stays when the page joins on to it. seen: as remembered from an earlier visit. */
export function withSnapshot(old: Conversation | undefined, h: History, me: string, seen = -1): Conversation {
  const first = h.messages[0]?.index ?? 0;
  const kept = old?.channel.sid === h.channel.sid && (old.messages.at(-1)?.index ?? -1) >= first - 1;
  return {
    me,
    channel: h.channel,
    members: byIdentity(h.members),
    messages: kept ? merge(old.messages, h.messages) : h.messages,
    seen: Math.max(old?.seen ?? -1, seen, ...h.members.map((m) => readByTeam(m, me))),
  };
}

/** A page from before. */
export function withEarlier(old: Conversation, h: History): Conversation {
  return { ...old, messages: merge(h.messages, old.messages) };
}

export function withMessage(old: Conversation, m: Message): Conversation {
  const had = old.messages.find((x) => x.index === m.index);
  if (had && had.date_updated >= m.date_updated) return old;
  return { ...old, messages: merge(old.messages, [m]) };
}

export function withEvent(old: Conversation, e: Event): Conversation {
  switch (e.kind) {
    case 'message.added':
    case 'message.updated':
      return withMessage(old, e.data);
    case 'message.removed':
      return { ...old, messages: old.messages.filter((m) => m.sid !== e.data.sid) };
    case 'member.added':
    case 'member.updated':
      return { ...old, members: { ...old.members, [e.data.identity]: e.data }, seen: Math.max(old.seen, readByTeam(e.data, old.me)) };
    case 'member.removed': {
      const members = { ...old.members };
      delete members[e.data.identity];
      return { ...old, members };
    }
    case 'channel.updated':
      return { ...old, channel: e.data };
    default:
      return old;
  }
}

/** Is there something before the first message at hand? */
export const hasEarlier = (c: Conversation) => (c.messages[0]?.index ?? 0) > 0;

export const isEnded = (c: Conversation) => c.channel.attributes.status === 'INACTIVE';

/** The team's people in the conversation, the one who came last first. */
export function team(c: Conversation): Member[] {
  return Object.values(c.members)
    .filter((m) => isTeam(m, c.me))
    .sort((a, b) => (a.date_created < b.date_created ? 1 : -1));
}

/** Messages of others after the given one. */
export function unreadAfter(c: Conversation, horizon: number): Message[] {
  return c.messages.filter((m) => m.index > horizon && m.author !== c.me);
}
