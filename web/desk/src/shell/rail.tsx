import { Menu } from '@mantine/core';
import { Link, NavLink, useLocation } from 'react-router';
import { signOut } from '../api/signin';
import type { Session } from '../api/types';
import { markOf, useStatus } from '../features/inbox';
import { useText } from '../i18n';
import { useDensity, useScheme } from '../ui/appearance';
import { Avatar } from '../ui/avatar';
import { Icon, Mark } from '../ui/icons';
import { handlerOf, useShortcuts } from '../ui/shortcuts';
import { useWork } from '../api/queries';

function Account({ who }: { who: Session }) {
  const { t, locale, setLocale } = useText();
  const { worker } = useStatus();
  const { compact, toggle } = useDensity();
  useShortcuts({ density: toggle });
  const mark = worker ? markOf({ available: worker.available, friendly_name: worker.activity_name }) : 'hollow';
  return (
    <Menu position="right-end" offset={8} width={232} classNames={{ dropdown: 'menu', item: 'mi', itemLabel: 'mi-label', divider: 'mi-hr' }}>
      <Menu.Target>
        <button type="button" className="nav">
          <span className="vh">{t('nav.account', { name: who.person.name, status: worker?.activity_name ?? '' })}</span>
          <Avatar name={who.person.name} seed={who.person.sid} size="s28" status={mark === 'green' ? 'on' : mark === 'amber' ? 'away' : 'off'} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="account-head"><div className="m ell">{who.person.name}</div><div className="t12 c3 ell">{who.person.email}</div></div>
        <Menu.Divider />
        <Menu.Item role="menuitemcheckbox" aria-checked={compact} closeMenuOnClick={false} onClick={toggle}><Icon name="density" size="s" className="c2" /><span className="grow">{t('account.compact')}</span>{compact && <Icon name="check" size="s" className="acc" />}</Menu.Item>
        <Menu.Item lang={locale === 'en' ? 'ja' : 'en'} closeMenuOnClick={false} onClick={() => setLocale(locale === 'en' ? 'ja' : 'en')}><Icon name="globe" size="s" className="c2" /><span className="grow">{t('account.language')}</span></Menu.Item>
        <Menu.Item component={Link} to="/password"><Icon name="key" size="s" className="c2" /><span className="grow">{t('account.password')}</span></Menu.Item>
        <Menu.Item onClick={() => void signOut()}><Icon name="leave" size="s" className="c2" /><span className="grow">{t('account.signOut')}</span></Menu.Item>
      </Menu.Dropdown>
    </Menu>
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
