/** What a phone on the screen shows. Pure. */
import type { PhoneMessage } from '../../api/phone';

/** SIDs tell the order in which things happened, whatever they name. */
const age = ({ sid }: PhoneMessage) => sid.slice(2);

/** Messages with what is newer of others, the oldest first. */
export function mergePhone(old: PhoneMessage[], fresh: PhoneMessage[]): PhoneMessage[] {
  if (fresh.length === 0) return old;
  const all = new Map(old.map((each) => [each.sid, each]));
  for (const each of fresh) all.set(each.sid, each);
  return [...all.values()].sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** A number that nobody has: of those that are kept for stories, and none that the sandbox fails on purpose. */
export const phoneNumber = (random: () => number): string => `+1555555${String(1000 + Math.floor(random() * 8000))}`;

/** +15005550100 as it is read out. */
export const spaced = (number: string): string => number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3');
