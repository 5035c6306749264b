import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { studioFlows, type FlowInput } from '../../api/flex';
import { keys } from '../../api/keys';
import type { Integration, IntegrationType, TaskChannel, Workflow } from '../../api/types';
import { useText, type Key } from '../../i18n';
import { Icon } from '../../ui/icons';
import { Switch } from '../../ui/switch';
import type { Problems } from './flow-form';

interface FieldProps {
  id: string;
  label: Key;
  help?: Key;
  problem?: Key;
  children: ReactNode;
}

/** A labelled field with its help or what is wrong with it. */
export function Field({ id, label, help, problem, children }: FieldProps) {
  const { t } = useText();
  return (
    <div className="field">
      <label htmlFor={id}>{t(label)}</label>
      {children}
      {problem ? <p className="error-line" id={`${id}-help`}><Icon name="alert" size="xs" />{t(problem)}</p> : help && <p className="help" id={`${id}-help`}>{t(help)}</p>}
    </div>
  );
}

interface Props {
  input: FlowInput;
  problems: Problems;
  set: (change: Partial<FlowInput>) => void;
  workflows: Workflow[];
  taskChannels: TaskChannel[];
}

const kinds: { type: IntegrationType; label: Key; help: Key }[] = [
  { type: 'task', label: 'flows.form.task', help: 'flows.form.taskHelp' },
  { type: 'studio', label: 'flows.form.studio', help: 'flows.form.studioHelp' },
  { type: 'external', label: 'flows.form.external', help: 'flows.form.externalHelp' },
];

function TaskFields({ input, problems, set, workflows, taskChannels }: Props) {
  const put = (change: Partial<Integration>) => set({ integration: { ...input.integration, ...change } });
  const { integration } = input;
  return (
    <span className="sub-f">
      <Field id="f-workflow" label="flows.form.workflow" problem={problems.workflow}>
        <select id="f-workflow" className="input" value={integration.workflow_sid ?? ''} aria-invalid={Boolean(problems.workflow)} onChange={(event) => put({ workflow_sid: event.target.value })}>
          <option value="" />
          {workflows.map((each) => <option key={each.sid} value={each.sid}>{each.friendly_name}</option>)}
        </select>
      </Field>
      <span className="two">
        <Field id="f-channel" label="flows.form.taskChannel">
          <select id="f-channel" className="input" value={integration.channel ?? 'default'} onChange={(event) => put({ channel: event.target.value })}>
            {taskChannels.map((each) => <option key={each.sid} value={each.unique_name}>{each.friendly_name}</option>)}
            {!taskChannels.some((each) => each.unique_name === integration.channel) && integration.channel && <option value={integration.channel}>{integration.channel}</option>}
          </select>
        </Field>
        <Field id="f-priority" label="flows.form.priority">
          <input id="f-priority" className="input num" type="number" min={0} value={integration.priority ?? 0} onChange={(event) => put({ priority: Math.max(0, Number(event.target.value) || 0) })} />
        </Field>
      </span>
    </span>
  );
}

function OtherFields({ input, problems, set }: Props) {
  const put = (change: Partial<Integration>) => set({ integration: { ...input.integration, ...change } });
  const { t } = useText();
  const studio = input.integration_type === 'studio';
  const chosen = input.integration.flow_sid ?? '';
  const flows = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 30_000, enabled: studio }).data ?? [];
  return (
    <span className="sub-f">
      {studio ? (
        <Field id="f-flow" label="flows.form.flowSid" problem={problems.flow}>
          <select id="f-flow" className="input" value={chosen} aria-invalid={Boolean(problems.flow)} onChange={(event) => put({ flow_sid: event.target.value })}>
            {!chosen && <option value="" />}
            {flows.map((each) => <option key={each.sid} value={each.sid}>{t('flows.form.flowOption', { name: each.friendly_name, n: each.revision })}</option>)}
            {chosen && !flows.some((each) => each.sid === chosen) && <option value={chosen}>{chosen}</option>}
          </select>
          {/^FW[0-9a-f]{32}$/.test(chosen) && <Link className="link t13" to={`/admin/flows/${chosen}`}>{t('flows.form.openFlow')}<Icon name="next" size="s" /></Link>}
        </Field>
      ) : (
        <Field id="f-url" label="flows.form.url" problem={problems.url}>
          <input id="f-url" className="input" type="url" dir="ltr" value={input.integration.url ?? ''} aria-invalid={Boolean(problems.url)} onChange={(event) => put({ url: event.target.value.trim() })} />
        </Field>
      )}
      <Field id="f-retry" label="flows.form.retry">
        <select id="f-retry" className="input num-in" value={input.integration.retry_count ?? 3} onChange={(event) => put({ retry_count: Number(event.target.value) })}>
          {[0, 1, 2, 3].map((n) => <option key={n} value={n}>{n}</option>)}
        </select>
      </Field>
    </span>
  );
}

/** The choice of what happens, each explained in a line; the chosen one shows its own fields. */
export function Integrations(props: Props) {
  const { t } = useText();
  const { input, set } = props;
  return (
    <fieldset className="field">
      <legend className="lab">{t('flows.form.when')}</legend>
      <div className="opts">
        {kinds.map((kind) => (
          <div key={kind.type} className={input.integration_type === kind.type ? 'opt on' : 'opt'} onClick={() => set({ integration_type: kind.type })}>
            <input type="radio" className="rd" name="integration" id={`kind-${kind.type}`} checked={input.integration_type === kind.type} aria-describedby={`kind-${kind.type}-help`} onChange={() => set({ integration_type: kind.type })} />
            <span className="grow">
              <label htmlFor={`kind-${kind.type}`}><span className="m">{t(kind.label)}</span> <span className="mono c3">{kind.type}</span></label>
              <span className="help" id={`kind-${kind.type}-help`}>{t(kind.help)}</span>
              {input.integration_type === kind.type && (kind.type === 'task' ? <TaskFields {...props} /> : <OtherFields {...props} />)}
            </span>
          </div>
        ))}
      </div>
    </fieldset>
  );
}

/** A switch with its explanation. */
export function Toggle({ id, label, help, hint, on, disabled, onChange }: {
  id: string; label: Key; help: Key; hint?: Key; on: boolean; disabled?: boolean; onChange: (on: boolean) => void;
}) {
  const { t } = useText();
  return (
    <div className="tog">
      <span className="grow">
        <span className="m" id={id}>{t(label)}</span><span className="help" id={`${id}-help`}>{t(help)}</span>
        {hint && <span className="hint"><Icon name="info" size="s" className="c3" /><span>{t(hint)}</span></span>}
      </span>
      <Switch on={on} labelledBy={id} describedBy={`${id}-help`} disabled={disabled} onChange={onChange} />
    </div>
  );
}
