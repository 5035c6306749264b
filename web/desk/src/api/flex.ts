/** Flex Flows: what happens when somebody writes on a channel. */
import { call, listAll, session } from './http';
import type { ChannelType, FlexFlow, Form, Integration, IntegrationType, StudioFlow } from './types';

/** The fields of the drawer; names of the form parameters are the public API's. */
export interface FlowInput {
  friendly_name: string;
  channel_type: ChannelType;
  contact_identity?: string;
  enabled: boolean;
  integration_type: IntegrationType;
  integration: Integration;
  long_lived: boolean;
  janitor_enabled: boolean;
}

/** The form parameters of a Flex Flow: integration keys are dotted, and only those of its type are sent. */
export function flowForm(input: FlowInput): Form {
  const form: Form = {
    FriendlyName: input.friendly_name,
    ChannelType: input.channel_type,
    ContactIdentity: input.contact_identity || undefined,
    Enabled: input.enabled,
    IntegrationType: input.integration_type,
    LongLived: input.long_lived,
    JanitorEnabled: input.janitor_enabled,
  };
  const { integration } = input;
  if (input.integration_type === 'task') {
    form['Integration.WorkspaceSid'] = integration.workspace_sid;
    form['Integration.WorkflowSid'] = integration.workflow_sid;
    form['Integration.Channel'] = integration.channel;
    form['Integration.Timeout'] = integration.timeout;
    form['Integration.Priority'] = integration.priority;
  } else {
    if (input.integration_type === 'studio') form['Integration.FlowSid'] = integration.flow_sid;
    else form['Integration.Url'] = integration.url;
    form['Integration.RetryCount'] = integration.retry_count;
  }
  return form;
}

const path = '/flex-api/v1/FlexFlows';

export const flexFlows = () => listAll<FlexFlow>(path);
/** The Studio flows a Flex Flow of that kind may hand its messages to. */
export const studioFlows = () => listAll<StudioFlow>('/studio/v2/Flows');
export const createFlow = (input: FlowInput) =>
  call<FlexFlow>('POST', path, { ...flowForm(input), ChatServiceSid: session()?.chat_service_sid });
export const updateFlow = (sid: string, form: Form) => call<FlexFlow>('POST', `${path}/${sid}`, form);
export const deleteFlow = (sid: string) => call<void>('DELETE', `${path}/${sid}`);
