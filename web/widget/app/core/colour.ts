// A customer's brand colour, corrected until it can be read. Lightness is changed in OKLCH, so that the hue stays.

/** Linear or gamma-coded channels from 0 to 1, by context. */
export type Rgb = [number, number, number];
/** Lightness 0 to 1, chroma, hue in radians. */
export type Oklch = [number, number, number];

export function parseHex(text: string): Rgb | undefined {
  const hex = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1];
  if (!hex) return undefined;
  const full = hex.length === 3 ? hex.replace(/./g, '$&$&') : hex;
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255) as Rgb;
}

export const toHex = (c: Rgb) => '#' + c.map((v) => Math.round(Math.min(1, Math.max(0, v)) * 255).toString(16).padStart(2, '0')).join('');

const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const gamma = (v: number) => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

export function toOklch(c: Rgb): Oklch {
  const [r, g, b] = c.map(linear) as Rgb;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const a = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const bb = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, Math.hypot(a, bb), Math.atan2(bb, a)];
}

function unclamped([lightness, chroma, hue]: Oklch): Rgb {
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** The nearest colour a screen has: chroma gives way, lightness and hue stay. */
export function fromOklch([l, c, h]: Oklch): Rgb {
  let chroma = c;
  let out = unclamped([l, chroma, h]);
  while (chroma > 0.001 && out.some((v) => v < -0.0005 || v > 1.0005)) out = unclamped([l, (chroma *= 0.95), h]);
  return out.map((v) => gamma(Math.min(1, Math.max(0, v)))) as Rgb;
}

const luminance = (c: Rgb) => {
  const [r, g, b] = c.map(linear) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** WCAG 2 contrast ratio, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Darkens (step < 0) or lightens until the ratio holds against every ground. */
export function reach(c: Oklch, grounds: Rgb[], ratio: number, step: number): Rgb {
  for (let l = c[0]; ; l += step) {
    // What is drawn has eight bits a channel: measure that.
    const rgb = parseHex(toHex(fromOklch([Math.min(1, Math.max(0, l)), c[1], c[2]])))!;
    if (l <= 0 || l >= 1 || grounds.every((g) => contrast(rgb, g) >= ratio)) return rgb;
  }
}

/** The tokens that a brand colour replaces, for one scheme. Undefined when the text is no colour. */
export function brandTokens(colour: string, scheme: 'light' | 'dark'): Record<string, string> | undefined {
  const rgb = parseHex(colour);
  if (!rgb) return undefined;
  const [l, c, h] = toOklch(rgb);
  const hex = (text: string) => parseHex(text)!;
  const at = (lightness: number, chroma: number) => fromOklch([lightness, Math.min(c, chroma), h]);
  if (scheme === 'light') {
    const soft = at(0.935, 0.03);
    const grounds = ['#ffffff', '#f5f5f2', '#e8e8e3'].map(hex);
    const accent = reach([Math.min(l, 0.62), c, h], [...grounds, soft], 4.5, -0.005);
    const darker = toOklch(accent);
    return {
      accent: toHex(accent),
      'accent-hover': toHex(fromOklch([darker[0] - 0.06, darker[1], h])),
      'accent-soft': toHex(soft),
      'accent-line': toHex(at(0.81, 0.06)),
      'on-accent': '#ffffff',
      'bubble-me': toHex(accent),
      'on-me': '#ffffff',
    };
  }
  const soft = at(0.31, 0.04);
  const accent = reach([Math.max(l, 0.72), Math.min(c, 0.13), h], [...['#131312', '#1a1a18', '#31302d'].map(hex), soft], 4.5, 0.005);
  const lighter = toOklch(accent);
  const onMe = hex('#f3f7f7');
  return {
    accent: toHex(accent),
    'accent-hover': toHex(fromOklch([Math.min(0.95, lighter[0] + 0.05), lighter[1], h])),
    'accent-soft': toHex(soft),
    'accent-line': toHex(at(0.48, 0.07)),
    'on-accent': toHex(reach([0.25, Math.min(c, 0.05), h], [accent], 4.5, -0.01)),
    'bubble-me': toHex(reach([0.43, Math.min(c, 0.1), h], [onMe], 5, -0.005)),
    'on-me': '#f3f7f7',
  };
}
