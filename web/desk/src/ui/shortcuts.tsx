/**
 * Every shortcut of the desk in one table, and the one listener that fires them. A component says what a shortcut does
 * while it is on the screen (useShortcuts); the sheet and the palette read the same table.
 */
import { useEffect, useRef } from 'react';
import type { Key } from '../i18n';
import { readPref, usePref, writePref } from './prefs';

export type Group = 'answer' | 'move' | 'chat' | 'desk';

export interface Shortcut {
  id: string;
  group: Group;
  label: Key;
  /** As in `mod+k`, `alt+j`, `a`, `?`, `g d` (one after the other). The first is shown in buttons. */
  keys: readonly string[];
  /** Handled by the control itself (the composer's Enter): listed, not listened for. */
  local?: boolean;
  /** Fires while somebody writes, too. */
  inFields?: boolean;
  /** Not offered in the palette: it only makes sense as a key. */
  keyOnly?: boolean;
}

export const shortcuts = [
  { id: 'accept', group: 'answer', label: 'keys.accept', keys: ['a', 'alt+a'], inFields: true },
  { id: 'reject', group: 'answer', label: 'keys.reject', keys: ['r', 'alt+r'], inFields: true },
  { id: 'mute', group: 'answer', label: 'keys.mute', keys: ['m'] },
  { id: 'next', group: 'move', label: 'keys.next', keys: ['j', 'alt+j'], inFields: true },
  { id: 'previous', group: 'move', label: 'keys.previous', keys: ['k', 'alt+k'], inFields: true },
  { id: 'down', group: 'move', label: 'keys.down', keys: ['arrowdown'], local: true },
  { id: 'up', group: 'move', label: 'keys.up', keys: ['arrowup'], local: true },
  { id: 'longest', group: 'move', label: 'keys.longest', keys: ['w'] },
  { id: 'unread', group: 'move', label: 'keys.unread', keys: ['u', 'alt+u'], inFields: true },
  { id: 'list', group: 'move', label: 'keys.list', keys: ['l'] },
  { id: 'goDesk', group: 'move', label: 'keys.goDesk', keys: ['g d'] },
  { id: 'goAdmin', group: 'move', label: 'keys.goAdmin', keys: ['g a'] },
  { id: 'goTestdrive', group: 'move', label: 'keys.goTestdrive', keys: ['g t'] },
  { id: 'goChannels', group: 'move', label: 'keys.goChannels', keys: ['g c'] },
  { id: 'goFlows', group: 'move', label: 'keys.goFlows', keys: ['g f'] },
  { id: 'goWorkers', group: 'move', label: 'keys.goWorkers', keys: ['g w'] },
  { id: 'goQueues', group: 'move', label: 'keys.goQueues', keys: ['g q'] },
  { id: 'compose', group: 'chat', label: 'keys.compose', keys: ['c', '/'] },
  { id: 'attach', group: 'chat', label: 'keys.attach', keys: ['f'] },
  { id: 'send', group: 'chat', label: 'keys.send', keys: ['enter', 'mod+enter'], local: true },
  { id: 'newline', group: 'chat', label: 'keys.newline', keys: ['shift+enter'], local: true },
  { id: 'log', group: 'chat', label: 'keys.log', keys: ['v'] },
  { id: 'latest', group: 'chat', label: 'keys.latest', keys: ['b', 'alt+b'], inFields: true },
  { id: 'end', group: 'chat', label: 'keys.end', keys: ['e', 'alt+e'], inFields: true },
  { id: 'customer', group: 'chat', label: 'keys.customer', keys: ['i'] },
  { id: 'palette', group: 'desk', label: 'keys.palette', keys: ['mod+k'], inFields: true, keyOnly: true },
  { id: 'sheet', group: 'desk', label: 'keys.sheet', keys: ['?'] },
  { id: 'status', group: 'desk', label: 'keys.status', keys: ['s'] },
  { id: 'away', group: 'desk', label: 'keys.away', keys: ['o'] },
  { id: 'theme', group: 'desk', label: 'keys.theme', keys: ['t'] },
  { id: 'density', group: 'desk', label: 'keys.density', keys: ['d'] },
  { id: 'escape', group: 'desk', label: 'keys.escape', keys: ['escape'], local: true },
] as const satisfies readonly Shortcut[];

export type ShortcutId = (typeof shortcuts)[number]['id'];

export const shortcutOf = (id: ShortcutId): Shortcut => shortcuts.find((shortcut) => shortcut.id === id)!;

/** The keys of a shortcut: those that this person chose on this device, else the table's. */
export function keysOf(id: ShortcutId): readonly string[] {
  const chosen = readPref(`keys.${id}`);
  return chosen ? [chosen] : shortcutOf(id).keys;
}

