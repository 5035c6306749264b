/** A menu button and its list: arrows move, Escape and a click outside close, the focus goes back to the button. */
import { createContext, useContext, useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

const Context = createContext<{ close: () => void }>({ close: () => undefined });

interface Props {
  /** Accessible name of the list. */
  label: string;
  button: (props: { id: string; 'aria-haspopup': 'menu'; 'aria-expanded': boolean; 'aria-controls': string | undefined; onClick: () => void }) => ReactNode;
  children: ReactNode;
  className?: string;
  opened?: boolean;
  onChange?: (opened: boolean) => void;
}

const items = (list: HTMLElement | null) => [...(list?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled="true"])') ?? [])];

/** Opens beside its button, inside the same region; CSS places it. */
export function MenuButton({ label, button, children, className = '', opened, onChange }: Props) {
  const id = useId();
  const [own, setOwn] = useState(false);
  const open = opened ?? own;
  const set = onChange ?? setOwn;
  const root = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const close = () => {
    set(false);
    document.getElementById(`${id}-button`)?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const all = items(list.current);
    (all.find((item) => item.getAttribute('aria-checked') === 'true') ?? all[0])?.focus({ preventScroll: true });
    const away = (event: PointerEvent) => root.current?.contains(event.target as Node) || set(false);
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open, set]);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items(list.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const go = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (go !== undefined) all[go]?.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return set(false);
    else return undefined;
    event.preventDefault();
    return event.stopPropagation();
  };
  return (
    <div className="menu-root" ref={root}>
      {button({ id: `${id}-button`, 'aria-haspopup': 'menu', 'aria-expanded': open, 'aria-controls': open ? id : undefined, onClick: () => set(!open) })}
      {open && (
        <Context value={{ close }}>
          <div className={`menu menu-pop ${className}`} role="menu" id={id} aria-label={label} ref={list} onKeyDown={onKeyDown}>{children}</div>
        </Context>
      )}
    </div>
  );
}

interface ItemProps {
  children: ReactNode;
  onSelect: () => void;
  /** Given: the item is one of a choice (`radio`) or on and off (`check`). */
  kind?: 'radio' | 'check';
  checked?: boolean;
  disabled?: boolean;
  /** Stays open after it was chosen. */
  keepOpen?: boolean;
  lang?: string;
}

export function MenuItem({ children, onSelect, kind, checked, disabled, keepOpen, lang }: ItemProps) {
  const { close } = useContext(Context);
  const role = kind === 'radio' ? 'menuitemradio' : kind === 'check' ? 'menuitemcheckbox' : 'menuitem';
  return (
    <button
      type="button" className="mi" role={role} tabIndex={-1} lang={lang} aria-checked={kind ? Boolean(checked) : undefined} aria-disabled={disabled || undefined}
      onClick={() => {
        if (disabled) return;
        if (!keepOpen) close();
        onSelect();
      }}
    >{children}</button>
  );
}
