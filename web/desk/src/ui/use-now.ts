import { useSyncExternalStore } from 'react';

const fns = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(fn: () => void) {
  fns.add(fn);
  timer ??= setInterval(() => {
    now = Date.now();
    fns.forEach((each) => each());
  }, 1000);
  return () => {
    fns.delete(fn);
    if (fns.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time in ms, once a second: one timer for every clock on the screen. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => (timer ? now : (now = Math.floor(Date.now() / 1000) * 1000)));
}
