import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../api/reduce';
import type { Work } from '../../api/types';
import { countdown } from './countdown';
import { parseLedger, spentToday, tally } from './ledger';
import { keepOrder, lastSaid, longestFirst, toRow, type Row } from './order';

const noon = new Date(2030, 3, 14, 12).getTime();
const iso = (minutes: number) => new Date(noon + minutes * 60_000).toISOString();

describe('ledger of today', () => {
  it('adds up each status and goes on with the running one', () => {
    let ledger = tally(null, 'on', noon, noon);
    ledger = tally(ledger, 'break', noon + 600_000, noon + 600_000);
    ledger = tally(ledger, 'on', noon + 900_000, noon + 900_000);
    expect(spentToday(ledger, 'on', noon + 960_000)).toBe(660);
    expect(spentToday(ledger, 'break', noon + 960_000)).toBe(300);
    expect(spentToday(ledger, 'lunch', noon)).toBe(0);
  });

  it('counts from midnight, starts a new day anew, and survives rubbish', () => {
    const yesterday = tally(null, 'on', noon - 86_400_000, noon - 86_400_000);
    const today = tally(yesterday, 'on', noon - 86_400_000, noon);
    expect(spentToday(today, 'on', noon)).toBe(12 * 3600);
    expect(parseLedger('{')).toBeNull();
    expect(parseLedger(JSON.stringify(today))).toEqual(today);
  });
});

describe('countdown', () => {
  it('is calm, then amber from 10 s, red from 5 s, and never below zero', () => {
    const reservation = { date_created: iso(0), expires: new Date(noon + 30_000).toISOString(), timeout: 30 };
    expect(countdown(reservation, noon)).toEqual({ left: 30, percent: 100, tone: '' });
    expect(countdown(reservation, noon + 20_000).tone).toBe('a');
    expect(countdown(reservation, noon + 25_000).tone).toBe('r');
    expect(countdown(reservation, noon + 99_000)).toEqual({ left: 0, percent: 0, tone: 'r' });
    expect(countdown({ date_created: iso(0), expires: undefined, timeout: undefined }, noon).left).toBe(120);
  });
});

const chat = (lines: [number, string][], horizon = -1): Conversation => ({
  channel: {}, outgoing: [], whole: true,
  members: [{ identity: 'c', kind: 'customer' }, { identity: 'me', kind: 'agent', last_consumed_message_index: horizon }],
  messages: lines.map(([minutes, author], index) => ({ index, author, body: `m${index}`, date_created: iso(minutes) })),
}) as unknown as Conversation;
const item = (sid: string) => ({ task: { sid, date_created: iso(-60), attributes: {} } }) as Work;
const sids = (rows: Row[]) => rows.map((row) => row.item.task.sid);

describe('order of the list', () => {
  const rows = [
    toRow(item('answered'), chat([[-9, 'c'], [-8, 'me']]), 'me'),
    toRow(item('short'), chat([[-9, 'me'], [-1, 'c']], 0), 'me'),
    toRow(item('long'), chat([[-9, 'me'], [-6, 'c'], [-2, 'c']], 1), 'me'),
    toRow(item('bare'), undefined, 'me'),
  ];

  it('puts the longest waiting first, counted from the first unanswered message', () => {
    expect(sids(longestFirst(rows))).toEqual(['long', 'short', 'answered', 'bare']);
    expect(rows[2]!.waiting).toBe(noon - 6 * 60_000);
    expect(rows.map((row) => row.unread)).toEqual([1, 1, 1, 0]);
  });

  it('keeps places while frozen and shows the last words', () => {
    expect(sids(keepOrder(rows, ['bare', 'short', 'answered']))).toEqual(['bare', 'short', 'answered', 'long']);
    expect(lastSaid(chat([[-2, 'c'], [-1, 'me']]))).toEqual({ text: 'm1', ours: true });
    expect(lastSaid(chat([]))).toBeUndefined();
  });
});
