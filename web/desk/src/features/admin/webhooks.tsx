import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { deliveries, deliveriesShown, deliveryStates, type Delivery, type DeliveryState } from '../../api/hooks';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { clock, clockOrDate, shortSid } from '../../i18n/format';
import { useNow } from '../../ui/use-now';
import { ListPage } from './list-page';
import { Outcome } from './webhook-words';
import { WebhookDrawer } from './webhook-drawer';

function Table({ rows, selected, open }: { rows: Delivery[]; selected?: string; open: (sid: string) => void }) {
  const { t, locale } = useText();
  const now = useNow();
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('hooks.col.what')}</th><th scope="col">{t('hooks.col.when')}</th><th scope="col" className="spare">{t('hooks.col.to')}</th><th scope="col">{t('hooks.col.outcome')}</th><th scope="col" className="r spare">{t('hooks.col.tries')}</th></tr></thead>
      <tbody>
        {rows.map((row) => {
          const made = Date.parse(row.date_created);
          return (
            <tr key={row.sid} className={row.sid === selected ? 'on' : undefined}>
              <td><button type="button" className="open" aria-expanded={row.sid === selected} onClick={() => open(row.sid)}>{row.kind}</button><bdi dir="ltr" className="sub mono">{shortSid(row.subject_sid)}</bdi></td>
              <td className="num">{clockOrDate(made, now, locale)} <span className="c3">{clock(made, locale) !== clockOrDate(made, now, locale) && clock(made, locale)}</span></td>
              <td className="spare"><bdi dir="ltr">{row.target.replace(/^https?:\/\//, '') || '–'}</bdi></td>
              <td><Outcome row={row} /></td>
              <td className="r num spare">{row.attempts}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The log of webhooks: the newest first, narrowed to a state, one opened beside the list. */
export default function Webhooks() {
  const { t } = useText();
  const [state, setState] = useState<DeliveryState>();
  const [open, setOpen] = useState<string>();
  const query = useQuery({ queryKey: keys.deliveries(state), queryFn: () => deliveries(state), staleTime: 2_000, refetchInterval: 5_000 });
  const row = query.data?.find((each) => each.sid === open);
  const filter = (
    <select className="input flow-pick" aria-label={t('hooks.filter')} value={state ?? ''} onChange={(event) => setState((event.target.value || undefined) as DeliveryState | undefined)}>
      <option value="">{t('hooks.all')}</option>
      {deliveryStates.map((each) => <option key={each} value={each}>{t(`hooks.state.${each}`)}</option>)}
    </select>
  );
  return (
    <ListPage
      title={t('admin.webhooks')} intro={t('hooks.intro', { n: deliveriesShown })} filter={filter} query={query} icon="plug"
      empty={t(state ? 'hooks.none' : 'hooks.empty')} emptyText={state ? '' : t('hooks.emptyText')}
      drawer={row && <WebhookDrawer key={row.sid} row={row} onClose={() => setOpen(undefined)} />}
    >
      {(rows) => <Table rows={rows} selected={open} open={setOpen} />}
    </ListPage>
  );
}
