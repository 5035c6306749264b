/** The queries that more than one feature reads. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { session } from './http';
import { keys } from './keys';
import { channelOf, type TypingNow } from './follow';
import type { Conversation } from './reduce';
import { activities, work, worker, workerChannels } from './taskrouter';
import type { Fault, Member, Work } from './types';

const self = () => session()?.worker_sid ?? '';

/** Everything in hand. The stream keeps it true after the first answer. */
export const useWork = () => useQuery({ queryKey: keys.work, queryFn: () => work(self()), staleTime: Infinity, retry: 1 });
export const useWorker = () => useQuery({ queryKey: keys.worker, queryFn: () => worker(self()), staleTime: Infinity, retry: 1 });
export const useActivities = () => useQuery({ queryKey: keys.activities, queryFn: activities, staleTime: 60_000, retry: 1 });
export const useWorkerChannels = () =>
  useQuery({ queryKey: keys.workerChannels, queryFn: () => workerChannels(self()), staleTime: 10_000, retry: 1 });

const never = () => Promise.reject(new Error('fed by the stream'));

/** A channel's conversation as the stream keeps it; undefined until its first page is there. */
export function useConversation(channel: string | undefined) {
  const key = channel ?? '';
  const conversation = useQuery<Conversation>({ queryKey: keys.conversation(key), queryFn: never, enabled: false, staleTime: Infinity }).data;
  const fault = useQuery<Fault | null>({ queryKey: keys.conversationError(key), queryFn: never, enabled: false, staleTime: Infinity }).data;
  return { conversation, fault: fault ?? undefined };
}

export const useTyping = (channel: string | undefined): TypingNow | null =>
  useQuery<TypingNow | null>({ queryKey: keys.typing(channel ?? ''), queryFn: never, enabled: false, staleTime: Infinity }).data ?? null;

/** One entry of the task list by its task's SID. */
export function useWorkItem(taskSid: string | undefined): Work | undefined {
  const { data } = useWork();
  return useMemo(() => data?.find((item) => item.task.sid === taskSid), [data, taskSid]);
}

/** What the customer of a task is called. */
export function customerName(item: Work): string {
  const { name, from, customerName: given } = item.task.attributes as Record<string, unknown>;
  for (const candidate of [name, given, from]) if (typeof candidate === 'string' && candidate.trim()) return candidate.trim();
  return '';
}

/** What a customer's avatar is coloured by: the same in every task of one conversation. */
export const seedOf = (item: Work): string => channelOf(item) ?? item.task.sid;

/** The customer's membership in the channel. */
export const customerOf = (conversation: Conversation): Member | undefined =>
  conversation.members.find((member) => member.kind === 'customer');

/** True for messages that the team (an agent, a flow, the system) wrote. */
export function fromTeam(conversation: Conversation, author: string): boolean {
  const member = conversation.members.find((other) => other.identity === author);
  if (member) return member.kind !== 'customer';
  const customer = customerOf(conversation);
  return customer ? customer.identity !== author : true;
}

/** Undoes the escaping of a chat identity: `_40` is `@`. */
export const plainIdentity = (identity: string): string =>
  identity.replace(/_([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

/** Messages of others after this person's read horizon. */
export function unreadOf(conversation: Conversation, identity: string): number {
  const me = conversation.members.find((member) => member.identity === identity);
  const horizon = me?.last_consumed_message_index ?? -1;
  return conversation.messages.filter((message) => message.index > horizon && !fromTeam(conversation, message.author)).length;
}

/** Since when the customer waits for an answer (ms since 1970); undefined when the team wrote last. */
export function waitingSince(conversation: Conversation): number | undefined {
  let since: number | undefined;
  for (let at = conversation.messages.length - 1; at >= 0; at--) {
    const message = conversation.messages[at]!;
    if (fromTeam(conversation, message.author)) break;
    since = Date.parse(message.date_created);
  }
  return conversation.outgoing.length > 0 ? undefined : since;
}

export { channelOf };
