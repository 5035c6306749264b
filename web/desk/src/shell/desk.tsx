import { useCallback, useEffect, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { channelOf, useWork, useWorkItem } from '../api/queries';
import { Conversation } from '../features/conversation/conversation';
import { Customer } from '../features/customer/customer';
import { Inbox } from '../features/inbox';
import { useText } from '../i18n';
import { usePref } from '../ui/prefs';
import { Calm } from './calm';

const wide = () => matchMedia('(min-width: 1200px)').matches;

function NotHere() {
  const { t } = useText();
  return (
    <div className="center-note">
      <h1>{t('chat.notFound')}</h1>
      <p className="c2">{t('chat.notFoundText')}</p>
      <Link className="btn" to="/">{t('chat.back')}</Link>
    </div>
  );
}

/** The customer panel: remembered as open beside the chat, shut at first where it would cover it. */
function usePanel(task: string | undefined) {
  const [kept, keep] = usePref('panel', 'open');
  const [over, setOver] = useState(false);
  const [isWide, setWide] = useState(wide);
  useEffect(() => {
    const media = matchMedia('(min-width: 1200px)');
    const change = () => setWide(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  useEffect(() => setOver(false), [task]);
  const open = isWide ? kept === 'open' : over;
  const set = useCallback((next: boolean) => (isWide ? keep(next ? 'open' : 'shut') : setOver(next)), [isWide, keep]);
  return { open, set, covers: !isWide };
}

/** The agent's desk: list, chat, customer. */
export function Desk() {
  const { task } = useParams();
  const navigate = useNavigate();
  const { t } = useText();
  const item = useWorkItem(task);
  const loaded = useWork().isSuccess;
  const panel = usePanel(task);
  const [jump, setJump] = useState<{ index: number }>();
  const pending = item?.reservation.reservation_status === 'pending';
  const showPanel = panel.open && item && !pending && channelOf(item);
  useEffect(() => setJump(undefined), [task]);
  return (
    <main className={task ? 'desk has-chat' : 'desk'}>
      <Inbox selected={task} />
      <section className="main" id="work" tabIndex={-1} aria-label={t('nav.desk')}>
        {!task && <Calm />}
        {task && item && (
          <Conversation key={item.task.sid} item={item} panel={panel.open} togglePanel={() => panel.set(!panel.open)} jump={jump} onDone={() => navigate('/')} />
        )}
        {task && !item && loaded && <NotHere />}
      </section>
      {showPanel && (
        <>
          {panel.covers && <button type="button" className="side-scrim" aria-label={t('customer.hide')} onClick={() => panel.set(false)} />}
          <Customer key={item.task.sid} item={item} onClose={() => panel.set(false)} onJump={(index) => { setJump({ index }); if (panel.covers) panel.set(false); }} />
        </>
      )}
    </main>
  );
}
