import { Menu } from '@mantine/core';
import { useState } from 'react';
import { useLive } from '../../api/live';
import { useText } from '../../i18n';
import { duration, hoursMinutes } from '../../i18n/format';
import { Icon } from '../../ui/icons';
import { Keycap, useShortcuts } from '../../ui/shortcuts';
import { useNow } from '../../ui/use-now';
import { spentToday } from './ledger';
import { useRingPref } from './ring';
import { markOf, useStatus } from './use-status';

function Button({ open }: { open: boolean }) {
  const { t } = useText();
  const { state } = useLive();
  const { worker, since } = useStatus();
  const now = useNow();
  const cut = state.state === 'offline' || state.state === 'refused';
  if (!worker) return <Menu.Target><button type="button" className="status" disabled><span className="sk w20" /></button></Menu.Target>;
  const name = cut ? t('status.reconnecting') : worker.activity_name;
  return (
    <Menu.Target>
      <button type="button" className="status" aria-expanded={open}>
        <span className="vh">{t('status.menu')}: </span>
        <span className={`dot ${cut ? 'amber' : markOf({ available: worker.available, friendly_name: worker.activity_name })}`} />
        <span className="ell">{name}</span>
        <span className="num">{duration((now - (cut ? state.since : since)) / 1000)}</span>
        <Icon name="down" size="s" className="c3" />
      </button>
    </Menu.Target>
  );
}

function Choices() {
  const { t } = useText();
  const { worker, ledger, choices, change } = useStatus();
  const now = useNow();
  return choices.map((activity) => {
    const current = activity.sid === worker?.activity_sid;
    const spent = ledger ? spentToday(ledger, activity.sid, now) : 0;
    return (
      <Menu.Item key={activity.sid} role="menuitemradio" aria-checked={current} onClick={() => current || change(activity)}>
        <span className={`dot ${markOf(activity)}`} />
        <span className={current ? 'grow m' : 'grow'}>{activity.friendly_name}</span>
        <span className="num t12 c3">{spent >= 60 ? t('status.today', { time: hoursMinutes(spent) }) : current ? '' : t('status.notToday')}</span>
        {current && <Icon name="check" size="s" className="acc" />}
        {!current && markOf(activity) === 'hollow' && <Keycap id="away" />}
      </Menu.Item>
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
    <Menu opened={open} onChange={setOpen} position="bottom-start" offset={4} width={296} classNames={{ dropdown: 'menu', item: 'mi', itemLabel: 'mi-label', divider: 'mi-hr' }}>
      <Button open={open} />
      <Menu.Dropdown aria-label={t('status.menu')}>
        <Choices />
        <Menu.Divider />
        <Menu.Item role="menuitemcheckbox" aria-checked={ring} closeMenuOnClick={false} onClick={() => setRing(!ring)}>
          <Icon name="bell" size="s" className="c2" />
          <span className="grow">{t('status.ring')}</span>
          <span className="t12 c3">{t(ring ? 'status.ringOn' : 'status.ringOff')}</span>
        </Menu.Item>
        <Menu.Item closeMenuOnClick={false} disabled={permission === 'denied'} onClick={ask}>
          <Icon name="info" size="s" className="c2" />
          <span className="grow">{t('status.notify')}</span>
          <span className="t12 c3">{t(notify[permission])}</span>
        </Menu.Item>
        <p className="help menu-note">{t('status.device')}</p>
      </Menu.Dropdown>
    </Menu>
  );
}
