import { shortName } from '../core/text.ts';
import { useAround, useView, useWords } from './context.ts';

/** Keeps its line whether somebody types or not, so that nothing jumps. */
export function Typing() {
  const { chat } = useAround();
  const words = useWords();
  const { typing } = useView();
  const who = typing[0];
  return (
    <div class="typing" role="status">
      {who && (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {typing.length > 1 ? words.typingMany : words.typing(shortName(who.name || chat.nameOf(who.identity)) || words.team)}
        </>
      )}
    </div>
  );
}