/** Chooses other keys; null goes back to the table's. */
export const chooseKeys = (id: ShortcutId, keys: string | null) => writePref(`keys.${id}`, keys);

/** Who has these keys already. */
export const ownerOf = (keys: string): ShortcutId | undefined => shortcuts.find((shortcut) => keysOf(shortcut.id).includes(keys))?.id;

const forbidden = new Set(['Escape', 'Enter', 'Tab', ' ', 'Shift', 'Control', 'Alt', 'Meta', 'Dead', 'Process', 'Unidentified']);

/** What was pressed, as the table writes it; undefined for keys that belong to the page or the browser. */
export function combination(event: KeyboardEvent): string | undefined {
  if (forbidden.has(event.key) || event.key.startsWith('Arrow') || /^F\d/.test(event.key)) return undefined;
  if (event.ctrlKey || event.metaKey) return undefined;
  if (event.altKey) return /^Key[A-Z]$/.test(event.code) ? `alt+${event.code.slice(3).toLowerCase()}` : undefined;
  return event.key.length === 1 ? event.key.toLowerCase() : undefined;
}

type Handlers = Partial<Record<ShortcutId, () => void>>;

const stack: { current: Handlers }[] = [];

/** What a shortcut would do right now; the component that came last wins. */
export function handlerOf(id: ShortcutId): (() => void) | undefined {
  for (let at = stack.length - 1; at >= 0; at--) {
    const found = stack[at]!.current[id];
    if (found) return found;
  }
  return undefined;
}

/** Binds shortcuts while the component is mounted. Leave one undefined to leave it to others. */
export function useShortcuts(handlers: Handlers): void {
  const ref = useRef(handlers);
  ref.current = handlers;
  useEffect(() => {
    stack.push(ref);
    return () => void stack.splice(stack.indexOf(ref), 1);
  }, []);
}

const apple = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform);

/** Keys as printed on the keyboard: `⌘K`, `Alt J`. */
export function printKeys(keys: string): string[] {
  if (keys.includes(' ')) return keys.toUpperCase().split(' ');
  const names: Record<string, string> = {
    mod: apple ? '⌘' : 'Ctrl', alt: apple ? '⌥' : 'Alt', shift: '⇧', enter: '⏎', escape: 'Esc', arrowdown: '↓', arrowup: '↑',
  };
  const parts = keys.split('+').map((part) => names[part] ?? part.toUpperCase());
  return parts[0] === '⌘' ? [parts.join('')] : parts;
}

const writing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const covered = () => document.querySelector('[role="dialog"][aria-modal="true"], [role="menu"]') !== null;

/** True when the event is this combination. Alt is compared by place: it changes the letter on some keyboards. */
export function matches(event: KeyboardEvent, keys: string, before = ''): boolean {
  if (keys.includes(' ')) {
    const [first, second] = keys.split(' ');
    return before === first && !event.ctrlKey && !event.metaKey && !event.altKey && event.key.toLowerCase() === second;
  }
  const parts = keys.split('+');
  const key = parts.at(-1)!;
  const mod = parts.includes('mod');
  const alt = parts.includes('alt');
  if (mod !== (event.ctrlKey || event.metaKey) || alt !== event.altKey) return false;
  if (parts.includes('shift') !== event.shiftKey && /^[a-z]$/.test(key)) return false;
  return alt ? event.code === `Key${key.toUpperCase()}` : event.key.toLowerCase() === key;
}

/** The one keyboard listener. Mounted once by the shell. */
export function useKeyboard(): void {
  const before = useRef({ key: '', at: 0 });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.repeat) return;
      const last = Date.now() - before.current.at < 1000 ? before.current.key : '';
      before.current = { key: event.key.toLowerCase(), at: Date.now() };
      const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
      const inField = writing(event.target);
      if (bare && (inField || readPref('single-keys') === 'off')) return;
      for (const shortcut of shortcuts as readonly Shortcut[]) {
        if (shortcut.local || !keysOf(shortcut.id as ShortcutId).some((keys) => matches(event, keys, last))) continue;
        if ((inField && !shortcut.inFields) || (covered() && shortcut.id !== 'palette')) return;
        const handler = handlerOf(shortcut.id as ShortcutId);
        if (!handler) continue;
        event.preventDefault();
        handler();
        return;
      }
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}

/** A key cap for a button; hidden from readers, who get aria-keyshortcuts. */
export function Keycap({ id }: { id: ShortcutId }) {
  usePref(`keys.${id}`, '');
  return <kbd aria-hidden="true">{printKeys(keysOf(id)[0]!).join(' ')}</kbd>;
}
