// Times as people say them, in the viewer's zone.

export interface Clock {
  /** 10:05 */
  time(at: number): string;
  /** Today, yesterday, Monday 3 March, 3 March 2025. */
  day(at: number, now: number, words: { today: string; yesterday: string }): string;
}

const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);

export function openClock(locale: string, timeZone?: string): Clock {
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { ...options, timeZone });
  const halves = format({ hour: 'numeric' }).resolvedOptions().hour12;
  const time = format({ hour: halves ? 'numeric' : '2-digit', minute: '2-digit' });
  const week = format({ weekday: 'long', day: 'numeric', month: 'long' });
  const near = format({ day: 'numeric', month: 'long' });
  const far = format({ day: 'numeric', month: 'long', year: 'numeric' });
  return {
    time: (at) => time.format(at),
    day(at, now, words) {
      const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
      if (days === 0) return words.today;
      if (days === 1) return words.yesterday;
      if (days > 1 && days < 7) return week.format(at);
      return (new Date(at).getFullYear() === new Date(now).getFullYear() ? near : far).format(at);
    },
  };
}
