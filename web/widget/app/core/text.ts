// Text stays text: a body becomes pieces, each drawn as a text node or as an anchor whose address was checked.

export type Piece = string | { href: string; text: string };

const address = /https?:\/\/[^\s<>"'`]+/gi;

/** Closing punctuation belongs to the sentence; a closing bracket too, unless it was opened within the address. */
function trim(found: string): string {
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1]!;
    if (/[.,;:!?…。、，．！？』」）】]/.test(last)) continue;
    const opening = { ')': '(', ']': '[', '}': '{' }[last];
    if (!opening) break;
    const inner = found.slice(0, end);
    if (inner.split(opening).length > inner.split(last).length - 1) break;
  }
  return found.slice(0, end);
}

export function pieces(body: string): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (const match of body.matchAll(address)) {
    const text = trim(match[0]);
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      continue;
    }
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || !url.hostname || url.username) continue;
    if (match.index > from) out.push(body.slice(from, match.index));
    out.push({ href: url.href, text });
    from = match.index + text.length;
  }
  if (from < body.length) out.push(body.slice(from));
  return out;
}

/** The part of a name that people say: the first word of a spaced name. */
export const shortName = (name: string) => name.trim().split(/\s+/)[0] ?? '';

/** One or two letters for an avatar. A name that is not in Latin, Greek or Cyrillic letters gives its first character. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? '')][0] ?? '';
  if (!/[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u.test(first)) return first;
  const last = words.length > 1 ? ([...words.at(-1)!][0] ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

/** An identity made of an e-mail address, in which characters are written as _XX, back to a name worth showing. */
export function nameOfIdentity(identity: string): string {
  const plain = identity.replace(/_([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const words = plain.split('@')[0]!.split(/[._-]+/).filter(Boolean);
  return words.map((w) => w[0]!.toLocaleUpperCase() + w.slice(1)).join(' ');
}

/** Which of the five avatar grounds: the same one for the same person everywhere. */
export function tone(seed: string): number {
  let sum = 0;
  for (const c of seed) sum = (sum * 31 + c.codePointAt(0)!) >>> 0;
  return (sum % 5) + 1;
}

/** How the visitor wants to be called, from the answers of the form. */
export function nameIn(answers: Record<string, string>): string {
  const value = answers.friendlyName ?? answers.name ?? answers.fullName ?? '';
  return value.replace(/\s+/g, ' ').trim();
}
