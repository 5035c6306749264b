/** Undo and redo over values of any kind. Pure. */

export interface History<T> {
  past: T[];
  present: T;
  future: T[];
  /** What the last change was about, and when: the next one about the same, soon after, belongs to it. */
  key?: string;
  at: number;
}

const most = 200;
/** Changes about the same thing within this many milliseconds are one step. */
const together = 1500;

export const begin = <T>(present: T): History<T> => ({ past: [], present, future: [], at: 0 });

/** A change. With a key, changes under the same one that follow each other soon are undone as one. */
export function record<T>(history: History<T>, present: T, now: number, key?: string): History<T> {
  if (present === history.present) return history;
  const joins = key !== undefined && key === history.key && now - history.at < together && history.past.length > 0;
  return { past: joins ? history.past : [...history.past.slice(1 - most), history.present], present, future: [], key, at: now };
}

export function undo<T>(history: History<T>): History<T> {
  const before = history.past.at(-1);
  return before === undefined ? history : { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future], at: 0 };
}

export function redo<T>(history: History<T>): History<T> {
  const [after, ...rest] = history.future;
  return after === undefined ? history : { past: [...history.past, history.present], present: after, future: rest, at: 0 };
}
