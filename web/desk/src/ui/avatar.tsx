import { Icon, type IconName } from './icons';

const segmenter = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;

const first = (word: string) => (segmenter ? (segmenter.segment(word)[Symbol.iterator]().next().value?.segment ?? '') : [...word][0] ?? '');

/** One or two letters; scripts without capitals show one. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s@._-]+/).filter(Boolean);
  const one = first(words[0] ?? '');
  if (!one) return '?';
  if (!/\p{Script=Latin}|\p{Script=Cyrillic}|\p{Script=Greek}/u.test(one)) return one;
  const two = words.length > 1 ? first(words[words.length - 1]!) : '';
  return (one + two).toUpperCase();
}

/** One of five grounds, always the same for one SID. */
export function ground(seed: string): number {
  let sum = 0;
  for (const char of seed) sum = (sum * 31 + char.codePointAt(0)!) >>> 0;
  return (sum % 5) + 1;
}

const channels: Record<string, IconName> = { web: 'web', chat: 'web', sms: 'sms', whatsapp: 'whatsapp', default: 'web' };

export const channelIcon = (type: string | undefined): IconName => channels[type ?? 'default'] ?? 'plug';

interface Props {
  name: string;
  seed: string;
  size?: 's24' | 's28' | 's48';
  /** Channel mark at the corner. */
  channel?: string;
  /** Status mark at the corner. */
  status?: 'on' | 'away' | 'off';
}

/** Initials on a quiet ground; the name stands beside it, so readers skip it. */
export function Avatar({ name, seed, size, channel, status }: Props) {
  return (
    <span className={['av', `a${ground(seed)}`, size].filter(Boolean).join(' ')} aria-hidden="true">
      {initials(name)}
      {channel && <span className="ch"><Icon name={channelIcon(channel)} /></span>}
      {status && <span className={`st ${status === 'away' ? 'amber' : status === 'off' ? 'off' : ''}`} />}
    </span>
  );
}
