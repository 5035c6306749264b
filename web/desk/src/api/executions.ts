/** Executions of a Studio flow: one run of it for one customer each. */
import { call, listAll } from './http';
import type { FlowContext, Json, WaitsFor } from './tryout';
import type { Form } from './types';

export interface Execution {
  sid: string;
  flow_sid: string;
  contact_channel_address: string;
  status: 'active' | 'ended';
  context: FlowContext;
  date_created: string;
  date_updated: string;
  usher: {
    revision: number;
    widget: string;
    waits_for: WaitsFor | '';
    wait_until: string | null;
    stuck: boolean;
    /** Why it ended; empty at the end of its flow. */
    reason: string;
    date_ended: string | null;
    parent_sid: string | null;
    /** What went wrong last. */
    problem: { widget: string; code: number; message: string } | null;
  };
}

export interface ExecutionStep {
  sid: string;
  name: string;
  transitioned_from: string;
  transitioned_to: string;
  context: { widgets?: Record<string, Json>; error?: { code: number; message: string } };
  date_created: string;
}

export interface ExecutionsPage {
  executions: Execution[];
  meta: { next_page_url: string | null };
}

const path = (flow: string, execution?: string) => `/studio/v2/Flows/${flow}/Executions${execution ? `/${execution}` : ''}`;

/** One page, newest first; `next` is the address that the page before gave. */
export const executionsPage = (flow: string, status: '' | 'active' | 'ended', next: string) =>
  call<ExecutionsPage>('GET', path(flow), {
    PageSize: 50, Status: status || undefined, ...(next ? (Object.fromEntries(new URL(next, location.origin).searchParams) as Form) : {}),
  });
export const readExecution = (flow: string, execution: string) => call<Execution>('GET', path(flow, execution));
export const endExecution = (flow: string, execution: string) => call<Execution>('POST', path(flow, execution), { Status: 'ended' });
export const executionSteps = (flow: string, execution: string) => listAll<ExecutionStep>(`${path(flow, execution)}/Steps`, {}, 500);
export const studioFlowName = (flow: string) => call<{ friendly_name: string }>('GET', `/studio/v2/Flows/${flow}`);
