import { useEffect, useRef, useState } from 'react';
import type { Client } from '../../../../stream/index.ts';
import { fromTeam, unreadOf } from '../../api/queries';
import type { Conversation } from '../../api/reduce';

/** Index of the first message after this person's read horizon that somebody else wrote. */
export function firstUnread(conversation: Conversation, identity: string): number | undefined {
  if (unreadOf(conversation, identity) === 0) return undefined;
  const horizon = conversation.members.find((member) => member.identity === identity)?.last_consumed_message_index ?? -1;
  return conversation.messages.find((message) => message.index > horizon && !fromTeam(conversation, message.author))?.index;
}

function useLooking(): boolean {
  const look = () => !document.hidden && document.hasFocus();
  const [looking, set] = useState(look);
  useEffect(() => {
    const update = () => set(look());
    const names = ['focus', 'blur', 'visibilitychange'] as const;
    names.forEach((name) => window.addEventListener(name, update));
    document.addEventListener('visibilitychange', update);
    return () => {
      names.forEach((name) => window.removeEventListener(name, update));
      document.removeEventListener('visibilitychange', update);
    };
  }, []);
  return looking;
}

/**
 * Moves the read horizon when the latest message is on a screen that somebody looks at, and remembers where the "New"
 * line stands: at the first message that came while nobody looked.
 */
export function useReading(client: Client | null, conversation: Conversation, identity: string, atEnd: boolean) {
  const looking = useLooking();
  const [newFrom, setNewFrom] = useState(() => firstUnread(conversation, identity));
  const told = useRef(-1);
  const last = conversation.channel.last_index;
  const unread = firstUnread(conversation, identity);
  const seen = looking && atEnd;
  useEffect(() => {
    if (!seen && unread !== undefined) setNewFrom((old) => old ?? unread);
  }, [seen, unread]);
  useEffect(() => {
    if (!client || !seen || unread === undefined || last <= told.current) return;
    told.current = last;
    client.read(conversation.channel.sid, last).catch(() => {
      told.current = -1;
    });
  }, [client, conversation.channel.sid, last, seen, unread]);
  return { newFrom, clearNew: () => setNewFrom(undefined), unread: unreadOf(conversation, identity) };
}
