import { useActs } from '../../api/acts';
import { customerName, seedOf } from '../../api/queries';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { duration } from '../../i18n/format';
import { Avatar } from '../../ui/avatar';
import { channelLabel } from '../../ui/channel-label';
import { Keycap, keysOf } from '../../ui/shortcuts';
import { useNow } from '../../ui/use-now';
import { countdown } from './countdown';

function Ring({ item }: { item: Work }) {
  const { plural } = useText();
  const now = useNow();
  const { left, percent, tone } = countdown(item.reservation, now);
  const spoken = left === 10 || left === 5;
  return (
    <span className={`ring ${tone}`} role="timer" aria-live={spoken ? 'polite' : 'off'} aria-label={plural('inbox.secondsLeft', left)}>
      <svg viewBox="0 0 40 40" aria-hidden="true">
        <circle className="tr" cx="20" cy="20" r="17" pathLength="100" />
        <circle className="pr" cx="20" cy="20" r="17" pathLength="100" strokeDasharray={`${percent} 100`} />
      </svg>
      {left}
    </span>
  );
}

interface Props {
  item: Work;
  /** Shows the keys: only the card that A and R answer. */
  first: boolean;
  onAccept: (item: Work) => void;
  onReject: (item: Work) => void;
}

/** A chat that rings: who, since when, the first words, Accept and Reject. */
export function IncomingCard({ item, first, onAccept, onReject }: Props) {
  const { t } = useText();
  const { busy } = useActs();
  const now = useNow();
  const name = customerName(item) || t('inbox.noName');
  const type = item.task.attributes.channelType;
  const words = item.task.attributes.initialText;
  const waiting = duration((now - Date.parse(item.task.date_created)) / 1000);
  const locked = busy.has(item.reservation.sid);
  return (
    <article className="inc" aria-label={name}>
      <div className="row g12">
        <Avatar name={name} seed={seedOf(item)} channel={String(type ?? 'web')} />
        <div className="grow">
          <h3 className="ell sb">{name}</h3>
          <div className="t12 c3 ell">{t(channelLabel(type))} · {t('inbox.waiting')} <span className="num">{waiting}</span></div>
        </div>
        <Ring item={item} />
      </div>
      <p className="msg" dir="auto">{typeof words === 'string' && words ? words : t('inbox.noText')}</p>
      <div className="acts">
        <button type="button" className="btn primary" disabled={locked} aria-keyshortcuts={first ? keysOf('accept').join(' ') : undefined} onClick={() => onAccept(item)}>
          {t('inbox.accept')} {first && <Keycap id="accept" />}
        </button>
        <button type="button" className="btn" disabled={locked} aria-keyshortcuts={first ? keysOf('reject').join(' ') : undefined} onClick={() => onReject(item)}>
          {t('inbox.reject')} {first && <Keycap id="reject" />}
        </button>
      </div>
    </article>
  );
}
