import { useEffect, useRef, useState } from 'preact/hooks';
import { initials, shortName, tone } from '../core/text.ts';
import { useAround, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';
import css from '../style/peek.css?inline';
import { adopt } from './adopt.ts';

adopt(css);

/** Above the closed launcher: the newest message that nobody has seen yet. */
export function Peek() {
  const { chat, ask, peek } = useAround();
  const words = useWords();
  const { conversation, me, unread } = useView();
  const [hidden, hide] = useState(-1);
  const box = useRef<HTMLDivElement>(null);
  const last = conversation?.messages.at(-1);
  const shown = unread > 0 && !!last && last.author !== me && last.index > hidden;
  useEffect(() => {
    peek(shown ? (box.current?.offsetHeight ?? 0) : 0);
  }, [shown, last?.index, last?.body]);
  if (!shown) return null;
  const name = chat.nameOf(last.author) || words.team;
  return (
    <main class="peek" ref={box}>
      <h1 class="vh">{words.open(unread)}</h1>
      <button class="peek-t" type="button" onClick={() => ask(true)}>
        <span class="row">
          <span class={'av s28 a' + tone(last.author)} aria-hidden="true">
            {initials(name)}
          </span>
          <span class="t13 sb ell">{shortName(name)}</span>
          <span class="t12 c3">{words.now}</span>
        </span>
        <p class="t13" dir="auto">
          {last.body || last.media?.filename}
        </p>
      </button>
      <button class="ib" type="button" aria-label={words.hide} onClick={() => hide(last.index)}>
        <Icon name="close" of="xs" />
      </button>
    </main>
  );
}
