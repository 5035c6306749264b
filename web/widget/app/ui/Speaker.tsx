import { useEffect, useRef, useState } from 'preact/hooks';
import { shortName } from '../core/text.ts';
import { useAround, useView, useWords } from './context.ts';

/**
 * The one live region. The log itself is not live, as a redrawn log would be read out again from the start; what is new
 * is said here and cleared two seconds later.
 */
export function Speaker() {
  const { chat } = useAround();
  const words = useWords();
  const { conversation, me } = useView();
  const [text, say] = useState('');
  const last = conversation?.messages.at(-1);
  const spoken = useRef<number | undefined>(undefined);
  useEffect(() => {
    const first = spoken.current === undefined;
    const before = spoken.current ?? -1;
    if (last) spoken.current = last.index;
    if (first || !last || last.index <= before || last.author === me) return;
    say(words.said(shortName(chat.nameOf(last.author)) || words.team, last.body || last.media?.filename || ''));
    const timer = setTimeout(() => say(''), 2000);
    return () => clearTimeout(timer);
  }, [last?.index, words]);
  return (
    <div class="vh" aria-live="polite">
      {text}
    </div>
  );
}
