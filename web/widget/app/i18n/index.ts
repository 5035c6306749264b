import { en, type Catalogue } from './en.ts';

export type { Catalogue } from './en.ts';

/** All catalogues; each but English is a file of its own that only its readers load. */
const others: Record<string, () => Promise<Catalogue>> = {
  ja: () => import('./ja.ts').then((m) => m.ja),
};

const rightToLeft = /^(ar|fa|he|ur|yi|ps|sd|ug)\b/;

export interface Tongue {
  /** Full tag for dates and numbers. */
  locale: string;
  words: Catalogue;
  dir: 'ltr' | 'rtl';
  /** What the page has worded itself, also words that only parts loaded later know. */
  own?: {};
}

/** The first wish that there is a catalogue for, else English. */
export async function openTongue(wishes: (string | null | undefined)[]): Promise<Tongue> {
  for (const wish of wishes) {
    if (!wish) continue;
    const language = wish.toLowerCase().split('-')[0]!;
    const load = others[language];
    if (language !== 'en' && !load) continue;
    const words = load ? await load().catch(() => en) : en;
    return { locale: wish, words, dir: rightToLeft.test(language) ? 'rtl' : 'ltr' };
  }
  return { locale: 'en', words: en, dir: 'ltr' };
}
