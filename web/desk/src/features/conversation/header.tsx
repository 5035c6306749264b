import { Link } from 'react-router';
import { useActs } from '../../api/acts';
import { customerName } from '../../api/queries';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { duration } from '../../i18n/format';
import { channelIcon } from '../../ui/avatar';
import { channelLabel } from '../../ui/channel-label';
import { Icon } from '../../ui/icons';
import { Keycap, keysOf, useShortcuts } from '../../ui/shortcuts';
import { useNow } from '../../ui/use-now';

interface Props {
  item: Work;
  ended: boolean;
  panel: boolean;
  togglePanel: () => void;
}

/** Who it is, on which channel, for how long; End chat, and the switch of the customer panel. */
export function ChatHeader({ item, ended, panel, togglePanel }: Props) {
  const { t } = useText();
  const { end } = useActs();
  const now = useNow();
  const name = customerName(item) || t('inbox.noName');
  const type = item.task.attributes.channelType;
  const pending = item.reservation.reservation_status === 'pending';
  const language = item.task.attributes.language;
  useShortcuts({ end: ended || pending ? undefined : () => end(item), customer: togglePanel });
  const facts = [item.task.task_queue_friendly_name, language].filter((fact) => typeof fact === 'string' && fact);
  return (
    <header className="bar">
      <Link to="/" className="ib back" aria-label={t('chat.back')}><Icon name="back" /></Link>
      <div className="grow">
        <div className="row">
          <h1 className="title ell" dir="auto">{name}</h1>
          <span className="tag"><Icon name={channelIcon(String(type ?? 'web'))} size="xs" />{t(channelLabel(type))}</span>
        </div>
        <div className="t12 c3 ell">
          {facts[0] ? `${facts[0] as string} · ` : ''}
          {t(pending ? 'inbox.waiting' : 'chat.inChat')} <span className="num">{duration((now - Date.parse(item.task.date_created)) / 1000)}</span>
          {facts[1] ? ` · ${facts[1] as string}` : ''}
        </div>
      </div>
      <div className="row g4">
        {!panel && <button type="button" className="ib" aria-label={t('chat.panel')} aria-expanded={panel} onClick={togglePanel}><Icon name="panel" /></button>}
        {!ended && !pending && (
          <button type="button" className="btn" aria-keyshortcuts={keysOf('end').join(' ')} onClick={() => end(item)}>
            {t('chat.end')} <span className="hide-narrow"><Keycap id="end" /></span>
          </button>
        )}
      </div>
    </header>
  );
}
