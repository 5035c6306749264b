import { useEffect, useRef } from 'preact/hooks';
import { useAround, useEscape, useView, useWords } from './context.ts';
import { useEndAsk } from './endAsk.ts';
import css from '../style/ending.css?inline';
import { adopt } from './adopt.ts';

adopt(css);

/** The one question that is asked before something ends, and what stands where the composer was. */
export function Ending() {
  return useView().phase === 'ended' ? <Ended /> : <Question />;
}

function Question() {
  const { chat } = useAround();
  const words = useWords();
  const { endFailed } = useView();
  const [, ask] = useEndAsk();
  const end = useRef<HTMLButtonElement>(null);
  useEscape(true, () => ask(false));
  useEffect(() => end.current?.focus(), []);
  return (
    <div class="banner ask" role="group" aria-label={words.endAsk}>
      <span class="grow" role={endFailed ? 'alert' : undefined}>
        {endFailed ? words.unreachable : words.endAsk}
      </span>
      <button class="btn danger" type="button" ref={end} onClick={() => chat.end()}>
        {words.endChat}
      </button>
      <button class="btn" type="button" onClick={() => ask(false)}>
        {words.endKeep}
      </button>
    </div>
  );
}

function Ended() {
  const { chat } = useAround();
  const words = useWords();
  return (
    <section class="ended">
      <h2 class="sb">{words.ended}</h2>
      <p class="t12 c3">{words.endedNote}</p>
      <button class="btn primary full" type="button" onClick={() => chat.restart()}>
        {words.newChat}
      </button>
    </section>
  );
}
