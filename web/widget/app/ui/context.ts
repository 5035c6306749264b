import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { Chat, View } from '../core/chat.ts';
import { openClock, type Clock } from '../core/when.ts';
import type { Tongue } from '../i18n/index.ts';

export interface Around {
  chat: Chat;
  tongue: Tongue;
  clock: Clock;
  /** Asks for the panel to be opened or closed. */
  ask(open: boolean): void;
  /** Tells the height of the preview; 0 = none. */
  peek(height: number): void;
  framed: boolean;
  /** The panel covers a phone. */
  sheet: boolean;
}

export const AroundContext = createContext<Around>(undefined as never);

export const useAround = () => useContext(AroundContext);
export const useWords = () => useAround().tongue.words;
export const useView = (): View => useAround().chat.view;

/** Draws again whenever the chat changes, at most once a frame. */
export function useChanges(chat: Chat) {
  const [, draw] = useState(0);
  useEffect(() => chat.listen(() => draw((n) => n + 1)), [chat]);
}

export function clockOf(tongue: Tongue): Clock {
  // The visitor's own variant of the language: 10:05 or 10:05 AM.
  const own = navigator.languages.find((l) => l.split('-')[0] === tongue.locale.split('-')[0]);
  return openClock(own ?? tongue.locale);
}

/** Runs when a key is pressed anywhere in the app while on. */
export function useKey(key: string, on: boolean, fn: () => void) {
  const last = useRef(fn);
  last.current = fn;
  useEffect(() => {
    if (!on) return;
    const listen = (e: KeyboardEvent) => {
      if (e.key !== key || e.isComposing || e.defaultPrevented) return;
      e.preventDefault();
      last.current();
    };
    // Capturing on the way down would win over inner parts; these come first by being registered later.
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [key, on]);
}
