/** Times and numbers as people say them, in the viewer's zone. */
import type { Locale } from './index';

const day = (ms: number) => {
  const date = new Date(ms);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000;
};

/** Whole days from `ms` to `now` on the calendar. */
export const daysAgo = (ms: number, now: number) => day(now) - day(ms);

/** 0:42, 12:05, 1:12:40. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** 0:41 for 41 minutes: hours and minutes. */
export function hoursMinutes(seconds: number): string {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

const cache = new Map<string, Intl.DateTimeFormat>();
function formatter(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let made = cache.get(key);
  if (!made) cache.set(key, (made = new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, options)));
  return made;
}

/** 10:05. */
export const clock = (ms: number, locale: Locale) => formatter(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);

/** 3 March, with the year when it is another. */
export const longDate = (ms: number, now: number, locale: Locale) =>
  formatter(locale, new Date(ms).getFullYear() === new Date(now).getFullYear() ? { day: 'numeric', month: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' }).format(ms);

/** 3 Mar. */
export const shortDate = (ms: number, locale: Locale) => formatter(locale, { day: 'numeric', month: 'short' }).format(ms);

/** Tuesday 14 April, 14:26. */
export const fullDate = (ms: number, locale: Locale) => formatter(locale, { weekday: 'long', day: 'numeric', month: 'long' }).format(ms).replace(',', '');

/** 10:05 today, else 3 Mar. */
export const clockOrDate = (ms: number, now: number, locale: Locale) => (daysAgo(ms, now) === 0 ? clock(ms, locale) : shortDate(ms, locale));

/** WT7f…c21e. */
export const shortSid = (sid: string) => (sid.length > 12 ? `${sid.slice(0, 4)}…${sid.slice(-4)}` : sid);
