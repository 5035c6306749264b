import { useLive } from '../api/live';
import { useText } from '../i18n';
import { Icon } from './icons';
import { useSlow } from './states';

/** The connection, honestly: offline with what waits, back online with what came. It pushes; it never covers. */
export function Banner({ queuedIn }: { queuedIn?: string }) {
  const { t, plural } = useText();
  const { client, state, missed } = useLive();
  const cut = state.state === 'offline' || (state.state === 'connecting' && state.code !== undefined);
  const shown = useSlow(cut);
  if (state.state === 'refused') {
    return (
      <div className="banner bad" role="alert">
        <Icon name="alert" size="s" />{t('link.refused')} <span className="more">{t('link.refusedMore')}</span>
        <button type="button" className="link push" onClick={() => client?.reconnect()}>{t('link.try')}</button>
      </div>
    );
  }
  if (cut && shown) {
    const queued = queuedIn ? state.queued : 0;
    return (
      <div className="banner" role="alert">
        <Icon name="offline" size="s" />
        {queued > 0 ? plural('link.offlineQueued', queued) : t('link.offline')}{' '}
        <span className="more hide-narrow">{t(queued > 0 ? 'link.offlineMore' : 'link.offlineNone')}</span>
        <button type="button" className="link push" onClick={() => client?.reconnect()}>{t('link.try')}</button>
      </div>
    );
  }
  if (missed !== null) {
    return (
      <div className="banner ok" role="status">
        <Icon name="check" size="s" />{missed > 0 ? plural('link.backNew', missed) : t('link.back')}
      </div>
    );
  }
  return null;
}
