/** The janitor: what it decided and why, what it would do now, the open conversations, and what it goes by in a flow. */
import { call, listAll } from './http';

export interface Verdict {
  channel_sid: string | null;
  execution_sid: string | null;
  task_sid: string | null;
  flex_flow_sid: string | null;
  date: string;
  verdict: 'close' | 'free' | 'begin' | 'pass' | 'tidy' | 'forget' | 'end';
  reason: string;
  explanation: string;
}

export interface Conversation {
  sid: string;
  flex_flow_sid: string;
  channel_type: string;
  long_lived: boolean;
  task_sid: string | null;
  date_created: string;
}

export interface Rules {
  quiet_hours: number;
  keep_days: number;
}

/** How many lines and conversations are shown. */
export const janitorShown = 200;

export const verdicts = () => listAll<Verdict>('/janitor/v1/Verdicts', {}, janitorShown);
export const dryRun = () => call<{ planned: Verdict[] }>('GET', '/janitor/v1/DryRun').then((answer) => answer.planned);
export const conversations = () => listAll<Conversation>('/janitor/v1/Conversations', {}, janitorShown);
export const endConversation = (sid: string) => call<Conversation>('POST', `/janitor/v1/Conversations/${sid}`, { Status: 'inactive' });
export const rules = (flow: string) => call<Rules>('GET', `/janitor/v1/FlexFlows/${flow}`);
export const setRules = (flow: string, change: { QuietHours?: number; KeepDays?: number }) => call<Rules>('POST', `/janitor/v1/FlexFlows/${flow}`, change);
