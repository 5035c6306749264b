/** Files in messages. */
import { call, session } from './http';

/** Addresses of a file that anybody may open for some minutes. A picture has a small one of itself. */
export interface FileLinks {
  content_direct_temporary: string;
  thumbnail_direct_temporary?: string;
}

/** How long after an answer its addresses may be used, in milliseconds; they run out a minute later. */
export const LINKS_LAST = 4 * 60_000;

/** Where the files of the account's chat service are. */
export const filesService = () => `/mcs/v1/Services/${session()?.chat_service_sid ?? ''}`;

/** The addresses of a file now. Members of its channel get them, and who uploaded it. */
export const fileLinks = (sid: string) => call<{ links: FileLinks }>('GET', `${filesService()}/Media/${sid}`).then((file) => file.links);
