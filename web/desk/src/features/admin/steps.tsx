import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { keys } from '../../api/keys';
import { useWorker } from '../../api/queries';
import { activities, setActivity } from '../../api/taskrouter';
import type { FlexFlow } from '../../api/types';
import { useText, type Key } from '../../i18n';
import { Icon } from '../../ui/icons';
import type { Step, StepId } from './ready';

const helps: Partial<Record<StepId, Key>> = {
  available: 'td.step.availableHelp', chat: 'td.step.chatHelp', answer: 'td.step.answerHelp', complete: 'td.step.completeHelp',
};

function BecomeAvailable() {
  const { t } = useText();
  const cache = useQueryClient();
  const worker = useWorker().data;
  const activity = useQuery({ queryKey: keys.activities, queryFn: activities, staleTime: 60_000 }).data?.find((each) => each.available);
  const change = useMutation({ mutationFn: () => setActivity(worker!.sid, activity!.sid), onSuccess: (next) => cache.setQueryData(keys.worker, next) });
  if (!worker || !activity) return null;
  return <button type="button" className="btn" disabled={change.isPending} onClick={() => change.mutate()}>{t('td.step.availableDo', { status: activity.friendly_name })}</button>;
}

function Act({ id, flow }: { id: StepId; flow?: FlexFlow }) {
  const { t } = useText();
  if (id === 'signin') return <Link className="btn" to="/password">{t('td.step.signinDo')}</Link>;
  if (id === 'channel') return <Link className="btn" to="/admin/channels">{t('td.toChannels')}</Link>;
  if (id === 'available') return <BecomeAvailable />;
  if (id === 'chat') return flow ? <a className="btn" href={`/demo/?flow=${flow.sid}`} target="_blank" rel="noopener">{t('td.step.chatDo')}</a> : null;
  if (id === 'team') return <Link className="btn" to="/admin/workers">{t('td.step.teamDo')}</Link>;
  return <Link className="btn" to="/">{t('td.step.answerDo')}</Link>;
}

/** Getting ready: what is done, what is next, how to do it. */
export function Steps({ steps, flow, people }: { steps: Step[]; flow?: FlexFlow; people: number }) {
  const { t, plural } = useText();
  const done = steps.filter((step) => step.done).length;
  const next = steps.find((step) => !step.done)?.id;
  return (
    <section className="ready" aria-label={t('td.ready')}>
      <div className="row"><h2 className="title">{t('td.ready')}</h2><span className="push t12 c3 num">{t('td.done', { n: done, max: steps.length })}</span></div>
      <div className="prog" aria-hidden="true">{steps.map((step, at) => <i key={step.id} className={at < done ? 'full' : undefined} />)}</div>
      <ul className="steps">
        {steps.map((step) => (
          <li key={step.id} className={step.done ? 'done' : step.id === next ? 'cur' : undefined}>
            <span className="ck" aria-hidden="true">{step.done && <Icon name="check" size="xs" />}</span>
            <span className="grow"><span className={step.id === next ? 'm' : undefined}>{t(step.text)}</span>{step.id === next && helps[step.id] && <span className="t12 c3">{t(helps[step.id]!)}</span>}</span>
            {step.id === 'team' && <span className="t12 c3">{plural('td.step.teamNow', people)}</span>}
            {step.id === next && <Act id={step.id} flow={flow} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
