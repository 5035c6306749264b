import { useEffect, useState } from 'preact/hooks';
import { en, type FileWords } from '../i18n/files/en.ts';
import { useAround } from './context.ts';

/** Catalogues of the words about files, beside those of the rest. */
const others: Record<string, () => Promise<FileWords>> = {
  ja: () => import('../i18n/files/ja.ts').then((m) => m.ja),
};

const here: Record<string, FileWords> = { en };

/** The words about files in the visitor's language; what the page has worded itself wins. */
export function useFileWords(): FileWords {
  const { tongue } = useAround();
  const language = tongue.locale.toLowerCase().split('-')[0]!;
  const [, draw] = useState(0);
  useEffect(() => {
    if (!here[language]) others[language]?.().then((words) => ((here[language] = words), draw((n) => n + 1)), () => {});
  }, [language]);
  return { ...(here[language] ?? en), ...tongue.own };
}
