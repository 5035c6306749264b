import { useState } from 'react';
import { useLive } from '../../api/live';
import { useText } from '../../i18n';
import { duration, hoursMinutes } from '../../i18n/format';
import { Icon } from '../../ui/icons';
import { MenuButton, MenuItem } from '../../ui/menu';
import { Keycap, useShortcuts } from '../../ui/shortcuts';
import { useNow } from '../../ui/use-now';
import { spentToday } from './ledger';
import { useRingPref } from './ring';
import { markOf, useStatus } from './use-status';

function Choices() {
  const { t } = useText();
  const { worker, ledger, choices, change } = useStatus();
  const now = useNow();
  return choices.map((activity) => {
    const current = activity.sid === worker?.activity_sid;
    const spent = ledger ? spentToday(ledger, activity.sid, now) : 0;
    return (
      <MenuItem key={activity.sid} kind="radio" checked={current} onSelect={() => current || change(activity)}>
        <span className={`dot ${markOf(activity)}`} />
        <span className={current ? 'grow m' : 'grow'}>{activity.friendly_name}</span>
        <span className="num t12 c2">{spent >= 60 ? t('status.today', { time: hoursMinutes(spent) }) : current ? '' : t('status.notToday')}</span>
        {current && <Icon name="check" size="s" className="acc" />}
        {!current && markOf(activity) === 'hollow' && <Keycap id="away" />}
      </MenuItem>
    );
  });
}

/** What the browser says about notifications. */
export function useNotifications() {
  const [permission, set] = useState<NotificationPermission>(() => (typeof Notification === 'undefined' ? 'denied' : Notification.permission));
  const ask = () => {
    if (permission === 'default') void Notification.requestPermission().then(set);
  };
  return { permission, ask };
}

/** The status button with its menu: choose a status, the ring, notifications. */
export function StatusMenu() {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const { choices, change, worker } = useStatus();
  const [ring, setRing] = useRingPref();
  const { permission, ask } = useNotifications();
  const away = choices.find((activity) => markOf(activity) === 'hollow');
  useShortcuts({
    status: () => setOpen(true),
    away: away && worker?.activity_sid !== away.sid ? () => change(away) : undefined,
    mute: () => setRing(!ring),
  });
  const notify = { granted: 'status.notifyOn', default: 'status.notifyAsk', denied: 'status.notifyDenied' } as const;
  return (
    <MenuButton
      label={t('status.menu')} opened={open} onChange={setOpen}
      button={(props) => <button type="button" className="status" {...props}><Current /></button>}
    >
      <Choices />
      <hr />
      <MenuItem kind="check" checked={ring} keepOpen onSelect={() => setRing(!ring)}>
        <Icon name="bell" size="s" className="c2" />
        <span className="grow">{t('status.ring')}</span>
        <span className="t12 c2">{t(ring ? 'status.ringOn' : 'status.ringOff')}</span>
      </MenuItem>
      <MenuItem keepOpen disabled={permission !== 'default'} onSelect={ask}>
        <Icon name="info" size="s" className="c2" />
        <span className="grow">{t('status.notify')}</span>
        <span className="t12 c2">{t(notify[permission])}</span>
      </MenuItem>
      <p className="help menu-note" role="presentation">{t('status.device')}</p>
    </MenuButton>
  );
}

function Current() {
  const { t } = useText();
  const { state } = useLive();
  const { worker, since } = useStatus();
  const now = useNow();
  const cut = state.state === 'offline' || state.state === 'refused';
  const name = cut ? t('status.reconnecting') : worker?.activity_name;
  return (
    <>
      <span className="vh">{t('status.menu')}: </span>
      {worker && <span className={`dot ${cut ? 'amber' : markOf({ available: worker.available, friendly_name: worker.activity_name })}`} />}
      {name ? <span className="ell">{name}</span> : <span className="sk status-sk" />}
      {worker && <span className="num">{duration((now - (cut ? state.since : since)) / 1000)}</span>}
      <Icon name="down" size="s" className="c3" />
    </>
  );
}
