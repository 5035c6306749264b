import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { keys } from '../../api/keys';
import { people } from '../../api/signin';
import { workerChannels, workers } from '../../api/taskrouter';
import { useText } from '../../i18n';
import { daysAgo, duration, shortDate } from '../../i18n/format';
import { Avatar } from '../../ui/avatar';
import { Icon } from '../../ui/icons';
import { useNow } from '../../ui/use-now';
import { InviteDrawer } from './invite-drawer';
import { ListPage } from './list-page';
import { WorkerDrawer } from './worker-drawer';
import { colleagues, type Colleague } from './worker-facts';

function Load({ sid }: { sid: string }) {
  const { t } = useText();
  const channels = useQuery({ queryKey: keys.channelsOf(sid), queryFn: () => workerChannels(sid), staleTime: 15_000 }).data;
  const chat = channels?.find((channel) => /chat|web/.test(channel.task_channel_unique_name)) ?? channels?.[0];
  if (!chat) return <span className="c3">–</span>;
  const max = chat.configured_capacity;
  return (
    <>
      {max > 0 && max <= 8 && <span className="load" aria-hidden="true">{Array.from({ length: max }, (_, at) => <i key={at} className={at < chat.assigned_tasks ? 'full' : undefined} />)}</span>}
      <span className="num c2">{t('workers.of', { n: chat.assigned_tasks, max })}</span>
    </>
  );
}

function Status({ worker }: Colleague) {
  const { t, locale } = useText();
  const now = useNow();
  if (!worker) return <span className="c3">{t('workers.waiting')}</span>;
  const since = Date.parse(worker.date_status_changed ?? worker.date_updated);
  const when = daysAgo(since, now) > 0 ? t('workers.since', { time: shortDate(since, locale) }) : duration((now - since) / 1000);
  return <>{worker.activity_name} <span className="c3 num">{when}</span></>;
}

const mark = ({ worker }: Colleague) => (!worker || /offline/i.test(worker.activity_name) ? 'off' : worker.available ? 'on' : 'away');

function Table({ rows, selected, open }: { rows: Colleague[]; selected?: string; open: (sid: string) => void }) {
  const { t } = useText();
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('workers.col.name')}</th><th scope="col">{t('workers.col.status')}</th><th scope="col">{t('workers.col.role')}</th><th scope="col">{t('workers.col.chats')}</th><th scope="col" className="spare">{t('workers.col.skills')}</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.sid} className={row.sid === selected ? 'on' : undefined}>
            <td><span className="row g12"><Avatar name={row.name} seed={row.sid} size="s28" status={mark(row)} /><span><button type="button" className="open" aria-expanded={row.sid === selected} onClick={() => open(row.sid)}>{row.name}</button>{row.person && <span className="sub">{row.person.email}</span>}</span></span></td>
            <td><Status {...row} /></td>
            <td>{row.person ? t(`workers.role.${row.person.role}`) : <span className="c3">{t('workers.noPerson')}</span>}</td>
            <td>{row.worker && <Load sid={row.worker.sid} />}</td>
            <td className="wrap spare">{row.skills.map((skill) => <span className="tag" key={skill}>{skill}</span>)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** People who answer: the list, the drawer of one, and the invitation of a new one. */
export function Workers() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.workers, queryFn: workers, staleTime: 5_000, refetchInterval: 15_000 });
  const persons = useQuery({ queryKey: keys.people, queryFn: people, staleTime: 15_000 }).data;
  const [open, setOpen] = useState<string>();
  const rows = useMemo(() => colleagues(query.data ?? [], persons ?? []), [query.data, persons]);
  const row = rows.find((each) => each.sid === open);
  const close = () => setOpen(undefined);
  const action = <button type="button" className="btn primary" onClick={() => setOpen('new')}><Icon name="plus" size="s" />{t('workers.new')}</button>;
  return (
    <ListPage
      title={t('admin.workers')} intro={t('workers.intro')} action={action} query={query} icon="people" empty={t('workers.empty')} emptyText={t('workers.emptyText')}
      drawer={open === 'new' ? <InviteDrawer onClose={close} /> : row && <WorkerDrawer key={open} row={row} onClose={close} />}
    >
      {() => <Table rows={rows} selected={open} open={setOpen} />}
    </ListPage>
  );
}
