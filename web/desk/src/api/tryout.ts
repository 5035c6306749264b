/** Test conversations and executions of Studio flows. */
import { call } from './http';

/** What an execution waits for. */
export type WaitsFor = 'message' | 'sent' | 'http' | 'task' | 'subflow' | 'twiml' | 'return' | 'answer';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What templates see. */
export interface FlowContext {
  trigger: Record<string, Json>;
  flow: { variables: Record<string, Json>; data: Record<string, Json> } & Record<string, Json>;
  contact: Record<string, Json>;
  widgets: Record<string, Json>;
}

/** A task that a flow would have made. */
export interface TryoutTask {
  workflow_sid: string;
  task_channel: string;
  attributes: Record<string, Json>;
  priority: number;
  timeout: number;
}

/** One entry of a test conversation. */
export interface TryoutLine {
  sid: string;
  kind: 'customer' | 'flow' | 'task';
  author: string;
  body: string;
  media_url: string;
  /** Where a message goes that is not for the customer. */
  to: string;
  flow_sid: string;
  widget: string;
  task: TryoutTask | null;
  date_created: string;
}

export interface TryoutStep {
  sid: string;
  name: string;
  transitioned_from: string;
  transitioned_to: string;
  code: number;
  error: string;
  date_created: string;
}

/** A test conversation: an execution without a customer. Lines and steps are the newest, oldest first. */
export interface Tryout {
  sid: string;
  flow_sid: string;
  revision: number;
  status: 'active' | 'ended';
  /** Why it ended; empty at the end of its flow. */
  reason: string;
  widget: string;
  waits: { for: WaitsFor; until: string | null; flow_sid: string; widget: string } | null;
  context: FlowContext;
  lines: TryoutLine[];
  steps: TryoutStep[];
}

export type TryoutEvent = 'timeout' | 'callComplete' | 'failedToEnqueue' | 'callFailure';

export interface TryoutStart {
  body: string;
  revision: 'LatestRevision' | 'LatestPublished';
  channelType: string;
  name: string;
  preEngagement: string;
}

const flow = (sid: string) => `/studio/v2/Flows/${sid}`;
const path = (sid: string, execution?: string) => `${flow(sid)}/TestConversations${execution ? `/${execution}` : ''}`;

export const startTryout = (sid: string, start: TryoutStart) =>
  call<Tryout>('POST', path(sid), {
    Body: start.body, Revision: start.revision, ChannelType: start.channelType,
    Name: start.name || undefined, PreEngagementData: start.preEngagement || undefined,
  });
export const readTryout = (sid: string, execution: string) => call<Tryout>('GET', path(sid, execution));
export const sayInTryout = (sid: string, execution: string, body: string) => call<Tryout>('POST', path(sid, execution), { Body: body });
export const happenInTryout = (sid: string, execution: string, event: TryoutEvent) => call<Tryout>('POST', path(sid, execution), { Event: event });
export const endTryout = (sid: string, execution: string) => call<void>('DELETE', path(sid, execution));

/** What the widget that a step left has put into the context, and what went wrong in it. */
export const stepContext = (sid: string, execution: string, step: string) =>
  call<{ context: { widgets?: Record<string, Json>; error?: { code: number; message: string } } }>('GET', `${flow(sid)}/Executions/${execution}/Steps/${step}/Context`);
