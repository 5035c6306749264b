/** Asks before unsaved changes are left behind: links and keys within the desk, and the browser's own ways out. */
import { useContext, useEffect, useState } from 'react';
import { UNSAFE_NavigationContext } from 'react-router';
import { useFlowText } from '../../../i18n/flows';
import { Dialog } from './dialog';

/** Renders the question when somebody wants to leave while `dirty`. */
export function LeaveGuard({ dirty }: { dirty: boolean }) {
  const { t } = useFlowText();
  const { navigator } = useContext(UNSAFE_NavigationContext);
  const [wish, setWish] = useState<() => void>();
  useEffect(() => {
    if (!dirty) return undefined;
    const { push } = navigator;
    navigator.push = (...args: Parameters<typeof push>) => setWish(() => () => push.apply(navigator, args));
    const leave = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', leave);
    return () => {
      navigator.push = push;
      window.removeEventListener('beforeunload', leave);
    };
  }, [dirty, navigator]);
  return (
    <Dialog opened={Boolean(wish)} title={t('leave.title')} onClose={() => setWish(undefined)}>
      <p className="c2">{t('leave.text')}</p>
      <div className="dialog-foot">
        <button type="button" className="btn" onClick={() => { setWish(undefined); wish?.(); }}>{t('leave.go')}</button>
        <button type="button" className="btn primary" data-autofocus onClick={() => setWish(undefined)}>{t('leave.stay')}</button>
      </div>
    </Dialog>
  );
}
