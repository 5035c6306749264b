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

/** How deep, and how many, of the facts inside a fact are shown; the Task tab shows the rest. */
const DEEP = 3;
const MANY = 40;

function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return undefined;
}

/** A value as lines: objects a line for each of their fields, lists of plain values in one line. */
function lines(label: string, value: unknown, deep: number): Fact[] {
  const plain = scalar(value);
  if (plain !== undefined) return [{ label, value: plain }];
  if (!value || typeof value !== 'object' || deep >= DEEP) return [];
  if (Array.isArray(value)) {
    const all = value.map(scalar);
    if (all.every((each) => each !== undefined)) return all.length > 0 ? [{ label, value: all.join(', ') }] : [];
    return value.flatMap((each, at) => lines(`${label} ${at + 1}`, each, deep + 1));
  }
  return Object.entries(value).flatMap(([key, inner]) => lines(label ? `${label} · ${humanize(key).toLowerCase()}` : humanize(key), inner, deep + 1));
}

/** JSON in a text is what it says: flows hand objects over as text, too. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function list(source: unknown, skip: ReadonlySet<string> = new Set()): Fact[] {
  if (!source || typeof source !== 'object' || Array.isArray(source)) return [];
  return Object.entries(source as Attributes)
    .flatMap(([key, value]) => (skip.has(key) ? [] : lines(humanize(key), parsed(value), 0)))
    .slice(0, MANY);
}

/** What the visitor filled in before the chat. */
export function formFacts(conversation: Conversation | undefined, item?: Work): Fact[] {
  let data = conversation?.channel.attributes.pre_engagement_data ?? item?.task.attributes.pre_engagement_data;
  if (typeof data === 'string') {
    try {
      data = JSON.parse(data);
    } catch {
      return [];
    }
  }
  return list(data);
}

/** True when a flow has talked with the customer before. */
export const fromFlow = (item: Work): boolean => typeof item.task.attributes.executionSid === 'string';

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
