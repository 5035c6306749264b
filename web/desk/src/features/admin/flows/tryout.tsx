import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent, type UIEvent } from 'react';
import { keys } from '../../../api/keys';
import { taskChannels, workflows } from '../../../api/taskrouter';
import { stepContext, type Tryout as Conversation, type TryoutEvent, type TryoutLine, type TryoutStart, type TryoutStep } from '../../../api/tryout';
import { useText } from '../../../i18n';
import { shortSid } from '../../../i18n/format';
import { channelLabel } from '../../../ui/channel-label';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { Spinning } from './spinning';
import { busy, hears, rowsOf } from './path';
import { useTryout, type OnPath } from './use-tryout';
import { Values } from './values';
import './tryout.css';

const channels = ['web', 'sms', 'whatsapp', 'facebook', 'line', 'custom'];

function TaskCard({ line, open, happen }: { line: TryoutLine; open: boolean; happen: (event: TryoutEvent) => void }) {
  const { t } = useText();
  const all = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 30_000 }).data;
  const channels = useQuery({ queryKey: keys.taskChannels, queryFn: taskChannels, staleTime: 30_000 }).data;
  const task = line.task!;
  const known = all?.find((each) => each.sid === task.workflow_sid);
  const workflow = known?.friendly_name ?? (task.workflow_sid ? shortSid(task.workflow_sid) : t('tryout.ownWorkflow'));
  return (
    <article className="try-task" aria-label={t('tryout.task')}>
      <b className="row"><Icon name="desk" size="s" />{t('tryout.task')}</b>
      <p>{t('tryout.taskText', { workflow, channel: channels?.find((each) => each.sid === task.task_channel)?.friendly_name ?? shortSid(task.task_channel) })}</p>
      {all && !known && <p className="c-amber">{t('tryout.noWorkflow')}</p>}
      <Values title={t('tryout.attributes')} values={task.attributes} />
      {open && (
        <div className="try-acts">
          <button type="button" className="btn" onClick={() => happen('callComplete')}>{t('tryout.complete')}</button>
          <button type="button" className="btn quiet" onClick={() => happen('failedToEnqueue')}>{t('tryout.notMade')}</button>
        </div>
      )}
    </article>
  );
}

function Line({ line, open, happen }: { line: TryoutLine; open: boolean; happen: (event: TryoutEvent) => void }) {
  const { t } = useText();
  if (line.kind === 'task') return <TaskCard line={line} open={open} happen={happen} />;
  const mine = line.kind === 'customer';
  return (
    <div className={mine ? 'try-b me' : 'try-b'}>
      <span className="vh">{mine ? t('tryout.you') : line.author}: </span>
      {line.to && <span className="try-to">{t('tryout.to', { to: line.to })}</span>}
      <span dir="auto">{line.body}</span>
      {line.media_url && <bdi dir="ltr" className="try-to">{line.media_url}</bdi>}
    </div>
  );
}

function Step({ step, tryout }: { step: TryoutStep; tryout: Conversation }) {
  const { t } = useText();
  const [open, toggle] = useState(false);
  const context = useQuery({
    queryKey: ['tryout-step', step.sid], enabled: open, staleTime: Infinity, retry: 1,
    queryFn: () => stepContext(tryout.flow_sid, tryout.sid, step.sid),
  });
  const got = context.data?.context.widgets?.[step.transitioned_from];
  return (
    <div className="try-step">
      <button type="button" aria-expanded={open} onClick={() => toggle(!open)}>
        <Icon name={step.error ? 'alert' : 'check'} size="xs" className={step.error ? 'c-amber' : 'acc'} />
        <span className="ell">{step.transitioned_from} <b>{step.name}</b></span>
      </button>
      {step.error && <p className="c-amber">{step.error}{step.code > 0 && ` (${step.code})`}</p>}
      {open && context.isError && <p className="c-red">{t('tryout.stepFailed')}</p>}
      {open && context.data && (got && typeof got === 'object' && !Array.isArray(got)
        ? <Values title={t('tryout.got')} values={got} /> : <p className="c3">{t('tryout.gotNothing')}</p>)}
    </div>
  );
}

function Log({ tryout, happen }: { tryout: Conversation; happen: (event: TryoutEvent) => void }) {
  const { t } = useText();
  const box = useRef<HTMLDivElement>(null);
  const rows = rowsOf(tryout);
  const asked = tryout.waits?.for === 'task' ? tryout.lines.findLast((line) => line.kind === 'task')?.sid : undefined;
  const end = useRef(true);
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });
  useEffect(() => void toEnd(), [rows.length]);
  useEffect(() => {
    const watch = new ResizeObserver(() => end.current && toEnd());
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  const onScroll = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: UIEvent) => {
    end.current = scrollHeight - scrollTop - clientHeight < 48;
  };
  return (
    <div className="try-log" role="log" aria-label={t('tryout.title')} ref={box} tabIndex={0} onScroll={onScroll}>
      {rows.map((row) => (row.kind === 'line'
        ? <Line key={row.line.sid} line={row.line} open={row.line.sid === asked} happen={happen} />
        : <Step key={row.step.sid} step={row.step} tryout={tryout} />))}
      {busy(tryout) && (
        <div className="try-step on"><Spinning />{tryout.waits?.widget} <b>{t('tryout.working')}</b></div>
      )}
    </div>
  );
}

function Context({ tryout }: { tryout: Conversation }) {
  const { t } = useText();
  const { flow, widgets, trigger, contact } = tryout.context;
  const none = Object.keys(flow.variables).length === 0;
  return (
    <div className="try-log" tabIndex={0} role="region" aria-label={t('tryout.context')}>
      {none ? <p className="c3 t13">{t('tryout.noVariables')}</p> : <Values title={t('tryout.variables')} values={flow.variables} />}
      <Values title={t('tryout.data')} values={flow.data} />
      {Object.entries(widgets).map(([name, values]) => (
        <Values key={name} title={`widgets.${name}`} values={values} />
      ))}
      <Values title="trigger" values={trigger} />
      <Values title="contact" values={contact} />
    </div>
  );
}

