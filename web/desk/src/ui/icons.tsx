/** The icon set: 20 box, round strokes. Names say what is meant, not what is drawn. */
import type { JSX } from 'react';

const dot = (cx: number, cy: number) => <circle className="fill" cx={cx} cy={cy} r="1" />;

const shapes = {
  desk: <path d="M3 11.5h3.6l1.2 2h4.4l1.2-2H17M3 11.5 5 4.75h10l2 6.75v2.25c0 .8-.7 1.5-1.5 1.5h-11c-.8 0-1.5-.7-1.5-1.5z" />,
  lines: <path d="M3.5 5.5h13M3.5 10h13M3.5 14.5h8" />,
  search: <><circle cx="9" cy="9" r="5.25" /><path d="m13 13 3.75 3.75" /></>,
  sliders: <><path d="M3.5 6.5h7M14 6.5h2.5M3.5 13.5H6M9.5 13.5h7" /><circle cx="12.25" cy="6.5" r="1.75" /><circle cx="7.75" cy="13.5" r="1.75" /></>,
  keyboard: <><rect x="2.5" y="5" width="15" height="10" rx="2" />{dot(6, 8.4)}{dot(10, 8.4)}{dot(14, 8.4)}<path d="M7 11.75h6" /></>,
  moon: <path d="M16.5 11.6A6.75 6.75 0 1 1 8.4 3.5a5.5 5.5 0 0 0 8.1 8.1z" />,
  sun: <><circle cx="10" cy="10" r="3.25" /><path d="M10 2.75v1.5M10 15.75v1.5M2.75 10h1.5M15.75 10h1.5M4.9 4.9l1 1M14.1 14.1l1 1M15.1 4.9l-1 1M5.9 14.1l-1 1" /></>,
  down: <path d="m5.5 8 4.5 4.5L14.5 8" />,
  next: <path d="m8 5.5 4.5 4.5L8 14.5" />,
  back: <path d="M12 5.5 7.5 10l4.5 4.5" />,
  check: <path d="m4.5 10.5 3.5 3.5 7.5-8" />,
  checks: <path d="m2.25 10.75 3.25 3.5 6.75-8M9.9 13.9l.35.35L17.5 6.25" />,
  clock: <><circle cx="10" cy="10" r="6.75" /><path d="M10 6.25V10l2.5 1.75" /></>,
  earlier: <path d="M3.75 4.25V7.5H7M4 7.5A6.5 6.5 0 1 1 3.6 11M10 6.75V10l2.25 1.5" />,
  alert: <><circle cx="10" cy="10" r="7" /><path d="M10 6.5v4.25" />{dot(10, 13.4)}</>,
  info: <><circle cx="10" cy="10" r="7" /><path d="M10 9.25v4.25" />{dot(10, 6.7)}</>,
  retry: <path d="M15.6 10.5A5.6 5.6 0 1 1 14 6M14.75 3v3.25H11.5" />,
  offline: <><path d="M3.5 3.5l13 13M5.7 10.6a6.4 6.4 0 0 1 2.2-1.4M3 7.9a10 10 0 0 1 2.4-1.7M9 5a10 10 0 0 1 8 2.9M12.2 9.4c.8.3 1.5.7 2.1 1.2M7.9 13.2a3 3 0 0 1 3.2-.6" />{dot(10, 15.6)}</>,
  close: <path d="m5.5 5.5 9 9M14.5 5.5l-9 9" />,
  panel: <><rect x="3" y="4" width="14" height="12" rx="2" /><path d="M12 4v12" /></>,
  bell: <path d="M5.5 9a4.5 4.5 0 0 1 9 0c0 3.5 1.5 4.75 1.5 4.75H4S5.5 12.5 5.5 9zM8.25 16.25c.4.5 1 .75 1.75.75s1.35-.25 1.75-.75" />,
  people: <><circle cx="7.5" cy="7" r="2.75" /><path d="M2.5 16c.4-2.8 2.4-4.25 5-4.25s4.6 1.45 5 4.25M13 4.5a2.6 2.6 0 0 1 0 5M14.8 12.1c1.5.6 2.4 1.9 2.7 3.9" /></>,
  toBottom: <path d="M10 4v11.5M5.25 10.75 10 15.5l4.75-4.75" />,
  web: <path d="M3.5 5.5c0-1 .8-1.75 1.75-1.75h9.5c1 0 1.75.8 1.75 1.75v6c0 1-.8 1.75-1.75 1.75H9.5L6 16.5v-3.25h-.75c-1 0-1.75-.8-1.75-1.75z" />,
  sms: <><rect x="6" y="2.75" width="8" height="14.5" rx="2" /><path d="M9 14.75h2" /></>,
  whatsapp: <path d="m3.5 16.5 1-3.3a6.75 6.75 0 1 1 2.4 2.3zM7.9 7.4c.1 2.6 2.1 4.6 4.7 4.7" />,
  plug: <path d="M7 3.5v4M13 3.5v4M4.75 7.5h10.5M5.5 7.5V10a4.5 4.5 0 0 0 9 0V7.5M10 14.5v3" />,
  flow: <><rect x="3" y="3.5" width="5.5" height="4" rx="1.25" /><rect x="11.5" y="12.5" width="5.5" height="4" rx="1.25" /><path d="M5.75 7.5v4c0 1.66 1.34 3 3 3h2.75" /></>,
  route: <><circle cx="5" cy="15" r="2" /><circle cx="15" cy="5" r="2" /><path d="M7 15h5.5a2.5 2.5 0 0 0 0-5h-5a2.5 2.5 0 0 1 0-5H13" /></>,
  play: <path d="M7 4.5v11l8.5-5.5z" />,
  cup: <path d="M4 7.5h9.5V12a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4zM13.5 8.75h1a1.9 1.9 0 0 1 0 3.8h-1M7 3v1.75M10.5 3v1.75" />,
  key: <><circle cx="7" cy="13" r="3.25" /><path d="M9.3 10.7 16 4M12.75 7.25l2.5 2.5" /></>,
  shield: <path d="m10 3 6 2.25v4.5c0 3.6-2.4 6.1-6 7.25-3.6-1.15-6-3.65-6-7.25v-4.5z" />,
  clip: <path d="m14.7 9.4-5.3 5.3a3.2 3.2 0 0 1-4.6-4.6l6-6a2.2 2.2 0 0 1 3.1 3.1l-5.9 5.9a1.1 1.1 0 0 1-1.6-1.6l5.3-5.3" />,
  picture: <><rect x="3" y="4" width="14" height="12" rx="2" /><circle cx="7.25" cy="8" r="1.25" /><path d="m3.5 14 4-3.5 3 2.5 2.5-2 3.5 3" /></>,
  smile: <><circle cx="10" cy="10" r="7" /><path d="M7 11.75c.7 1 1.7 1.5 3 1.5s2.3-.5 3-1.5" />{dot(7.75, 8.1)}{dot(12.25, 8.1)}</>,
  file: <path d="M5.5 4.25C5.5 3.55 6.05 3 6.75 3h4.75L15 6.5v9.25c0 .7-.55 1.25-1.25 1.25h-7c-.7 0-1.25-.55-1.25-1.25zM11.25 3.25V7H15" />,
  save: <path d="M10 3.5V13M6.5 9.5 10 13l3.5-3.5M4 16.5h12" />,
  plus: <path d="M10 4.5v11M4.5 10h11" />,
  launch: <path d="M11 4h5v5M16 4l-7 7M14 12v2.75c0 .7-.55 1.25-1.25 1.25h-7.5c-.7 0-1.25-.55-1.25-1.25v-7.5C4 6.55 4.55 6 5.25 6H8" />,
  copy: <><rect x="7" y="7" width="9.5" height="9.5" rx="1.75" /><path d="M13 7V5.25c0-1-.8-1.75-1.75-1.75h-6c-1 0-1.75.8-1.75 1.75v6c0 1 .8 1.75 1.75 1.75H7" /></>,
  eye: <><path d="M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5z" /><circle cx="10" cy="10" r="2.25" /></>,
  lock: <><rect x="4.5" y="9" width="11" height="7.5" rx="1.75" /><path d="M7 9V6.75a3 3 0 0 1 6 0V9" /></>,
  leave: <path d="M11.5 3.5h3.25c.7 0 1.25.55 1.25 1.25v10.5c0 .7-.55 1.25-1.25 1.25H11.5M12 10H3.5M6.5 7l-3 3 3 3" />,
  density: <path d="M3.5 4.5h13M3.5 8.2h13M3.5 11.9h13M3.5 15.5h13" />,
  globe: <><circle cx="10" cy="10" r="7" /><path d="M3 10h14M10 3c2 2.1 3 4.4 3 7s-1 4.9-3 7c-2-2.1-3-4.4-3-7s1-4.9 3-7z" /></>,
  trash: <path d="M4 6h12M8 6V4.25h4V6M5.5 6l.7 9.2c.05.7.6 1.3 1.3 1.3h5c.7 0 1.25-.6 1.3-1.3L14.5 6" />,
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof shapes;

const directional = new Set<IconName>(['next', 'back', 'launch', 'leave']);

/** Decorative by default: the control beside it carries the name. */
export function Icon({ name, size, className = '' }: { name: IconName; size?: 's' | 'xs' | 'xxs'; className?: string }) {
  const classes = ['i', size, directional.has(name) && 'rtl-flip', className].filter(Boolean).join(' ');
  return <svg className={classes} viewBox="0 0 20 20" aria-hidden="true">{shapes[name]}</svg>;
}

/** The product's mark. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 26 26" aria-hidden="true">
      <path d="M5 5v8.5a8 8 0 0 0 16 0V12" fill="none" stroke="currentColor" strokeWidth="3.5" strokeLinecap="round" />
      <circle cx="21" cy="5.25" r="2.6" fill="currentColor" />
    </svg>
  );
}
