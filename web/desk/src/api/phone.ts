/** The phone on the screen: messages between a number that nobody has and the sandbox's. Usher's own API, for administrators. */
import { call } from './http';

export interface PhoneMessage {
  sid: string;
  /** Written on the phone. */
  inbound: boolean;
  from: string;
  to: string;
  body: string;
  status: string;
  error_code: number | null;
  num_media: number;
  date_created: string;
}

interface Answer {
  messages: PhoneMessage[];
  /** For the next question. */
  since: string;
}

/** Seconds that a question waits for something new; less than calls have time. */
const WAIT = 10;

const path = (connection: string, phone: string) => `/carriers/v1/Connections/${connection}/Phones/${encodeURIComponent(phone)}/Messages`;

/** What is new on the phone since an earlier answer; waits for it unless this is the first question. */
export const readPhone = (connection: string, phone: string, number: string, since?: string) =>
  call<Answer>('GET', path(connection, phone), { Number: number, Since: since, Wait: since === undefined ? undefined : WAIT });

/** The same id sends the same message, once. */
export const writePhone = (connection: string, phone: string, number: string, id: string, body: string) =>
  call<{ id: string }>('POST', path(connection, phone), { To: number, Id: id, Body: body });
