import { useText } from '../../i18n';
import { CopyButton } from '../../ui/copy';

/** A one-time sign-in link to hand over. */
export function LinkBox({ link, name }: { link: string; name: string }) {
  const { t } = useText();
  return (
    <div className="col g8" role="status">
      <span className="lab">{t('workers.invited', { name })}</span>
      <span className="link-box"><code className="mono" dir="ltr">{link}</code><CopyButton text={link} label={t('td.copy')} /></span>
      <span className="help">{t('workers.invitedHelp')}</span>
    </div>
  );
}
