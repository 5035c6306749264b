import type { Reservation } from '../../api/types';

/** Seconds a reservation rings when the server does not say. */
export const DEFAULT_TIMEOUT = 120;

export interface Countdown {
  /** Whole seconds left. */
  left: number;
  /** 0 to 100. */
  percent: number;
  tone: '' | 'a' | 'r';
}

/** What the ring shows: calm, amber from 10 s, red from 5 s. */
export function countdown(reservation: Pick<Reservation, 'date_created' | 'expires' | 'timeout'>, now: number): Countdown {
  const total = reservation.timeout && reservation.timeout > 0 ? reservation.timeout : DEFAULT_TIMEOUT;
  const end = reservation.expires ? Date.parse(reservation.expires) : Date.parse(reservation.date_created) + total * 1000;
  const left = Math.max(0, Math.ceil((end - now) / 1000));
  return { left, percent: Math.min(100, (left / total) * 100), tone: left <= 5 ? 'r' : left <= 10 ? 'a' : '' };
}
