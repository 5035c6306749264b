import type { Delivery } from '../../api/hooks';
import { useText } from '../../i18n';
import type { Key } from '../../i18n';
import { Icon, type IconName } from '../../ui/icons';

const icons: Record<Delivery['state'], IconName> = { pending: 'clock', delivered: 'check', failed: 'alert', refused: 'shield', canceled: 'close', erased: 'trash' };

const failures: Record<string, Key> = {
  timeout: 'hooks.failure.timeout', status: 'hooks.failure.status', refused: 'hooks.failure.refused',
  unreachable: 'hooks.failure.unreachable', 'too-large': 'hooks.failure.tooLarge',
};

/** Why the last try failed, in words; nothing after a good one. */
export function useFailure(row: Delivery): string | undefined {
  const { t } = useText();
  const key = failures[row.failure ?? ''];
  return key && t(key, { status: row.status ?? '' });
}

/** What became of a delivery: its state, and what the last try ended with. */
export function Outcome({ row }: { row: Delivery }) {
  const { t } = useText();
  const why = useFailure(row);
  const bad = row.state === 'failed' || row.state === 'refused';
  return (
    <span className="row">
      <Icon name={icons[row.state]} size="s" className={bad ? 'c-red' : row.state === 'delivered' ? 'c-green' : 'c3'} />
      <span>{t(`hooks.state.${row.state}`)}<span className="sub">{why ?? (row.status ? String(row.status) : '')}</span></span>
    </span>
  );
}
