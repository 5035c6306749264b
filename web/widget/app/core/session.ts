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

export function openKeeper(flow: string): Keeper {
  const key = 'usher.widget.' + flow;
  let tabs: BroadcastChannel | undefined;
  let locks: LockManager | undefined;
  let now: Session = {};
  now = read();
  try {
    // Where a browser forbids storage to frames, it forbids these too: one tab for itself, then.
    localStorage.length;
    locks = navigator.locks;
    tabs = new BroadcastChannel(key);
  } catch {
    // As said.
  }

  function read(): Session {
    try {
      return JSON.parse(localStorage.getItem(key) ?? '{}') ?? {};
    } catch {
      return now;
    }
  }

  /**
   * Tabs tell each other what changes, as storage reaches another process later than a message does. Everyone then writes
   * the same whole, so that no tab's older knowledge remains.
   */
  function merge(change: Partial<Session>) {
    now = { ...now, ...change };
    for (const name of Object.keys(change) as (keyof Session)[]) if (change[name] === undefined) delete now[name];
    try {
      localStorage.setItem(key, JSON.stringify(now));
    } catch {
      // Storage is forbidden or full: this tab goes on from memory.
    }
  }

  return {
    get now() {
      return now;
    },
    set(change) {
      merge(change);
      tabs?.postMessage(change);
    },
    onChange(fn) {
      if (tabs)
        tabs.onmessage = (e) => {
          merge(e.data);
          fn();
        };
      // A tab that slept has missed what was said.
      document.addEventListener('visibilitychange', () => {
        if (document.hidden) return;
        now = read();
        fn();
      });
    },
    alone(fn) {
      // Who waited for its turn hears first what the one before has done.
      const turn = () => new Promise<void>((done) => setTimeout(done, 20)).then(fn);
      return locks ? (locks.request(key, turn) as ReturnType<typeof fn>) : fn();
    },
  };
}
