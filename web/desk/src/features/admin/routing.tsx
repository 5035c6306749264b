import { useQuery } from '@tanstack/react-query';
import { keys } from '../../api/keys';
import { activities, taskQueues, workers, workflows } from '../../api/taskrouter';
import { useText } from '../../i18n';
import { duration, shortSid } from '../../i18n/format';
import { ListPage } from './list-page';
import { readRouting } from './routing-doc';

/** Task queues: who may answer what waits in them. */
export function Queues() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.queues, queryFn: taskQueues, staleTime: 15_000 });
  const everyone = /^\s*1\s*={1,2}\s*1\s*$/;
  return (
    <ListPage title={t('admin.queues')} intro={`${t('queues.intro')} ${t('queues.readOnly')}`} query={query} icon="lines" empty={t('queues.empty')} emptyText="">
      {(queues) => (
        <table className="tbl">
          <thead><tr><th scope="col">{t('queues.col.name')}</th><th scope="col">{t('queues.col.target')}</th><th scope="col">{t('queues.col.order')}</th></tr></thead>
          <tbody>
            {queues.map((queue) => (
              <tr key={queue.sid}>
                <td><span className="m">{queue.friendly_name}</span><bdi dir="ltr" className="sub mono">{shortSid(queue.sid)}</bdi></td>
                <td className="wrap">{!queue.target_workers || everyone.test(queue.target_workers) ? t('queues.everyone') : <code className="mono" dir="ltr">{queue.target_workers}</code>}</td>
                <td>{t(queue.task_order === 'LIFO' ? 'queues.lifo' : 'queues.fifo')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </ListPage>
  );
}

/** Workflows: their filters as readable rows. */
export function Workflows() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 15_000 });
  const queues = useQuery({ queryKey: keys.queues, queryFn: taskQueues, staleTime: 15_000 }).data ?? [];
  const nameOf = (sid: string | undefined) => (sid ? (queues.find((queue) => queue.sid === sid)?.friendly_name ?? shortSid(sid)) : t('workflows.none'));
  return (
    <ListPage title={t('admin.workflows')} intro={`${t('workflows.intro')} ${t('queues.readOnly')}`} query={query} icon="route" empty={t('workflows.empty')} emptyText="">
      {(all) => (
        <table className="tbl">
          <thead><tr><th scope="col">{t('workflows.col.name')}</th><th scope="col">{t('workflows.col.filters')}</th><th scope="col">{t('workflows.col.default')}</th><th scope="col" className="r">{t('workflows.col.timeout')}</th></tr></thead>
          <tbody>
            {all.map((workflow) => {
              const doc = readRouting(workflow.configuration);
              return (
                <tr key={workflow.sid}>
                  <td><span className="m">{workflow.friendly_name}</span><bdi dir="ltr" className="sub mono">{shortSid(workflow.sid)}</bdi></td>
                  <td className="wrap">
                    {!doc && <span className="c-amber">{t('workflows.broken')}</span>}
                    {doc?.filters.length === 0 && <span className="c3">{t('workflows.none')}</span>}
                    {doc?.filters.map((filter, at) => <span key={at} className="col">{t('workflows.to', { name: filter.name, queues: filter.queues.map(nameOf).join(' → ') })}</span>)}
                  </td>
                  <td>{nameOf(doc?.otherwise)}</td>
                  <td className="r num">{duration(workflow.task_reservation_timeout)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </ListPage>
  );
}

/** Statuses, and how many people are in each. */
export function Activities() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.activities, queryFn: activities, staleTime: 15_000 });
  const people = useQuery({ queryKey: keys.workers, queryFn: workers, staleTime: 5_000, refetchInterval: 15_000 }).data;
  return (
    <ListPage title={t('admin.activities')} intro={`${t('activities.intro')} ${t('queues.readOnly')}`} query={query} icon="cup" empty={t('activities.empty')} emptyText="">
      {(all) => (
        <table className="tbl">
          <thead><tr><th scope="col">{t('activities.col.name')}</th><th scope="col">{t('activities.col.rings')}</th><th scope="col" className="r">{t('activities.col.people')}</th></tr></thead>
          <tbody>
            {all.map((activity) => (
              <tr key={activity.sid}>
                <td><span className="row"><span className={`dot ${activity.available ? 'green' : /offline/i.test(activity.friendly_name) ? 'hollow' : 'amber'}`} /><span className="m">{activity.friendly_name}</span></span></td>
                <td>{t(activity.available ? 'activities.yes' : 'activities.no')}</td>
                <td className="r num">{people ? people.filter((worker) => worker.activity_sid === activity.sid).length : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </ListPage>
  );
}
