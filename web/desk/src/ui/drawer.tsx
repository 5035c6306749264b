import { useEffect, useRef, type ReactNode } from 'react';
import { useText } from '../i18n';
import { Icon } from './icons';

interface Props {
  title: string;
  subtitle?: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
}

/** A panel at the end of the screen: beside the list from 1280 px, over it below. Escape closes; the focus goes back. */
export function Drawer({ title, subtitle, onClose, children, footer }: Props) {
  const { t } = useText();
  const root = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const first = root.current?.querySelector<HTMLElement>('.form input, .form select, .form textarea');
    (first ?? root.current)?.focus({ preventScroll: true });
    return () => before?.isConnected ? before.focus({ preventScroll: true }) : undefined;
  }, []);
  return (
    <section
      className="drawer" role="dialog" aria-label={title} ref={root} tabIndex={-1}
      onKeyDown={(event) => event.key === 'Escape' && !event.defaultPrevented && onClose()}
    >
      <header className="bar">
        <div className="grow"><h2 className="title ell">{title}</h2>{subtitle && <div className="t12 c3 ell">{subtitle}</div>}</div>
        <button type="button" className="ib" aria-label={t('state.close')} onClick={onClose}><Icon name="close" /></button>
      </header>
      {children}
      {footer && <footer className="dr-foot">{footer}</footer>}
    </section>
  );
}
