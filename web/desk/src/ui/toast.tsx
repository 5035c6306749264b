/** Toasts: short news with an Undo; they stay while hovered or focused. */
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useText } from '../i18n';
import { Icon, type IconName } from './icons';

export interface Toast {
  text: string;
  icon?: IconName;
  undo?: () => void;
  /** Seconds on the screen; unless told, 8 with Undo and 5 without. */
  seconds?: number;
  /** Runs when it goes without Undo. */
  done?: () => void;
}

interface Shown extends Toast {
  id: number;
}

const Context = createContext<(toast: Toast) => () => void>(() => () => undefined);

/** Shows a toast; the answer takes it away again (and runs neither undo nor done). */
export const useToast = () => useContext(Context);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Shown[]>([]);
  const next = useRef(0);
  const now = useRef(shown);
  now.current = shown;
  useEffect(() => {
    // Leaving the page is no Undo: what was only waiting for one is carried out.
    const leave = () => now.current.forEach((toast) => toast.done?.());
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, []);
  const drop = useCallback((id: number) => setShown((all) => all.filter((toast) => toast.id !== id)), []);
  const show = useCallback((toast: Toast) => {
    const id = ++next.current;
    setShown((all) => {
      all.slice(0, -2).forEach((old) => old.done?.());
      return [...all.slice(-2), { ...toast, id }];
    });
    return () => drop(id);
  }, [drop]);
  return (
    <Context value={show}>
      {children}
      <div className="toasts" role="status">
        {shown.map((toast) => <One key={toast.id} toast={toast} gone={() => drop(toast.id)} />)}
      </div>
    </Context>
  );
}

function One({ toast, gone }: { toast: Shown; gone: () => void }) {
  const { t } = useText();
  const [left, setLeft] = useState(toast.seconds ?? (toast.undo ? 8 : 5));
  const [held, setHeld] = useState(false);
  const end = useRef({ gone, toast });
  end.current = { gone, toast };
  useEffect(() => {
    if (held) return undefined;
    const timer = setInterval(() => setLeft((n) => n - 1), 1000);
    return () => clearInterval(timer);
  }, [held]);
  useEffect(() => {
    if (left > 0) return;
    end.current.toast.done?.();
    end.current.gone();
  }, [left]);
  const hold = useMemo(() => ({
    onMouseEnter: () => setHeld(true), onMouseLeave: () => setHeld(false), onFocus: () => setHeld(true), onBlur: () => setHeld(false),
  }), []);
  return (
    <div className="toast" {...hold}>
      <Icon name={toast.icon ?? 'check'} size="s" />
      <span className="grow">{toast.text}</span>
      {toast.undo && <span className="num" aria-hidden="true">{t('state.seconds', { n: Math.max(0, left) })}</span>}
      {toast.undo
        ? <button type="button" onClick={() => { toast.undo?.(); gone(); }}>{t('state.undo')}</button>
        : <button type="button" onClick={gone} aria-label={t('state.close')}><Icon name="close" size="s" /></button>}
    </div>
  );
}
