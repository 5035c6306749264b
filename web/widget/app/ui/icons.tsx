// Drawings of the interface: 20 by 20, one line, round. All are decoration; the words beside them say it.

const lines = {
  chat: 'M3.5 5.5c0-1 .8-1.75 1.75-1.75h9.5c1 0 1.75.8 1.75 1.75v6c0 1-.8 1.75-1.75 1.75H9.5L6 16.5v-3.25h-.75c-1 0-1.75-.8-1.75-1.75z',
  down: 'm5.5 8 4.5 4.5L14.5 8',
  close: 'm5.5 5.5 9 9M14.5 5.5l-9 9',
  check: 'm4.5 10.5 3.5 3.5 7.5-8',
  checks: 'm2.25 10.75 3.25 3.5 6.75-8M9.9 13.9l.35.35L17.5 6.25',
  clock: 'M10 6.25V10l2.5 1.75M3.25 10a6.75 6.75 0 1 0 13.5 0 6.75 6.75 0 1 0-13.5 0',
  before: 'M3.75 4.25V7.5H7M4 7.5A6.5 6.5 0 1 1 3.6 11M10 6.75V10l2.25 1.5',
  people: 'M4.75 7a2.75 2.75 0 1 0 5.5 0 2.75 2.75 0 1 0-5.5 0M2.5 16c.4-2.8 2.4-4.25 5-4.25s4.6 1.45 5 4.25M13 4.5a2.6 2.6 0 0 1 0 5M14.8 12.1c1.5.6 2.4 1.9 2.7 3.9',
  send: 'M10 16V4.5M5.25 9.25 10 4.5l4.75 4.75',
  end: 'M10 4v11.5M5.25 10.75 10 15.5l4.75-4.75',
  save: 'M10 3.5V13M6.5 9.5 10 13l3.5-3.5M4 16.5h12',
  again: 'M15.6 10.5A5.6 5.6 0 1 1 14 6M14.75 3v3.25H11.5',
  cut: 'M3.5 3.5l13 13M5.7 10.6a6.4 6.4 0 0 1 2.2-1.4M3 7.9a10 10 0 0 1 2.4-1.7M9 5a10 10 0 0 1 8 2.9M12.2 9.4c.8.3 1.5.7 2.1 1.2M7.9 13.2a3 3 0 0 1 3.2-.6',
  alert: 'M10 6.5v4.25M3 10a7 7 0 1 0 14 0 7 7 0 1 0-14 0',
  smile: 'M7 11.75c.7 1 1.7 1.5 3 1.5s2.3-.5 3-1.5M3 10a7 7 0 1 0 14 0 7 7 0 1 0-14 0',
  more: '',
};

/** Filled points of the drawings that have some: x, y. */
const points: Partial<Record<Name, [number, number][]>> = {
  alert: [[10, 13.4]],
  cut: [[10, 15.6]],
  smile: [[7.75, 8.1], [12.25, 8.1]],
  more: [[4.5, 10], [10, 10], [15.5, 10]],
};

export type Name = keyof typeof lines;

export function Icon({ name, of = '' }: { name: Name; of?: string }) {
  return (
    <svg class={'i ' + of} viewBox="0 0 20 20" aria-hidden="true">
      {lines[name] && <path d={lines[name]} />}
      {points[name]?.map(([x, y]) => <circle cx={x} cy={y} r="1" fill="currentColor" stroke="none" />)}
    </svg>
  );
}
