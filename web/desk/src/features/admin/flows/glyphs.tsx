/** Icons that only the flow editor draws, in the same box and stroke as the others. */
import type { JSX } from 'react';

const dot = (cx: number, cy: number) => <circle className="fill" cx={cx} cy={cy} r="1" />;

const shapes = {
  trigger: <path d="M11 3 5 11.25h4L8.5 17l6-8.25h-4z" />,
  say: <path d="M10 16V4.5M5.25 9.25 10 4.5l4.75 4.75" />,
  ask: <path d="M3.5 5.5c0-1 .8-1.75 1.75-1.75h9.5c1 0 1.75.8 1.75 1.75v6c0 1-.8 1.75-1.75 1.75H9.5L6 16.5v-3.25h-.75c-1 0-1.75-.8-1.75-1.75z" />,
  split: <path d="M10 3v4M10 7c0 4-5 3-5 7v2.5M10 7c0 4 5 3 5 7v2.5" />,
  set: <path d="M6.5 4C4.5 4 5.5 9 3.75 10c1.75 1 .75 6 2.75 6M13.5 4c2 0 1 5 2.75 6-1.75 1-.75 6-2.75 6M8.25 8l3.5 4M11.75 8l-3.5 4" />,
  http: <path d="m7 6-4 4 4 4M13 6l4 4-4 4" />,
  function: <path d="M13.5 4.25c-2-.75-3 .4-3.3 2.5L8.9 14c-.35 2-1.4 2.9-3.15 2.1M7 9h6.5" />,
  subflow: <><rect x="3" y="3.5" width="5.5" height="4" rx="1.25" /><rect x="11.5" y="12.5" width="5.5" height="4" rx="1.25" /><path d="M5.75 7.5v4c0 1.66 1.34 3 3 3h2.75" /></>,
  agent: <path d="M3 11.5h3.6l1.2 2h4.4l1.2-2H17M3 11.5 5 4.75h10l2 6.75v2.25c0 .8-.7 1.5-1.5 1.5h-11c-.8 0-1.5-.7-1.5-1.5z" />,
  assistant: <><path d="M10 3.5v2.25" /><rect x="4" y="5.75" width="12" height="9" rx="2.5" />{dot(7.75, 10)}{dot(12.25, 10)}<path d="M8 17h4" /></>,
  redirect: <path d="M3.5 15v-3.5c0-2 1.25-3.5 3.5-3.5h9M12.5 4.25 16.25 8l-3.75 3.75" />,
  voice: <path d="M6.25 3.5 8 7.25 6.4 8.6a9.6 9.6 0 0 0 5 5L12.75 12l3.75 1.75v2c0 .7-.6 1.25-1.3 1.2C9.1 16.5 3.5 10.9 3.05 4.8c-.05-.7.5-1.3 1.2-1.3z" />,
  unknown: <><circle cx="10" cy="10" r="7" /><path d="M8 8c0-1.2.9-2 2-2s2 .8 2 1.9c0 1.6-2 1.6-2 3.2" />{dot(10, 13.8)}</>,
  warning: <><path d="M10 3.75 17 16H3zM10 8.5v3.25" />{dot(10, 13.8)}</>,
  undo: <path d="M7 5 3.75 8.25 7 11.5M4 8.25h7.25a4.25 4.25 0 0 1 0 8.5H8" />,
  redo: <path d="m13 5 3.25 3.25L13 11.5M16 8.25H8.75a4.25 4.25 0 0 0 0 8.5H12" />,
  more: <>{dot(4.5, 10)}{dot(10, 10)}{dot(15.5, 10)}</>,
  minus: <path d="M4.5 10h11" />,
  fit: <path d="M4 7.5V5.25C4 4.55 4.55 4 5.25 4H7.5M12.5 4h2.25c.7 0 1.25.55 1.25 1.25V7.5M16 12.5v2.25c0 .7-.55 1.25-1.25 1.25H12.5M7.5 16H5.25C4.55 16 4 15.45 4 14.75V12.5" />,
  flask: <path d="M7.75 3h4.5M8.5 3v5l-4 7.2c-.4.9.2 1.8 1.1 1.8h8.8c.9 0 1.5-.9 1.1-1.8l-4-7.2V3M6.4 12.25h7.2" />,
  up: <path d="m5.5 12 4.5-4.5 4.5 4.5" />,
} satisfies Record<string, JSX.Element>;

export type GlyphName = keyof typeof shapes;

const directional = new Set<GlyphName>(['undo', 'redo', 'redirect']);

/** Decorative: the control beside it carries the name. */
export function Glyph({ name, size, className = '' }: { name: GlyphName; size?: 's' | 'xs'; className?: string }) {
  const classes = ['i', size, directional.has(name) && 'rtl-flip', className].filter(Boolean).join(' ');
  return <svg className={classes} viewBox="0 0 20 20" aria-hidden="true">{shapes[name]}</svg>;
}
