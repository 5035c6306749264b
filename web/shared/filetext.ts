// How files are spoken of: sizes as people say them, and what kind a file is.

const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** 2.4 MB: units of 1,024, one decimal from a megabyte on. */
export function sizeText(bytes: number, locale: string): string {
  let at = 0;
  let n = bytes;
  for (; n >= 1024 && at < steps.length - 1; at++) n /= 1024;
  const text = new Intl.NumberFormat(locale, { style: 'unit', unit: steps[at], unitDisplay: at ? 'short' : 'long', maximumFractionDigits: at < 2 ? 0 : 1 });
  return text.format(at === 1 ? Math.ceil(n) : n).replace('kB', 'KB');
}

/** PDF, 2.4 MB. The kind is the end of the name, else the type's second half. */
export function kindText(name: string | null, type: string, bytes: number, locale: string): string {
  const end = /\.([a-z0-9]{1,5})$/i.exec(name ?? '')?.[1] ?? type.split('/')[1]?.replace(/^(x-|vnd\.)/, '').slice(0, 12);
  const size = sizeText(bytes, locale);
  return end ? `${end.toUpperCase()}, ${size}` : size;
}

/** Small pictures of these are made by the server, and shown by every browser. */
export const isPicture = (type: string) => /^image\/(png|jpeg|gif|webp)$/.test(type);
