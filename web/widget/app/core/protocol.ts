import type { Media } from '../../../stream/protocol.ts';

// What the loader on the host's page and the app in the frame say to each other with postMessage. Types only: the
// loader has no room for anything else. Every message carries usher: 1; both sides check origin, source and shape.

/** What the page wishes: data-* attributes of the script, or the argument of Usher.boot. All optional. */
export interface Wishes {
  flow?: string;
  locale?: string;
  theme?: string;
  label?: string;
  /** Address of the page. */
  page?: string;
}

/** The loader asks, the app does. The first is always boot, as the answer to hi; the others bear the names of window.Usher. */
export type Order =
  | { usher: 1; do: 'boot'; v: Wishes }
  | { usher: 1; do: 'open' | 'close' | 'endChat' }
  | { usher: 1; do: 'sendMessage' | 'identify' | 'setLocale' | 'setTheme'; v: string }
  | { usher: 1; do: 'setContext' | 'set' | 'start'; v: Record<string, unknown> }
  | { usher: 1; do: 'restart' }
  /** The actions that the page has hooks for. */
  | { usher: 1; do: 'hooks'; v: string[] }
  /** What the page's hooks say of an action that the app wants to do: go, with this value, or not. */
  | { usher: 1; do: 'answer'; v: { id: number; go: boolean; v: unknown } };

/** The app tells. hi, ask, peek and look are for the loader; Usher.on is for all the others. */
export type News =
  /** The frame runs and wants to be booted. */
  | { usher: 1; ev: 'hi' }
  | { usher: 1; ev: 'ready' | 'open' | 'close' | 'ended' }
  | { usher: 1; ev: 'started'; v: { channel: string } }
  /** Opens or closes the panel. */
  | { usher: 1; ev: 'ask'; v: boolean }
  /** Unread messages, and the launcher's name in the visitor's language. */
  | { usher: 1; ev: 'unread'; v: number; label: string }
  | { usher: 1; ev: 'message'; v: { body: string; author: string; index: number; mine: boolean; media: Media | null } }
  | { usher: 1; ev: 'connection'; v: 'connecting' | 'online' | 'offline' | 'refused' }
  | { usher: 1; ev: 'error'; v: { message: string } }
  /** With an id: may it be done? Without: it has been done. open: the panel is open. Answers to hooks, and to their first order. */
  | { usher: 1; ev: 'act'; v: { id?: number; name?: string; v?: unknown; open?: boolean } }
  /** Height in px of the preview above the launcher; 0 hides it. */
  | { usher: 1; ev: 'peek'; v: number }
  /** Custom properties of the host element: --b and --f launcher, --s panel, --c color-scheme; and whether a conversation is kept. */
  | { usher: 1; ev: 'look'; v: string; active: boolean };
