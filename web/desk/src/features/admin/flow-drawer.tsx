import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { createFlow, flowForm, updateFlow, type FlowInput } from '../../api/flex';
import { session } from '../../api/http';
import { keys } from '../../api/keys';
import { taskChannels, workflows } from '../../api/taskrouter';
import type { ChannelType, FlexFlow, TaskChannel, Workflow } from '../../api/types';
import { useText } from '../../i18n';
import { longDate } from '../../i18n/format';
import { channelLabel } from '../../ui/channel-label';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { SkeletonRows, useSlow } from '../../ui/states';
import { useToast } from '../../ui/toast';
import { Field, Integrations, Toggle } from './flow-fields';
import { FlowRules } from './flow-rules';
import { blankFlow, channelTypes, fromFlow, problemsOf } from './flow-form';
import { WebhookTest } from './webhook-test';
import { Words } from './words';

interface Props {
  /** None: a new one is made. */
  flow?: FlexFlow;
  onClose: () => void;
  onDelete: (flow: FlexFlow) => void;
}

function useSave(flow: FlexFlow | undefined, onSaved: (flow: FlexFlow) => void) {
  const cache = useQueryClient();
  const toast = useToast();
  const { t } = useText();
  return useMutation({
    mutationFn: (input: FlowInput) => (flow ? updateFlow(flow.sid, flowForm(input)) : createFlow(input)),
    onSuccess: (saved) => {
      cache.setQueryData<FlexFlow[]>(keys.flows, (all) => (all?.some((each) => each.sid === saved.sid) ? all.map((each) => (each.sid === saved.sid ? saved : each)) : [...(all ?? []), saved]));
      toast({ text: t('flows.saved', { name: saved.friendly_name }), seconds: 4 });
      onSaved(saved);
    },
  });
}

function Form({ flow, onClose, onDelete, flows, channels }: Props & { flows: Workflow[]; channels: TaskChannel[] }) {
  const text = useText();
  const { t, locale } = text;
  const blank = blankFlow(session()?.workspace_sid ?? '', flows);
  const [input, setInput] = useState<FlowInput>(() => (flow ? fromFlow(flow, blank) : blank));
  const [tried, setTried] = useState(false);
  const save = useSave(flow, onClose);
  const set = (change: Partial<FlowInput>) => setInput((old) => ({ ...old, ...change }));
  const all = problemsOf(input);
  const problems = tried ? all : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(all).length === 0) save.mutate({ ...input, friendly_name: input.friendly_name.trim() });
    else requestAnimationFrame(() => document.querySelector<HTMLElement>('.drawer [aria-invalid="true"]')?.focus());
  };
  const date = flow && longDate(Date.parse(flow.date_updated), Date.now(), locale);
  const footer = (
    <>
      {flow ? <button type="button" className="btn quiet danger" onClick={() => onDelete(flow)}><Icon name="trash" size="s" />{t('flows.delete')}</button> : <span className="t12 c3">{t('flows.fits')}</span>}
      <span className="push row">
        <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
        <button type="submit" form="flow-form" className="btn primary" disabled={save.isPending}>{t(save.isPending ? 'state.saving' : 'state.save')}</button>
      </span>
    </>
  );
  return (
    <Drawer
      title={flow ? flow.friendly_name : t('flows.drawerNew')}
      subtitle={flow && t('flows.changed', { channel: t(channelLabel(flow.channel_type)), date: date ?? '' })}
      onClose={onClose} footer={footer}
    >
      <form className="form" id="flow-form" onSubmit={submit} noValidate>
        {save.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('flows.saveFailed', { why: explain(save.error, text) })}</span></p>}
        <div className="two">
          <Field id="f-name" label="flows.form.name" help="flows.form.nameHelp" problem={problems.name}>
            <input id="f-name" className="input" value={input.friendly_name} aria-invalid={Boolean(problems.name)} aria-describedby="f-name-help" onChange={(event) => set({ friendly_name: event.target.value })} />
          </Field>
          <Field id="f-type" label="flows.form.channel">
            <select id="f-type" className="input" value={input.channel_type} onChange={(event) => set({ channel_type: event.target.value as ChannelType })}>
              {channelTypes.map((type) => <option key={type} value={type}>{t(channelLabel(type))}</option>)}
            </select>
          </Field>
        </div>
        {input.channel_type !== 'web' && (
          <Field id="f-identity" label="flows.form.identity" help="flows.form.identityHelp" problem={problems.identity}>
            <input id="f-identity" className="input" dir="ltr" value={input.contact_identity ?? ''} aria-invalid={Boolean(problems.identity)} aria-describedby="f-identity-help" onChange={(event) => set({ contact_identity: event.target.value })} />
          </Field>
        )}
        <Integrations input={input} problems={problems} set={set} workflows={flows} taskChannels={channels} />
        {flow?.integration_type === 'external' && input.integration_type === 'external' && <WebhookTest flow={flow} changed={input.integration.url !== flow.integration?.url} />}
        <Toggle id="f-long" label="flows.form.long" help="flows.form.longHelp" on={input.long_lived} onChange={(on) => set({ long_lived: on })} />
        <Toggle id="f-janitor" label="flows.form.janitor" help="flows.form.janitorHelp" hint={input.long_lived ? 'flows.form.janitorHint' : undefined} on={input.janitor_enabled && !input.long_lived} disabled={input.long_lived} onChange={(on) => set({ janitor_enabled: on })} />
        {flow && <FlowRules flow={flow.sid} />}
        <Toggle id="f-enabled" label="flows.form.enabled" help="flows.form.enabledHelp" on={input.enabled} onChange={(on) => set({ enabled: on })} />
        <Words input={input} workflows={flows} />
      </form>
    </Drawer>
  );
}

/** The form of a Flex Flow. It waits for the choices it offers, so that nothing jumps. */
export function FlowDrawer(props: Props) {
  const { t } = useText();
  const flows = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 30_000 });
  const channels = useQuery({ queryKey: keys.taskChannels, queryFn: taskChannels, staleTime: 30_000 });
  const slow = useSlow(flows.isPending || channels.isPending);
  if (flows.isPending || channels.isPending) {
    return <Drawer title={props.flow?.friendly_name ?? t('flows.drawerNew')} onClose={props.onClose}><div className="form">{slow && <SkeletonRows rows={4} />}</div></Drawer>;
  }
  return <Form {...props} flows={flows.data ?? []} channels={channels.data ?? []} />;
}
