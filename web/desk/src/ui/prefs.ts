/** Choices that stay on this device. A browser without storage keeps them for the page. */
import { useSyncExternalStore } from 'react';

const memory = new Map<string, string>();
const fns = new Set<() => void>();

export function readPref(name: string): string | null {
  try {
    return localStorage.getItem(`usher.${name}`) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function writePref(name: string, value: string | null): void {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(`usher.${name}`);
    else localStorage.setItem(`usher.${name}`, value);
  } catch {
    // Full or forbidden: memory has it.
  }
  fns.forEach((fn) => fn());
}

function subscribe(fn: () => void) {
  fns.add(fn);
  window.addEventListener('storage', fn);
  return () => {
    fns.delete(fn);
    window.removeEventListener('storage', fn);
  };
}

/** One preference, shared by every component and tab that reads it. */
export function usePref(name: string, fallback: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => readPref(name)) ?? fallback;
  return [value, (next) => writePref(name, next)];
}
