/** How many parts an SMS takes. Pure; the server counts the same way. */

/** The default alphabet of 3GPP TS 23.038, and what takes two places in it. */
const basic = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
const double = new Set('\f^{}\\[~]|€');

export interface Segments {
  /** Parts that it goes out in; 0 for no text. */
  n: number;
  /** What still fits into the last one, in characters of its alphabet. */
  left: number;
  /** A character outside of the small alphabet: every part holds less than half. */
  wide: boolean;
}

/** Fills parts with characters of these sizes; none is cut in two. */
function fill(sizes: number[], alone: number, joined: number): Pick<Segments, 'n' | 'left'> {
  const total = sizes.reduce((sum, each) => sum + each, 0);
  if (total <= alone) return { n: total > 0 ? 1 : 0, left: alone - total };
  let n = 1, room = joined;
  for (const size of sizes) {
    if (size > room) {
      n++;
      room = joined;
    }
    room -= size;
  }
  return { n, left: room };
}

export function segmentsOf(text: string): Segments {
  const characters = [...text];
  const wide = characters.some((each) => !basic.has(each) && !double.has(each));
  const sizes = characters.map((each) => (wide ? each.length : double.has(each) ? 2 : 1));
  return { ...(wide ? fill(sizes, 70, 67) : fill(sizes, 160, 153)), wide };
}
