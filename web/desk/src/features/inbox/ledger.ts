/** How long each status lasted today, as seen on this device. The server tells only the current one and its start. */

/** Seconds per activity SID for one calendar day, and the status that runs. */
export interface Ledger {
  day: string;
  totals: Record<string, number>;
  activity: string;
  /** Start of the running status, ms since 1970. */
  since: number;
}

/** The viewer's calendar day. */
export const dayOf = (ms: number) => {
  const date = new Date(ms);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
};

const midnight = (ms: number) => new Date(ms).setHours(0, 0, 0, 0);

/** The ledger after the server named the current status. A new day starts it anew. */
export function tally(old: Ledger | null, activity: string, since: number, now: number): Ledger {
  const day = dayOf(now);
  const kept = old?.day === day ? old : null;
  if (!kept) return { day, totals: {}, activity, since };
  if (kept.activity === activity) return kept.since === since ? kept : { ...kept, since: Math.min(kept.since, since) };
  const spent = Math.max(0, since - Math.max(kept.since, midnight(now))) / 1000;
  const totals = { ...kept.totals, [kept.activity]: (kept.totals[kept.activity] ?? 0) + spent };
  return { day, totals, activity, since };
}

/** Seconds that an activity lasted today; the running one goes on. */
export function spentToday(ledger: Ledger, activity: string, now: number): number {
  const done = ledger.totals[activity] ?? 0;
  if (ledger.activity !== activity) return done;
  return done + Math.max(0, now - Math.max(ledger.since, midnight(now))) / 1000;
}

/** Reads a kept ledger; anything unreadable is none. */
export function parseLedger(text: string | null): Ledger | null {
  try {
    const value = JSON.parse(text ?? 'null') as Ledger | null;
    return value && typeof value.day === 'string' && typeof value.since === 'number' && value.totals ? value : null;
  } catch {
    return null;
  }
}
