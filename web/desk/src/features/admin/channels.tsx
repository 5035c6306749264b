import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { deleteFlow, flexFlows, studioFlows, updateFlow } from '../../api/flex';
import { keys } from '../../api/keys';
import { workflows } from '../../api/taskrouter';
import type { FlexFlow, StudioFlow, Workflow } from '../../api/types';
import { useText } from '../../i18n';
import { shortSid } from '../../i18n/format';
import { channelIcon } from '../../ui/avatar';
import { channelLabel } from '../../ui/channel-label';
import { explain } from '../../ui/errors';
import { Icon, type IconName } from '../../ui/icons';
import { Switch } from '../../ui/switch';
import { useToast } from '../../ui/toast';
import { FlowDrawer } from './flow-drawer';
import { ListPage } from './list-page';

function useToggle() {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  const put = (sid: string, change: Partial<FlexFlow>) =>
    cache.setQueryData<FlexFlow[]>(keys.flows, (all) => all?.map((flow) => (flow.sid === sid ? { ...flow, ...change } : flow)));
  return useMutation({
    mutationFn: ({ flow, on }: { flow: FlexFlow; on: boolean }) => updateFlow(flow.sid, { Enabled: on }),
    onMutate: ({ flow, on }) => void put(flow.sid, { enabled: on }),
    onSuccess: (saved, { flow }) => put(flow.sid, saved),
    onError: (error, { flow, on }) => {
      put(flow.sid, { enabled: !on });
      toast({ text: text.t('flows.saveFailed', { why: explain(error, text) }), icon: 'alert' });
    },
  });
}

/** Deletes after the Undo has run out; until then the row is only hidden. */
function useDelete(onGone: () => void) {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  return (flow: FlexFlow) => {
    const before = cache.getQueryData<FlexFlow[]>(keys.flows);
    const restore = () => cache.setQueryData(keys.flows, before);
    cache.setQueryData<FlexFlow[]>(keys.flows, (all) => all?.filter((each) => each.sid !== flow.sid));
    onGone();
    toast({
      text: text.t('flows.deleted', { name: flow.friendly_name }),
      undo: restore,
      done: () => void deleteFlow(flow.sid).catch((error: unknown) => {
        restore();
        toast({ text: text.t('flows.saveFailed', { why: explain(error, text) }), icon: 'alert' });
      }),
    });
  };
}

function What({ flow, all, studio }: { flow: FlexFlow; all: Workflow[]; studio: StudioFlow[] }) {
  const { t } = useText();
  const { integration } = flow;
  const workflow = all.find((each) => each.sid === integration?.workflow_sid)?.friendly_name;
  const icons: Record<string, IconName> = { task: 'route', studio: 'flow', external: 'plug' };
  const words = flow.integration_type === 'task' ? (workflow ? t('flows.task', { workflow }) : t('flows.taskPlain'))
    : flow.integration_type === 'studio' ? studio.find((each) => each.sid === integration?.flow_sid)?.friendly_name ?? t('flows.studio', { sid: shortSid(integration?.flow_sid ?? '') })
      : flow.integration_type === 'external' ? (integration?.url ?? '').replace(/^https?:\/\/([^/]+).*/, '$1') : t('flows.nothing');
  const leads = flow.integration_type === 'studio' && integration?.flow_sid ? `/admin/flows/${integration.flow_sid}` : undefined;
  return <span className="row"><Icon name={icons[flow.integration_type ?? ''] ?? 'info'} size="s" className="c3" />{leads ? <Link className="link above ell" to={leads}>{words}</Link> : <span className="ell">{words}</span>}</span>;
}

function Table({ flows, selected, open }: { flows: FlexFlow[]; selected?: string; open: (flow: FlexFlow) => void }) {
  const { t } = useText();
  const toggle = useToggle();
  const all = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 30_000 }).data ?? [];
  const studio = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 30_000 }).data ?? [];
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('flows.col.name')}</th><th scope="col">{t('flows.col.channel')}</th><th scope="col">{t('flows.col.what')}</th><th scope="col">{t('flows.col.kept')}</th><th scope="col">{t('flows.col.on')}</th></tr></thead>
      <tbody>
        {flows.map((flow) => (
          <tr key={flow.sid} className={flow.sid === selected ? 'on' : undefined}>
            <td><button type="button" className="open" aria-expanded={flow.sid === selected} onClick={() => open(flow)}>{flow.friendly_name}</button><bdi dir="ltr" className="sub mono">{shortSid(flow.sid)}</bdi></td>
            <td><span className="row g12"><Icon name={channelIcon(flow.channel_type)} size="s" className="c3" /><span>{t(channelLabel(flow.channel_type))}<bdi dir="ltr" className="sub num">{flow.contact_identity || (flow.channel_type === 'web' ? t('flows.everyPage') : '')}</bdi></span></span></td>
            <td className="what"><What flow={flow} all={all} studio={studio} /></td>
            <td>{t(flow.long_lived ? 'flows.longLived' : flow.janitor_enabled ? 'flows.untilEnd' : 'flows.untilEndOpen')}</td>
            <td><span className="above"><Switch on={flow.enabled} label={t('flows.switch', { name: flow.friendly_name })} onChange={(on) => toggle.mutate({ flow, on })} /></span></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Flex Flows: the table, and the form that explains each choice. */
export function Channels() {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 10_000 });
  const [params] = useSearchParams();
  const [open, setOpen] = useState<string | undefined>(params.get('flow') ?? undefined);
  const flow = query.data?.find((each) => each.sid === open);
  const close = () => setOpen(undefined);
  const remove = useDelete(close);
  const action = <button type="button" className="btn primary" onClick={() => setOpen('new')}><Icon name="plus" size="s" />{t('flows.new')}</button>;
  return (
    <ListPage
      title={t('admin.channels')} intro={t('flows.intro')} action={action} query={query} icon="web" empty={t('flows.empty')} emptyText={t('flows.emptyText')}
      drawer={(open === 'new' || flow) && <FlowDrawer key={open} flow={flow} onClose={close} onDelete={remove} />}
    >
      {(flows) => <Table flows={flows} selected={open} open={(each) => setOpen(each.sid)} />}
    </ListPage>
  );
}
