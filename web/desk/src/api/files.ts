/** Files in messages. */
import { call, session } from './http';

/** Addresses of a file that anybody may open for some minutes. A picture has a small one of itself. */
export interface FileLinks {
  content_direct_temporary: string;
  thumbnail_direct_temporary?: string;
}

/** How long after an answer its addresses may be used, in milliseconds; they run out a minute later. */
export const LINKS_LAST = 4 * 60_000;

/** The addresses of a file now. Only members of its channel get them. */
export const fileLinks = (sid: string) =>
  call<{ links: FileLinks }>('GET', `/mcs/v1/Services/${session()?.chat_service_sid ?? ''}/Media/${sid}`).then((file) => file.links);
