/** The sign-in endpoints: the only private ones that the desk calls. */
import { renew, setSession, signinCall } from './http';
import type { Person, Role, Session } from './types';

async function take(call: Promise<Session>): Promise<Session> {
  const next = await call;
  setSession(next);
  return next;
}

export const signIn = (email: string, password: string) => take(signinCall<Session>('POST', 'password', { email, password }));

/** Spends a one-time link. */
export const signInOnce = (secret: string) => take(signinCall<Session>('POST', 'once', { secret }));

export async function signOut(): Promise<void> {
  await signinCall<void>('POST', 'out').catch(() => undefined);
  setSession(null);
}

/** Sets a password; the old one is needed when there is one. */
export async function changePassword(next: string, old?: string): Promise<void> {
  await signinCall<void>('POST', 'password/change', old ? { current: old, new: next } : { new: next });
  await renew();
}

export async function people(): Promise<Person[]> {
  const answer = await signinCall<{ people: Person[] } | Person[]>('GET', 'people');
  return Array.isArray(answer) ? answer : answer.people;
}

/** Invites a person; `link` is the one-time link to hand over. */
export const invite = (person: { email: string; name: string; role: Role }) =>
  signinCall<{ link: string; person?: Person }>('POST', 'people', person);

export const updatePerson = (sid: string, change: { name?: string; role?: Role; disabled?: boolean; invite?: boolean }) =>
  signinCall<{ link?: string; person?: Person }>('POST', `people/${sid}`, change);
