import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { carrierHealth, carrierKinds, carriers, switchCarrier, type CarrierConnection } from '../../api/carriers';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { Switch } from '../../ui/switch';
import { useToast } from '../../ui/toast';
import { ListPage } from './list-page';
import { NumberDrawer } from './number-drawer';
import { useKindName } from './number-words';
import './numbers.css';

/** How many addresses a row names before it only counts them. */
const NAMED = 2;

function useToggle() {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  return useMutation({
    mutationFn: ({ row, on }: { row: CarrierConnection; on: boolean }) => switchCarrier(row.sid, on),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.carriers }),
    onError: (error) => toast({ text: text.t('numbers.switchFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
}

function Health({ row }: { row: CarrierConnection }) {
  const { t } = useText();
  const { data } = useQuery({ queryKey: keys.carrierHealth(row.sid), queryFn: () => carrierHealth(row.sid), enabled: row.enabled, staleTime: 4_000, refetchInterval: 5_000 });
  const status = row.enabled ? data?.status : 'off';
  if (!status) return null;
  const light = { up: 'green', down: 'red', unknown: 'hollow', off: 'hollow' }[status];
  return (
    <span className="row"><span className={`dot ${light}`} />
      <span>{t(`numbers.health.${status}`)}{status === 'down' && data?.problem && <span className="sub num-why" title={data.problem}>{data.problem}</span>}</span>
    </span>
  );
}

function Addresses({ all }: { all: string[] }) {
  const { t } = useText();
  if (all.length === 0) return <span className="c3">{t('numbers.none')}</span>;
  return (
    <>
      {all.slice(0, NAMED).map((each) => <bdi key={each} dir="ltr" className="num-address">{each}</bdi>)}
      {all.length > NAMED && <span className="sub">{t('numbers.more', { n: all.length - NAMED })}</span>}
    </>
  );
}

function Table({ rows, selected, open }: { rows: CarrierConnection[]; selected?: string; open: (sid: string) => void }) {
  const { t } = useText();
  const toggle = useToggle();
  const kindName = useKindName();
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('numbers.col.name')}</th><th scope="col" className="spare">{t('numbers.col.addresses')}</th><th scope="col">{t('numbers.col.health')}</th><th scope="col">{t('numbers.col.on')}</th></tr></thead>
      <tbody>
        {rows.map((row) => {
          const name = row.friendly_name || kindName(row.kind);
          return (
            <tr key={row.sid} className={row.sid === selected ? 'on' : undefined}>
              <td><button type="button" className="open" aria-expanded={row.sid === selected} onClick={() => open(row.sid)}>{name}</button>{row.friendly_name && <span className="sub">{kindName(row.kind)}</span>}</td>
              <td className="spare num"><Addresses all={row.addresses} /></td>
              <td><Health row={row} /></td>
              <td><span className="above"><Switch on={row.enabled} label={t('numbers.switch', { name })} onChange={(on) => toggle.mutate({ row, on })} /></span></td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Connections to carriers with their numbers: how they stand, their settings, a test message. */
export default function Numbers() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.carriers, queryFn: carriers, staleTime: 5_000 });
  const kinds = useQuery({ queryKey: keys.carrierKinds, queryFn: carrierKinds, staleTime: Infinity }).data;
  const [open, setOpen] = useState<string>();
  const row = query.data?.find((each) => each.sid === open);
  const action = <button type="button" className="btn primary" disabled={!kinds} onClick={() => setOpen('new')}><Icon name="plus" size="s" />{t('numbers.new')}</button>;
  return (
    <ListPage
      title={t('admin.numbers')} intro={t('numbers.intro')} action={action} query={query} icon="sms" empty={t('numbers.empty')} emptyText={t('numbers.emptyText')}
      drawer={kinds && (open === 'new' || row) && <NumberDrawer key={open} kinds={kinds} row={row} onClose={() => setOpen(undefined)} />}
    >
      {(rows) => <Table rows={rows} selected={open} open={setOpen} />}
    </ListPage>
  );
}
