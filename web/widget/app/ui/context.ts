import { createContext, type ComponentType } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
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

/** Draws again whenever the chat changes. Listens from the first drawing on: an effect that waits for a frame would miss some. */
export function useChanges(chat: Chat) {
  const [, draw] = useState(0);
  useLayoutEffect(() => chat.listen(() => draw((n) => n + 1)), [chat]);
}

export function clockOf(tongue: Tongue): Clock {
  // The visitor's own variant of the language: 10:05 or 10:05 AM.
  const own = navigator.languages.find((l) => l.split('-')[0] === tongue.locale.split('-')[0]);
  return openClock(own ?? tongue.locale);
}

/** Who wants to know of Escape, the innermost last. */
const escapes: { current: () => void }[] = [];

document.addEventListener('keydown', (e) => {
  if (e.key !== 'Escape' || e.isComposing || !escapes.length) return;
  e.preventDefault();
  escapes.at(-1)!.current();
});

/** Runs at Escape while on, unless something that opened later takes it. */
export function useEscape(on: boolean, fn: () => void) {
  const last = useRef(fn);
  last.current = fn;
  useLayoutEffect(() => {
    if (!on) return;
    escapes.push(last);
    return () => void escapes.splice(escapes.indexOf(last), 1);
  }, [on]);
}

/** A part of the screen that is fetched when it is first wanted; tries again while the network is away. */
export function useLazy<P = {}>(wanted: boolean, fetch: () => Promise<ComponentType<P>>): ComponentType<P> | undefined {
  const [part, setPart] = useState<{ of?: ComponentType<P> }>({});
  useEffect(() => {
    if (!wanted || part.of) return;
    let timer: ReturnType<typeof setTimeout>;
    const load = () =>
      fetch().then(
        (of) => setPart({ of }),
        () => (timer = setTimeout(load, 3000)),
      );
    void load();
    return () => clearTimeout(timer);
  }, [wanted]);
  return part.of;
}
