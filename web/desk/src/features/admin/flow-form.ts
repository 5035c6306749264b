/** The Flex Flow form as values: what is asked, what is wrong with it. Pure. */
import type { FlowInput } from '../../api/flex';
import type { ChannelType, FlexFlow, Workflow } from '../../api/types';
import type { Key } from '../../i18n';

export const channelTypes: ChannelType[] = ['web', 'sms', 'whatsapp', 'facebook', 'line', 'custom'];

/** A new flow: a web chat that rings at once. */
export function blankFlow(workspace: string, workflows: Workflow[]): FlowInput {
  return {
    friendly_name: '', channel_type: 'web', enabled: true, integration_type: 'task', long_lived: false, janitor_enabled: true,
    integration: { workspace_sid: workspace, workflow_sid: workflows[0]?.sid, channel: 'chat', timeout: 86_400, priority: 0, retry_count: 3 },
  };
}

/** A kept flow as the form shows it: keys of the other integration types get their usual values. */
export function fromFlow(flow: FlexFlow, blank: FlowInput): FlowInput {
  return {
    friendly_name: flow.friendly_name,
    channel_type: flow.channel_type,
    contact_identity: flow.contact_identity ?? undefined,
    enabled: flow.enabled,
    integration_type: flow.integration_type ?? 'task',
    integration: { ...blank.integration, ...flow.integration },
    long_lived: flow.long_lived,
    janitor_enabled: flow.janitor_enabled,
  };
}

export type Problems = Partial<Record<'name' | 'identity' | 'workflow' | 'flow' | 'url', Key>>;

/** What has to be put right before it can be saved. */
export function problemsOf(input: FlowInput): Problems {
  const problems: Problems = {};
  if (!input.friendly_name.trim()) problems.name = 'flows.form.needName';
  if (input.channel_type !== 'web' && !input.contact_identity?.trim()) problems.identity = 'flows.form.needIdentity';
  if (input.integration_type === 'task' && !input.integration.workflow_sid) problems.workflow = 'flows.form.needWorkflow';
  if (input.integration_type === 'studio' && !/^FW[0-9a-f]{32}$/.test(input.integration.flow_sid ?? '')) problems.flow = 'flows.form.needFlow';
  if (input.integration_type === 'external' && !/^https?:\/\/[^\s/]+/.test(input.integration.url ?? '')) problems.url = 'flows.form.needUrl';
  return problems;
}
