import { useNavigate } from 'react-router';
import { session } from '../api/http';
import { customerName, useWork, useWorkerChannels } from '../api/queries';
import { useStatus, useNotifications } from '../features/inbox';
import { useText } from '../i18n';
import { clock, duration, fullDate } from '../i18n/format';
import { Banner } from '../ui/banner';
import { Icon, type IconName } from '../ui/icons';
import { handlerOf, keysOf, printKeys, type ShortcutId } from '../ui/shortcuts';
import { useNow } from '../ui/use-now';

function Art() {
  return (
    <svg className="calm-art" viewBox="0 0 320 120" aria-hidden="true">
      <defs><linearGradient id="beam" x1="0" x2="1"><stop offset="0" stopColor="var(--accent)" stopOpacity=".26" /><stop offset="1" stopColor="var(--accent)" stopOpacity="0" /></linearGradient></defs>
      <path d="M127 58 318 18v84z" fill="url(#beam)" />
      <g fill="none" stroke="var(--text-3)" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round">
        <path d="M8 104.5h304" /><circle cx="56" cy="80" r="24" /><circle cx="140" cy="80" r="24" />
        <path d="M56 80l22-38h46l16 38M78 42l20 38 26-38M98 80H56M72 32h14M76 32l2 10M124 42l-4-14h-10" /><circle cx="98" cy="80" r="5" />
      </g>
      <circle cx="56" cy="80" r="2" fill="var(--text-3)" /><circle cx="140" cy="80" r="2" fill="var(--text-3)" />
      <rect x="119" y="54" width="9" height="8" rx="2.5" fill="var(--accent)" />
    </svg>
  );
}

function Todo({ icon, title, text, act, onClick }: { icon: IconName; title: string; text: string; act: string; onClick: () => void }) {
  return (
    <button type="button" className="todo" onClick={onClick}>
      <span className="ic"><Icon name={icon} /></span>
      <span className="grow"><span className="m">{title}</span><span className="t12 c3">{text}</span></span>
      <span className="t12 c3 hide-narrow">{act}</span><Icon name="next" size="s" className="c3" />
    </button>
  );
}

function Hint({ id, text }: { id: ShortcutId; text: string }) {
  return <span>{printKeys(keysOf(id)[0]!).map((key) => <kbd key={key}>{key}</kbd>)} {text}</span>;
}

function Figures() {
  const { t, plural, locale } = useText();
  const { worker, since } = useStatus();
  const now = useNow();
  const items = useWork().data?.filter((item) => item.reservation.reservation_status !== 'pending').length ?? 0;
  const channels = useWorkerChannels().data;
  const chat = channels?.find((channel) => /chat|web/.test(channel.task_channel_unique_name)) ?? channels?.[0];
  if (!worker) return <div className="calm-stats"><div><span className="t12 c3">&nbsp;</span><b>&nbsp;</b><span className="t12">&nbsp;</span></div></div>;
  return (
    <div className="calm-stats">
      <div><span className="t12 c3">{t('calm.inHand')}</span><b className="num">{items}</b><span className="t12 c2">{plural('calm.inHandText', items)}</span></div>
      <div><span className="t12 c3">{t('calm.room')}</span><b className="num">{Math.max(0, (chat?.configured_capacity ?? 0) - items)}</b><span className="t12 c2">{t('calm.roomText')}</span></div>
      <div><span className="t12 c3 ell">{t('calm.inStatus', { status: worker.activity_name })}</span><b className="num">{duration((now - since) / 1000)}</b><span className="t12 c2">{t('calm.sinceText', { time: clock(since, locale) })}</span></div>
    </div>
  );
}

/** The middle while no chat is open: what is going on, and what could be done meanwhile. */
export function Calm() {
  const { t, locale } = useText();
  const navigate = useNavigate();
  const now = useNow();
  const { worker, choices, change } = useStatus();
  const work = useWork().data;
  const { permission, ask } = useNotifications();
  const away = worker && !worker.available;
  const available = choices.find((activity) => activity.available);
  const ringing = work?.find((item) => item.reservation.reservation_status === 'pending');
  const busy = work?.some((item) => item.reservation.reservation_status !== 'pending');
  const title = ringing ? t('inbox.notifyTitle', { name: customerName(ringing) || t('inbox.noName') }) : busy ? t('calm.pick') : away ? t('calm.away', { status: worker.activity_name }) : t('calm.quiet');
  const advice = ringing ? t('calm.ringText') : busy ? t('calm.pickText') : away ? t('calm.awayText') : t('calm.quietText');
  const admin = session()?.person.role === 'admin';
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone.split('/').at(-1)?.replace(/_/g, ' ');
  return (
    <>
      <header className="bar"><h2 className="title">{t('nav.desk')}</h2><span className="push t12 c3">{fullDate(now, locale)}, <span className="num">{clock(now, locale)}</span>{zone ? ` · ${zone}` : ''}</span></header>
      <Banner />
      <div className="calm">
        <Art />
        <h1>{title}</h1>
        <p className="c2">{advice}</p>
        {away && available && <p className="calm-act"><button type="button" className="btn primary lg" onClick={() => change(available)}>{t('calm.available', { status: available.friendly_name })}</button></p>}
        <Figures />
        <div className="calm-list">
          <h2 className="sec">{t('calm.while')}</h2>
          {permission === 'default' && <Todo icon="bell" title={t('calm.notify')} text={t('calm.notifyText')} act={t('calm.notifyDo')} onClick={ask} />}
          {admin && <Todo icon="play" title={t('calm.try')} text={t('calm.tryText')} act={t('calm.tryDo')} onClick={() => navigate('/admin/testdrive')} />}
          <Todo icon="keyboard" title={t('calm.keys')} text={t('calm.keysText')} act={t('calm.keysDo')} onClick={() => handlerOf('sheet')?.()} />
        </div>
        <div className="keys t12 c3"><Hint id="palette" text={t('calm.hintDo')} /><Hint id="accept" text={t('calm.hintAccept')} /><Hint id="next" text={t('calm.hintNext')} /><Hint id="sheet" text={t('calm.hintAll')} /></div>
      </div>
    </>
  );
}

