import { Link, NavLink, useLocation, useNavigate } from 'react-router';
import { signOut } from '../api/signin';
import type { Session } from '../api/types';
import { markOf, useStatus } from '../features/inbox';
import { useText } from '../i18n';
import { useDensity, useScheme } from '../ui/appearance';
import { Avatar } from '../ui/avatar';
import { Icon, Mark } from '../ui/icons';
import { MenuButton, MenuItem } from '../ui/menu';
import { handlerOf, useShortcuts } from '../ui/shortcuts';
import { useWork } from '../api/queries';

function Account({ who }: { who: Session }) {
  const { t, locale, setLocale } = useText();
  const { worker } = useStatus();
  const { compact, toggle } = useDensity();
  const navigate = useNavigate();
  const other = locale === 'en' ? 'ja' : 'en';
  useShortcuts({ density: toggle });
  const mark = worker ? markOf({ available: worker.available, friendly_name: worker.activity_name }) : 'hollow';
  return (
    <MenuButton
      label={who.person.name} className="beside"
      button={(props) => (
        <button type="button" className="nav" {...props}>
          <span className="vh">{t('nav.account', { name: who.person.name, status: worker?.activity_name ?? '' })}</span>
          <Avatar name={who.person.name} seed={who.person.sid} size="s28" status={mark === 'green' ? 'on' : mark === 'amber' ? 'away' : 'off'} />
        </button>
      )}
    >
      <div className="account-head" role="presentation"><div className="m ell">{who.person.name}</div><div className="t12 c2 ell">{who.person.email}</div></div>
      <hr />
      <MenuItem kind="check" checked={compact} keepOpen onSelect={toggle}><Icon name="density" size="s" className="c2" /><span className="grow">{t('account.compact')}</span>{compact && <Icon name="check" size="s" className="acc" />}</MenuItem>
      <MenuItem lang={other} keepOpen onSelect={() => setLocale(other)}><Icon name="globe" size="s" className="c2" /><span className="grow">{t('account.language')}</span></MenuItem>
      <MenuItem onSelect={() => void navigate('/password')}><Icon name="key" size="s" className="c2" /><span className="grow">{t('account.password')}</span></MenuItem>
      <MenuItem onSelect={() => void signOut()}><Icon name="leave" size="s" className="c2" /><span className="grow">{t('account.signOut')}</span></MenuItem>
    </MenuButton>
  );
}

/** The rail: where to go, the theme, the account. */
export function Rail({ who }: { who: Session }) {
  const { t } = useText();
  const { scheme, toggle } = useScheme();
  const { pathname } = useLocation();
  const rings = useWork().data?.some((item) => item.reservation.reservation_status === 'pending');
  const onDesk = pathname === '/' || pathname.startsWith('/chat');
  useShortcuts({ theme: toggle });
  return (
    <nav className="rail" aria-label={t('nav.main')}>
      <Link className="mark" to="/" aria-label={t('app.name')}><Mark /></Link>
      <Link className="nav" to="/" aria-current={onDesk ? 'page' : undefined} aria-label={rings ? `${t('nav.desk')}. ${t('nav.waiting')}` : t('nav.desk')}><Icon name="desk" />{rings && !onDesk && <span className="n" />}</Link>
      <button type="button" className="nav" aria-label={t('nav.find')} onClick={() => handlerOf('palette')?.()}><Icon name="search" /></button>
      {who.person.role === 'admin' && <NavLink className="nav" to="/admin" aria-label={t('nav.admin')}><Icon name="sliders" /></NavLink>}
      <div className="end">
        <button type="button" className="nav only-wide" aria-label={t('nav.keys')} onClick={() => handlerOf('sheet')?.()}><Icon name="keyboard" /></button>
        <button type="button" className="nav" aria-label={t('nav.theme')} onClick={toggle}><Icon name={scheme === 'dark' ? 'sun' : 'moon'} /></button>
        <Account who={who} />
      </div>
    </nav>
  );
}
