import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { endExecution, executionSteps, type Execution, type ExecutionStep } from '../../../api/executions';
import { keys } from '../../../api/keys';
import { useText } from '../../../i18n';
import { clock, clockOrDate, duration, shortSid } from '../../../i18n/format';
import { Drawer } from '../../../ui/drawer';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { ErrorState, SkeletonRows, useSlow } from '../../../ui/states';
import { useToast } from '../../../ui/toast';
import { customerOf, problemText, Status } from './execution-words';
import { Values } from './values';

function Step({ step }: { step: ExecutionStep }) {
  const { t, locale } = useText();
  const { error, widgets } = step.context;
  return (
    <li className={error ? 'bad' : undefined}>
      <details>
        <summary>
          <Icon name={error ? 'alert' : 'check'} size="xs" className={error ? 'c-amber' : 'acc'} />
          <span className="grow"><b>{step.transitioned_from}</b> {step.name} <span aria-hidden="true">→</span> {step.transitioned_to === 'Ended' ? t('runs.end') : step.transitioned_to}</span>
          <time className="num c3" dateTime={step.date_created}>{clock(Date.parse(step.date_created), locale)}</time>
        </summary>
        <Values title={t('tryout.got')} values={widgets?.[step.transitioned_from]} />
        {!widgets && !error && <p className="c3">{t('tryout.gotNothing')}</p>}
      </details>
      {error && <p className="c-amber">{error.message}{error.code > 0 && ` (${error.code})`}</p>}
    </li>
  );
}

function Steps({ flow, execution }: { flow: string; execution: Execution }) {
  const { t } = useText();
  const query = useQuery({
    queryKey: [...keys.executions(flow), execution.sid, 'steps', execution.date_updated],
    queryFn: () => executionSteps(flow, execution.sid), staleTime: 30_000, placeholderData: (before) => before,
  });
  const slow = useSlow(query.isPending);
  return (
    <section>
      <h3 className="blk-h">{t('runs.steps')}</h3>
      {query.isPending && slow && <SkeletonRows rows={4} />}
      {query.isError && <ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} />}
      {query.data?.length === 0 && <p className="c3 t13">{t('runs.noSteps')}</p>}
      {query.data && query.data.length > 0 && <ol className="runs-steps">{query.data.map((step) => <Step key={step.sid} step={step} />)}</ol>}
    </section>
  );
}

function Facts({ execution }: { execution: Execution }) {
  const { t, locale } = useText();
  const { usher } = execution;
  const began = Date.parse(execution.date_created);
  const ended = usher.date_ended ? Date.parse(usher.date_ended) : undefined;
  return (
    <dl className="kv">
      <dt>{t('runs.col.status')}</dt><dd><Status execution={execution} /></dd>
      <dt>{t('runs.col.at')}</dt><dd>{usher.widget || t('runs.nowhere')}</dd>
      {execution.status === 'active' && usher.waits_for && <><dt>{t('runs.waits')}</dt><dd>{t(`runs.waits.${usher.waits_for}`)}</dd></>}
      {execution.status === 'active' && usher.wait_until && <><dt>{t('runs.until')}</dt><dd className="num">{clockOrDate(Date.parse(usher.wait_until), Date.now(), locale)}</dd></>}
      {execution.status === 'ended' && <><dt>{t('runs.col.why')}</dt><dd>{usher.reason || t('runs.byItself')}</dd></>}
      {usher.problem && <><dt>{t('runs.problem')}</dt><dd className="c-red">{problemText(usher.problem)}</dd></>}
      <dt>{t('runs.col.began')}</dt><dd className="num">{clockOrDate(began, Date.now(), locale)}</dd>
      {ended !== undefined && <><dt>{t('runs.took')}</dt><dd className="num">{duration((ended - began) / 1000)}</dd></>}
      <dt>{t('runs.revision')}</dt><dd className="num">{usher.revision}</dd>
      <dt>{t('runs.contact')}</dt><dd><bdi dir="ltr" className="mono">{execution.contact_channel_address}</bdi></dd>
      <dt>SID</dt><dd><bdi dir="ltr" className="mono">{execution.sid}</bdi></dd>
      {usher.parent_sid && <><dt>{t('runs.parent')}</dt><dd><bdi dir="ltr" className="mono" title={usher.parent_sid}>{shortSid(usher.parent_sid)}</bdi></dd></>}
    </dl>
  );
}

/** One execution: where it stands, what it did, what it knows; and its end. */
export function ExecutionDrawer({ flow, execution, onClose }: { flow: string; execution: Execution; onClose: () => void }) {
  const text = useText();
  const { t } = text;
  const toast = useToast();
  const cache = useQueryClient();
  const end = useMutation({
    mutationFn: () => endExecution(flow, execution.sid),
    onSuccess: () => {
      toast({ text: t('runs.endedNow') });
      void cache.invalidateQueries({ queryKey: keys.executions(flow) });
    },
    onError: (error) => toast({ text: t('runs.endFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
  const { variables, data } = execution.context.flow;
  return (
    <Drawer
      title={customerOf(execution) || shortSid(execution.contact_channel_address)} subtitle={t('runs.one')} onClose={onClose}
      footer={execution.status === 'active' && (
        <><span className="t12 c3 grow">{t('runs.endHelp')}</span>
          <button type="button" className="btn danger" disabled={end.isPending} onClick={() => end.mutate()}>{t('runs.endIt')}</button></>
      )}
    >
      <div className="scroll runs-body" tabIndex={0} role="group" aria-label={t('runs.one')}>
        <Facts execution={execution} />
        <Values title={t('tryout.variables')} values={variables} />
        <Values title={t('tryout.data')} values={data} />
        <Steps flow={flow} execution={execution} />
      </div>
    </Drawer>
  );
}
