/** The four states of every list: loading, empty, failed; full is the list itself. */
import { useEffect, useState, type ReactNode } from 'react';
import { useText } from '../i18n';
import { explain } from './errors';
import { Icon, type IconName } from './icons';

/** True once `waiting` has lasted 150 ms, and then for at least 300 ms: quick answers flash nothing. */
export function useSlow(waiting: boolean): boolean {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (waiting === shown) return undefined;
    const timer = setTimeout(() => setShown(waiting), waiting ? 150 : 300);
    return () => clearTimeout(timer);
  }, [waiting, shown]);
  return shown;
}

/** Grey rows in the shape of what comes. */
export function SkeletonRows({ rows = 3, avatar = false }: { rows?: number; avatar?: boolean }) {
  const { t } = useText();
  return (
    <div role="status" className="col g16 skeleton-rows">
      <span className="vh">{t('state.loading')}</span>
      {Array.from({ length: rows }, (_, at) => (
        <span className="row g12" key={at} aria-hidden="true">
          {avatar && <span className="sk av36" />}
          <span className="grow col g8"><span className="sk w48" /><span className="sk w76" /></span>
        </span>
      ))}
    </div>
  );
}

export function EmptyState({ icon, title, children, action }: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <span className="grow"><b>{title}</b> <span className="c2">{children}</span></span>
      {action}
    </div>
  );
}

/** What happened, what to do, and a way to try again. */
export function ErrorState({ title, error, retry }: { title: string; error: unknown; retry?: () => void }) {
  const text = useText();
  return (
    <div className="empty" role="alert">
      <Icon name="alert" className="c-red" />
      <span className="grow"><b>{title}</b> <span className="c2">{explain(error, text)}</span></span>
      {retry && <button type="button" className="btn" onClick={retry}><Icon name="retry" size="s" />{text.t('state.retry')}</button>}
    </div>
  );
}
