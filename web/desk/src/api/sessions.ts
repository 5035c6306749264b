/** Earlier conversations of a long-lived channel, told apart by the start of the task and by silence. Pure. */
import { fromTeam } from './queries';
import type { Conversation } from './reduce';
import type { Message } from './types';

/** Silence that parts two earlier conversations. */
const SILENCE = 4 * 3_600_000;

/** The words that made the task came just before it. */
export const SLACK = 15_000;

/** When a message was kept, ms since 1970. */
export const time = (message: Message) => Date.parse(message.date_created);

/** One earlier conversation of a long-lived channel. */
export interface Session {
  /** Index of its first message. */
  index: number;
  at: number;
  messages: Message[];
}

/** Messages before the task, parted where there was silence for hours. Oldest first. */
export function earlierSessions(messages: Message[], taskStart: number): Session[] {
  const sessions: Session[] = [];
  for (const message of messages) {
    if (time(message) >= taskStart - SLACK) break;
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
