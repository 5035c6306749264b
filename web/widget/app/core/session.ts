import type { Token } from './api.ts';

// What outlives the page: kept in localStorage of Usher's origin, one entry per flow, shared by all tabs.

/** Somebody came or went; the log shows it as a line. */
export interface Note {
  kind: 'joined' | 'left';
  identity: string;
  at: string;
}

/** Written before there was a channel to send it to. */
export interface Early {
  id: string;
  body: string;
  at: number;
}

export interface Session {
  token?: Token;
  /** The page gave the token (Usher.identify). */
  known?: boolean;
  channel?: string;
  /** Last answers of the form: asked once, remembered. */
  answers?: Record<string, string>;
  early?: Early[];
  /** Names by identity: people who left are no longer among the members. */
  names?: Record<string, string>;
  notes?: Note[];
  /** Last message that the team is known to have read. */
  seen?: number;
  draft?: string;
}

export interface Keeper {
  readonly now: Session;
  /** Changes entries; undefined removes one. */
  set(change: Partial<Session>): void;
  /** Another tab changed the session. */
  onChange(fn: () => void): void;
  /** Runs alone among all tabs, where the browser can promise that. */
  alone<T>(fn: () => Promise<T>): Promise<T>;
}

function read(key: string): Session {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') ?? {};
  } catch {
    return {};
  }
}

export function openKeeper(flow: string): Keeper {
  const key = 'usher.widget.' + flow;
  const tabs = typeof BroadcastChannel === 'function' ? new BroadcastChannel(key) : undefined;
  let now = read(key);

  return {
    get now() {
      return now;
    },
    set(change) {
      // Tabs change different entries: take theirs as they are at this moment.
      now = { ...now, ...read(key), ...change };
      for (const name of Object.keys(change) as (keyof Session)[]) if (change[name] === undefined) delete now[name];
      try {
        localStorage.setItem(key, JSON.stringify(now));
      } catch {
        // Storage is forbidden or full: this tab goes on from memory.
      }
      if (!('draft' in change)) tabs?.postMessage(0);
    },
    onChange(fn) {
      if (tabs)
        tabs.onmessage = () => {
          now = read(key);
          fn();
        };
    },
    alone(fn) {
      return navigator.locks ? (navigator.locks.request(key, fn) as ReturnType<typeof fn>) : fn();
    },
  };
}
