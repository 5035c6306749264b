import type { Chat } from './chat.ts';
import type { Files } from '../../../stream/files.ts';
import { openFiles } from '../../../stream/files.ts';

// The widget's calls about files: addresses of those in messages, and the queue of those that leave.

/** Addresses that anybody may open for some minutes. */
export interface Links {
  content_direct_temporary: string;
  thumbnail_direct_temporary?: string;
}

/** The addresses of an answer are used for so long, in ms; the server keeps them a minute longer. */
export const LINKS_LAST = 4 * 60_000;

const known = new Map<string, { at: number; links: Promise<Links> }>();

function serviceOf(chat: Chat): string {
  const { conversation, config } = chat.view;
  return new URL('../mcs/v1/Services/' + (conversation?.channel.service_sid ?? config!.chat_service_sid), document.baseURI).href;
}

/** Where a file can be fetched now. Members of its channel are told, and who uploaded it. */
export function linksOf(chat: Chat, sid: string): Promise<Links> {
  const had = known.get(sid);
  if (had && Date.now() - had.at < LINKS_LAST) return had.links;
  const links = ask(chat, sid);
  known.set(sid, { at: Date.now(), links });
  links.catch(() => known.delete(sid));
  return links;
}

async function ask(chat: Chat, sid: string): Promise<Links> {
  for (let fresh = false; ; fresh = true) {
    const token = await chat.token(fresh);
    const answer = await fetch(`${serviceOf(chat)}/Media/${sid}`, { headers: { Authorization: 'Basic ' + btoa('token:' + token) } });
    if (answer.ok) return (await answer.json()).links;
    if (answer.status !== 401 || fresh) throw new Error(String(answer.status));
  }
}

/** Resolves when there is a conversation to send to; asks for one. */
function conversation(chat: Chat): Promise<void> {
  if (chat.channel) return Promise.resolve();
  return new Promise((done) => {
    const stop = chat.listen(() => {
      if (!chat.channel) return;
      stop();
      done();
    });
    void chat.begin();
  });
}

/** What the visitor attaches, for as long as the conversation lasts. */
export function filesOf(chat: Chat): Files {
  return (chat.files ??= openFiles({
    visitor: true,
    service: async () => serviceOf(chat),
    token: (fresh) => chat.token(fresh),
    ready: () => conversation(chat),
    done: (_, media) => chat.sendFile(media),
  }));
}
