/** Earlier conversations of a long-lived channel, told apart by the start of the task and by silence. Pure. */
import { fromTeam } from './queries';
import type { Conversation } from './reduce';
import type { Message, Work } from './types';

/** Silence that parts two earlier conversations. */
const SILENCE = 4 * 3_600_000;

/** The words that made the task came just before it. */
const SLACK = 15_000;

/** When a message was kept, ms since 1970. */
export const time = (message: Message) => Date.parse(message.date_created);

/** When this conversation began, ms since 1970: with the message that made the task, where the task names it. */
export function beginOf(item: Work, messages: Message[]): number {
  const index = item.task.attributes.firstMessageIndex;
  const first = typeof index === 'number' ? messages.find((message) => message.index >= index) : undefined;
  return first ? time(first) : Date.parse(item.task.date_created) - SLACK;
}

/** One earlier conversation of a long-lived channel. */
export interface Session {
  /** Index of its first message. */
  index: number;
  at: number;
  messages: Message[];
}

/** Messages before this conversation, parted where there was silence for hours. Oldest first. */
export function earlierSessions(messages: Message[], begin: number): Session[] {
  const sessions: Session[] = [];
  for (const message of messages) {
    if (time(message) >= begin) break;
    const open = sessions.at(-1);
    const last = open?.messages.at(-1);
    if (open && last && time(message) - time(last) < SILENCE) open.messages.push(message);
    else sessions.push({ index: message.index, at: time(message), messages: [message] });
  }
  return sessions;
}

/** First words of an earlier conversation, as its title. */
export const sessionTitle = (session: Session, conversation: Conversation): string => {
  const said = session.messages.find((message) => !fromTeam(conversation, message.author) && message.body?.trim());
  return (said ?? session.messages[0])?.body?.trim() ?? '';
};
