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
  | { usher: 1; do: 'setContext'; v: Record<string, unknown> };

/** The app tells. hi, ask, peek and look are for the loader; Usher.on is for all the others. */
export type News =
  /** The frame runs and wants to be booted. */
  | { usher: 1; ev: 'hi' }
  | { usher: 1; ev: 'ready' | 'open' | 'close' | 'started' | 'ended' }
  /** Opens or closes the panel. */
  | { usher: 1; ev: 'ask'; v: boolean }
  /** Unread messages, and the launcher's name in the visitor's language. */
  | { usher: 1; ev: 'unread'; v: number; label: string }
  | { usher: 1; ev: 'message'; v: { body: string; author: string; index: number; mine: boolean; media: Media | null } }
  | { usher: 1; ev: 'connection'; v: 'connecting' | 'online' | 'offline' | 'refused' }
  | { usher: 1; ev: 'error'; v: { message: string } }
  /** Height in px of the preview above the launcher; 0 hides it. */
  | { usher: 1; ev: 'peek'; v: number }
  /** Custom properties of the host element: --b and --f launcher, --s panel, --c color-scheme; and whether a conversation is kept. */
  | { usher: 1; ev: 'look'; v: string; active: boolean };
