import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { assistant, functions, type FunctionAddress } from '../../api/connections';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { Icon } from '../../ui/icons';
import { AssistantDrawer } from './assistant-drawer';
import { ConnectionDrawer } from './connection-drawer';
import { ListPage } from './list-page';

function Table({ rows, selected, open }: { rows: FunctionAddress[]; selected?: string; open: (sid: string) => void }) {
  const { t } = useText();
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('outside.col.match')}</th><th scope="col">{t('outside.col.url')}</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.sid} className={row.sid === selected ? 'on' : undefined}>
            <td><button type="button" className="open" aria-expanded={row.sid === selected} onClick={() => open(row.sid)}>{row.match === '*' ? t('outside.everything') : <bdi dir="ltr">{row.match}</bdi>}</button></td>
            <td className="what"><bdi dir="ltr">{row.function_url.replace(/\/\/[^@/]*@/, '//')}</bdi></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What flows ask outside: the addresses of functions as a list, and the assistant behind a button. */
export default function Connections() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.functions, queryFn: functions, staleTime: 10_000 });
  const helper = useQuery({ queryKey: keys.assistant, queryFn: assistant, staleTime: 10_000 }).data;
  const [open, setOpen] = useState<string>();
  const row = query.data?.find((each) => each.sid === open);
  const close = () => setOpen(undefined);
  const action = <button type="button" className="btn primary" onClick={() => setOpen('new')}><Icon name="plus" size="s" />{t('outside.new')}</button>;
  const ask = (
    <button type="button" className="btn" aria-expanded={open === 'assistant'} onClick={() => setOpen('assistant')}>
      {t('assistant.open')}{helper && <span className="c3">{t(helper.enabled ? 'assistant.on' : 'assistant.off')}</span>}
    </button>
  );
  return (
    <ListPage
      title={t('admin.connections')} intro={t('outside.intro')} filter={ask} action={action} query={query} icon="launch" empty={t('outside.empty')} emptyText={t('outside.emptyText')}
      drawer={open === 'assistant' ? <AssistantDrawer onClose={close} /> : (open === 'new' || row) && <ConnectionDrawer key={open} row={row} onClose={close} />}
    >
      {(rows) => <Table rows={rows} selected={open} open={setOpen} />}
    </ListPage>
  );
}
