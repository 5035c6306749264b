/** One chat channel on the stream: its snapshot, its changes, who writes in it; all of it into the query cache. */
import type { QueryClient } from '@tanstack/react-query';
import type { Client } from '../../../stream/index.ts';
import { deliveriesOf } from './carriers';
import { keys } from './keys';
import { applyChannel, mergeDeliveries, mergeMessages, type Conversation } from './reduce';
import type { Event, Work } from './types';

/** Somebody else writes; `until` is ms since 1970. */
export interface TypingNow {
  identity: string;
  name: string;
  until: number;
}

/** Chat channel of a task; undefined for tasks that are no chat. */
export const channelOf = (item: Work): string | undefined => {
  const sid = item.task.attributes.channelSid;
  return typeof sid === 'string' ? sid : undefined;
};

const HISTORY = 50;

/** Reads the newest page of a channel and keeps older pages when they still touch it. */
export async function loadConversation(client: Client, cache: QueryClient, channel: string) {
  const page = await client.history(channel, null, HISTORY);
  const old = cache.getQueryData<Conversation>(keys.conversation(channel));
  const first = page.messages[0]?.index ?? 0;
  const last = old?.messages.at(-1)?.index ?? -1;
  const touches = !!old && last >= first - 1;
  const conversation: Conversation = {
    channel: page.channel,
    members: page.members,
    messages: touches ? mergeMessages(old.messages, page.messages) : page.messages,
    outgoing: client.outgoing(channel),
    deliveries: old?.deliveries ?? {},
    whole: touches ? old.whole : page.messages.length < HISTORY || first === 0,
  };
  cache.setQueryData(keys.conversation(channel), conversation);
  return { conversation, position: { epoch: page.epoch, offset: page.offset } };
}

/** True for channels that a carrier carries: all but those of the web. */
const carried = ({ channel }: Conversation): boolean => !['web', undefined, null, ''].includes(channel.attributes.channel_type as string | undefined);

/** What became of the channel's messages so far. Without it the log only says less. */
async function loadDeliveries(cache: QueryClient, channel: string) {
  const list = await deliveriesOf(channel).catch(() => []);
  cache.setQueryData<Conversation>(keys.conversation(channel), (old) => old && { ...old, deliveries: mergeDeliveries(old.deliveries, list) });
}

function watchTyping(cache: QueryClient, channel: string) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const clear = () => {
    clearTimeout(timer);
    cache.setQueryData<TypingNow | null>(keys.typing(channel), null);
  };
  return {
    clear,
    heard(identity: string, name: string) {
      clearTimeout(timer);
      cache.setQueryData<TypingNow | null>(keys.typing(channel), (): TypingNow => ({ identity, name, until: Date.now() + 5000 }));
      timer = setTimeout(clear, 5000);
    },
    ended: (identity: string) => cache.getQueryData<TypingNow | null>(keys.typing(channel))?.identity === identity && clear(),
  };
}

/** How long to wait before looking again for a channel that is not open to the agent yet, ms: accepting comes first, joining right after. */
const JOINING = [100, 200, 400, 800, 1600, 3200];

/** Follows one channel: its snapshot, then every change. */
export function follow(client: Client, cache: QueryClient, channel: string, count: (event: Event) => void): () => void {
  const typing = watchTyping(cache, channel);
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  const begin = () => {
    stop = client.subscribe(channel, {
      load: async () => {
        const { conversation, position } = await loadConversation(client, cache, channel);
        tries = 0;
        cache.setQueryData(keys.conversationError(channel), null);
        cache.setQueryData(keys.conversation(channel), conversation);
        if (carried(conversation)) void loadDeliveries(cache, channel);
        return position;
      },
      event: (event) => {
        count(event);
        if (event.kind === 'message.added') typing.ended(event.data.author);
        cache.setQueryData<Conversation>(keys.conversation(channel), (old) => old && applyChannel(old, event));
      },
      typing: ({ identity, name }) => {
        if (identity !== client.state.identity) typing.heard(identity, name);
      },
      error: (fault) => {
        if (fault.status === 404 && tries < JOINING.length) timer = setTimeout(begin, JOINING[tries++]);
        else cache.setQueryData(keys.conversationError(channel), fault);
      },
    });
  };
  begin();
  return () => {
    clearTimeout(timer);
    typing.clear();
    stop();
  };
}
