/** What is known about the customer, gathered from the channel and the task. Pure. */
import { fromTeam } from '../../api/queries';
import type { Conversation } from '../../api/reduce';
import type { Attributes, Work } from '../../api/types';

export interface Fact {
  label: string;
  value: string;
}

/** Task attributes that the desk shows elsewhere or that only machines read. */
const machine = new Set([
  'channelSid', 'name', 'channelType', 'flexFlowSid', 'initialText', 'from', 'customerName', 'customerAddress', 'conversations',
  'pre_engagement_data', 'task_sid', 'status', 'long_lived', 'channel_type', 'proxySession', 'twilioNumber', 'channelAddress', 'direction', 'identity', 'customerIdentity', 'firstMessageIndex', 'executionSid',
]);

/** `orderNumber` and `order_number` as `Order number`. */
export function humanize(key: string): string {
  const words = key.replace(/[_-]+/g, ' ').replace(/([a-z\d])([A-Z])/g, '$1 $2').trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return undefined;
}

function list(source: unknown, skip: ReadonlySet<string> = new Set()): Fact[] {
  if (!source || typeof source !== 'object' || Array.isArray(source)) return [];
  return Object.entries(source as Attributes).flatMap(([key, value]) => {
    const text = skip.has(key) ? undefined : scalar(value);
    return text === undefined ? [] : [{ label: humanize(key), value: text }];
  });
}

/** What the visitor filled in before the chat. */
export function formFacts(conversation: Conversation | undefined): Fact[] {
  let data = conversation?.channel.attributes.pre_engagement_data;
  if (typeof data === 'string') {
    try {
      data = JSON.parse(data);
    } catch {
      return [];
    }
  }
  return list(data);
}

/** Other facts that the site or the flow passed along; what the form says is not repeated. */
export function contextFacts(item: Work, form: Fact[]): Fact[] {
  const seen = new Set(form.map((fact) => `${fact.label}=${fact.value}`));
  return list(item.task.attributes, machine).filter((fact) => !seen.has(`${fact.label}=${fact.value}`));
}

/** Seconds from the start of the task to the team's first words; undefined while there are none. */
export function firstReply(conversation: Conversation | undefined, taskStart: number): number | undefined {
  const first = conversation?.messages.find((message) => Date.parse(message.date_created) >= taskStart && fromTeam(conversation, message.author));
  return first && (Date.parse(first.date_created) - taskStart) / 1000;
}

/** How many messages the customer has not read; undefined when nothing was read yet. */
export function customerBehind(conversation: Conversation): number | undefined {
  const horizon = conversation.members.find((member) => member.kind === 'customer')?.last_consumed_message_index;
  return typeof horizon === 'number' ? Math.max(0, conversation.channel.last_index - horizon) : undefined;
}
