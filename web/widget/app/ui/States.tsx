import { useAround, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';

/** Shapes of what is coming. The stylesheet holds them back for 150 ms. */
export function Skeleton() {
  const words = useWords();
  return (
    <div class="sk-g" role="status">
      <span class="vh">{words.loading}</span>
      <span class="sk me" />
      <span class="sk" />
      <span class="sk th" />
      <span class="sk me" />
    </div>
  );
}

export function Failed() {
  const { chat } = useAround();
  const words = useWords();
  const { failure } = useView();
  const gone = failure === 'unknownFlow';
  return (
    <div class="state" role="alert">
      <Icon name="alert" of="bad" />
      <h2>{words.failed}</h2>
      <p class="t13 c2">{gone ? words.unknownFlow : words.unreachable}</p>
      {!gone && (
        <button class="btn" type="button" onClick={() => chat.load()}>
          <Icon name="again" of="s" />
          {words.retry}
        </button>
      )}
    </div>
  );
}

/** An empty conversation says what to do. */
export function Empty() {
  const words = useWords();
  const { config } = useView();
  return (
    <div class="state">
      <Icon name="chat" />
      <h2>{config?.branding?.greeting || words.greeting}</h2>
      <p class="t13 c2">{words.hint}</p>
    </div>
  );
}
