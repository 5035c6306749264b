import type { Media, Message, Outgoing } from '../../../stream/index.ts';
import type { Conversation } from './conversation.ts';
import type { Early, Note } from './session.ts';

// From a conversation to what the log draws: separators, lines and groups, in order. Pure.

export type Tick = 'queued' | 'sent' | 'read' | 'failed';

export interface Bubble {
  key: string;
  body: string;
  media?: Media | null;
  /** With a tick of failed: why, and the entry to send again. */
  error?: { code: number; status: number; message: string };
}

export type Item =
  | { kind: 'day'; key: string; at: number; old: boolean }
  | { kind: 'new'; key: string }
  | { kind: 'note'; key: string; at: number; note: Note }
  | { kind: 'group'; key: string; at: number; mine: boolean; author: string; bubbles: Bubble[]; tick?: Tick };

interface Entry {
  at: number;
  key: string;
  author: string;
  mine: boolean;
  body: string;
  media?: Media | null;
  index: number;
  tick?: Tick;
  error?: Bubble['error'];
  note?: Note;
}

export interface Input {
  conversation?: Conversation;
  me: string;
  notes: Note[];
  early: Early[];
  outgoing: Outgoing[];
  /** The first message that was unread when the log was opened; -1 = none. */
  newFrom: number;
}

/** Messages of one person this close belong together. */
const TOGETHER = 5 * 60_000;
/** In a channel that is never closed, silence this long parts one conversation from the next. */
const APART = 12 * 3_600_000;

const day = (at: number) => new Date(at).toDateString();

function entries(input: Input): Entry[] {
  const { conversation: c, me } = input;
  const seen = c?.seen ?? -1;
  const kept = (c?.messages ?? []).map((m: Message): Entry => {
    const mine = m.author === me;
    const tick: Tick | undefined = mine ? (m.index <= seen ? 'read' : 'sent') : undefined;
    return { at: Date.parse(m.date_created), key: m.client_id ?? m.sid, author: m.author, mine, body: m.body ?? '', media: m.media, index: m.index, tick };
  });
  const notes = input.notes.map((n): Entry => ({ at: Date.parse(n.at), key: n.kind + n.identity + n.at, author: '', mine: false, body: '', index: -1, note: n }));
  // Lines go where their time is; messages keep the order of their index, whatever their clocks say.
  const past: Entry[] = [];
  let next = 0;
  notes.sort((a, b) => a.at - b.at);
  for (const m of kept) {
    while (next < notes.length && notes[next]!.at <= m.at) past.push(notes[next++]!);
    past.push(m);
  }
  past.push(...notes.slice(next));

  const here = new Set(kept.map((m) => m.key));
  const mine = (key: string, at: number, body: string, tick: Tick, o?: Outgoing): Entry => ({ key, at, author: me, mine: true, body, media: o?.media, index: -1, tick, error: o?.error });
  const waiting = input.outgoing
    .filter((o) => o.status !== 'sent' && !here.has(o.client_id))
    .map((o) => mine(o.client_id, o.at, o.body, o.status === 'failed' ? 'failed' : 'queued', o));
  return [...past, ...waiting, ...input.early.map((e) => mine(e.id, e.at, e.body, 'queued'))];
}

/** Sent and read go together, as their shared meta line speaks of the last one. */
function joins(group: Extract<Item, { kind: 'group' }>, last: Entry, e: Entry): boolean {
  const waits = (t?: Tick) => t === 'queued' || t === 'failed';
  if (group.author !== e.author || group.mine !== e.mine || e.at - last.at > TOGETHER) return false;
  return waits(group.tick) || waits(e.tick) ? group.tick === e.tick && e.tick === 'queued' : true;
}

export function items(input: Input): Item[] {
  const out: Item[] = [];
  const all = entries(input);
  const longLived = input.conversation?.channel.attributes.long_lived === true;
  // The current conversation starts after the last long silence.
  let current = 0;
  if (longLived) for (let i = 1; i < all.length; i++) if (all[i]!.at - all[i - 1]!.at > APART) current = i;

  let group: Extract<Item, { kind: 'group' }> | undefined;
  let last: Entry | undefined;
  all.forEach((e, i) => {
    if (!last || day(last.at) !== day(e.at)) {
      out.push({ kind: 'day', key: 'day' + e.key, at: e.at, old: i < current });
      group = undefined;
    }
    if (e.index > 0 && e.index === input.newFrom) {
      out.push({ kind: 'new', key: 'new' });
      group = undefined;
    }
    if (e.note) {
      out.push({ kind: 'note', key: e.key, at: e.at, note: e.note });
      group = undefined;
    } else {
      if (!group || !joins(group, last!, e)) {
        group = { kind: 'group', key: 'g' + e.key, at: e.at, mine: e.mine, author: e.author, bubbles: [] };
        out.push(group);
      }
      group.bubbles.push(e);
      group.at = e.at;
      group.tick = e.tick;
    }
    last = e;
  });
  return out;
}