type How = Omit<TryoutStart, 'body'>;

function Setup({ how, change }: { how: How; change: (how: How) => void }) {
  const { t } = useText();
  return (
    <div className="try-log try-setup">
      <p className="c2 t13">{t('tryout.intro')}</p>
      <label className="field"><span className="lab">{t('tryout.revision')}</span>
        <select className="input" value={how.revision} onChange={(event) => change({ ...how, revision: event.target.value as How['revision'] })}>
          <option value="LatestRevision">{t('tryout.saved')}</option>
          <option value="LatestPublished">{t('tryout.published')}</option>
        </select></label>
      <label className="field"><span className="lab">{t('tryout.channel')}</span>
        <select className="input" value={how.channelType} onChange={(event) => change({ ...how, channelType: event.target.value })}>
          {channels.map((each) => <option key={each} value={each}>{t(channelLabel(each))}</option>)}
        </select></label>
      <label className="field"><span className="lab">{t('tryout.name')}</span>
        <input className="input" maxLength={64} value={how.name} onChange={(event) => change({ ...how, name: event.target.value })} /></label>
      <label className="field"><span className="lab">{t('tryout.form')}</span>
        <textarea className="input mono" rows={2} spellCheck={false} placeholder='{"email": "ana@example.com"}' value={how.preEngagement} onChange={(event) => change({ ...how, preEngagement: event.target.value })} />
        <span className="help">{t('tryout.formHelp')}</span></label>
    </div>
  );
}

function Composer({ disabled, hint, send }: { disabled: boolean; hint: string; send: (body: string) => Promise<boolean> }) {
  const { t } = useText();
  const [draft, write] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = draft.trim();
    if (!body || disabled) return;
    write('');
    void send(body).then((ok) => ok || write((now) => now || body));
  };
  return (
    <form className="try-cp" onSubmit={submit}>
      <input className="input" dir="auto" aria-label={t('tryout.write')} placeholder={hint} value={draft} readOnly={disabled} onChange={(event) => write(event.target.value)} />
      <button type="submit" className="try-send" aria-label={t('chat.send')} disabled={disabled || !draft.trim()}><Icon name="toBottom" size="s" /></button>
    </form>
  );
}

/** How it stands, where that is not a message to be written. */
function Standing({ tryout, left, happen, again }: { tryout: Conversation; left: boolean; happen: (event: TryoutEvent) => void; again: () => void }) {
  const { t } = useText();
  if (left || tryout.status === 'ended') {
    return (
      <div className="try-end" role="status">
        <span className="grow">{left ? t('tryout.left') : tryout.reason ? t('tryout.endedFor', { why: tryout.reason }) : t('tryout.ended')}</span>
        <button type="button" className="btn" onClick={again}><Icon name="retry" size="s" />{t('tryout.again')}</button>
      </div>
    );
  }
  if (!hears(tryout) || !tryout.waits?.until) return null;
  return <div className="try-skip"><button type="button" className="btn quiet" onClick={() => happen('timeout')}><Icon name="clock" size="s" />{t('tryout.timeout')}</button></div>;
}

interface Props {
  /** SID of the flow. */
  flow: string;
  /** Hears the widgets and transitions ("widget" and "widget.event") that were passed, and where the conversation stands. */
  onPath: OnPath;
}

/** A test conversation: the operator writes as a customer and sees what the flow answers, does and knows. */
export function Tryout({ flow, onPath }: Props) {
  const text = useText();
  const { t } = text;
  const { tryout, error, left, waiting, start, say, happen, again } = useTryout(flow, onPath);
  const [how, change] = useState<How>({ revision: 'LatestRevision', channelType: 'web', name: '', preEngagement: '' });
  const [tab, show] = useState<'log' | 'context'>('log');
  const over = left || tryout?.status === 'ended';
  const deaf = !!tryout && !hears(tryout);
  const hint = !tryout || !deaf ? t('tryout.write') : over ? t('tryout.over') : t(tryout.waits?.for === 'task' ? 'tryout.withAgent' : 'tryout.busy');
  const act = (event: TryoutEvent) => void happen(event);
  return (
    <aside className="try" aria-label={t('tryout.title')}>
      <header className="try-h">
        <h2>{t('tryout.title')}</h2>
        {tryout && <span className="tag">{t('tryout.of', { n: tryout.revision })}</span>}
        {tryout && <button type="button" className="ib sm push" aria-label={t('tryout.again')} title={t('tryout.again')} onClick={again}><Icon name="retry" size="s" /></button>}
      </header>
      {tryout && (
        <div className="try-tabs" role="group" aria-label={t('tryout.views')}>
          <button type="button" aria-pressed={tab === 'log'} onClick={() => show('log')}>{t('tryout.log')}</button>
          <button type="button" aria-pressed={tab === 'context'} onClick={() => show('context')}>{t('tryout.context')}</button>
        </div>
      )}
      {!tryout ? <Setup how={how} change={change} /> : tab === 'log' ? <Log tryout={tryout} happen={act} /> : <Context tryout={tryout} />}
      {error !== undefined && <p className="error-line try-error" role="alert">{explain(error, text)}</p>}
      {tryout && <Standing tryout={tryout} left={left} happen={act} again={again} />}
      {!over && <Composer disabled={waiting || deaf} hint={hint} send={(body) => (tryout ? say(body) : start({ ...how, body }))} />}
    </aside>
  );
}
