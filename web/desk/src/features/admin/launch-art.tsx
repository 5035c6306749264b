/** The demo shop with the widget in its corner, as a drawing. */
export function LaunchArt() {
  return (
    <div className="launch-art" aria-hidden="true">
      <svg viewBox="0 0 264 168" preserveAspectRatio="xMidYMid slice">
        <rect width="264" height="168" fill="var(--hover)"/>
        <rect x="24" y="20" width="240" height="160" rx="8" fill="var(--surface)" stroke="var(--line-2)"/>
        <path d="M24 40h240" stroke="var(--line)"/>
        <circle cx="36" cy="30" r="2.5" fill="var(--line-2)"/>
        <circle cx="45" cy="30" r="2.5" fill="var(--line-2)"/>
        <circle cx="54" cy="30" r="2.5" fill="var(--line-2)"/>
        <rect x="76" y="26" width="112" height="8" rx="4" fill="var(--hover)"/>
        <rect x="40" y="54" width="64" height="6" rx="3" fill="var(--line-2)"/>
        <rect x="40" y="66" width="40" height="5" rx="2.500" fill="var(--line)"/>
        <rect x="40" y="84" width="60" height="52" rx="6" fill="var(--hover)"/>
        <rect x="108" y="84" width="60" height="52" rx="6" fill="var(--hover)"/>
        <g fill="none" stroke="var(--text-3)" strokeWidth="1.2" strokeLinecap="round" strokeLinejoin="round">
        <g>
        <circle cx="57" cy="116" r="9"/>
        <circle cx="83" cy="116" r="9"/>
        <path d="M57 116l7-14h14l5 14M64 102l6 14 8-14M70 116H57M62 99h5M76 98l2 4"/>
        </g>
        <g transform="translate(68)">
        <circle cx="57" cy="116" r="9"/>
        <circle cx="83" cy="116" r="9"/>
        <path d="M57 116l8-12h12l6 12M65 104l5 12 7-12M70 116H57M62 100h5M75 99h4l-2 5"/>
        </g>
        </g>
        <rect x="176" y="56" width="76" height="84" rx="8" fill="var(--surface)" stroke="var(--accent-line)"/>
        <path d="M176 64a8 8 0 0 1 8-8h60a8 8 0 0 1 8 8v8h-76z" fill="var(--accent)"/>
        <rect x="184" y="80" width="42" height="12" rx="6" fill="var(--hover)"/>
        <rect x="206" y="97" width="38" height="12" rx="6" fill="var(--accent-soft)"/>
        <rect x="184" y="122" width="60" height="10" rx="5" fill="var(--raised)" stroke="var(--line-2)"/>
        <circle cx="240" cy="156" r="10" fill="var(--accent)"/>
        </svg>
    </div>
  );
}
