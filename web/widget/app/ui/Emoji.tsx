import { emoji } from '../../../shared/emoji.ts';
import type { PopupBody } from './Popup.tsx';
import { rove } from './rove.ts';
import css from '../style/emoji.css?inline';
import { adopt } from './adopt.ts';

adopt(css);


/** One tab stop, arrows move. */
export function Emoji({ label, close, choose }: PopupBody & { choose(emoji: string): void }) {
  return (
    <div class="emoji" role="group" aria-label={label} onKeyDown={(e) => rove(e, 8)}>
      {emoji.map((one, i) => (
        <button type="button" tabIndex={i ? -1 : 0} onClick={() => (choose(one), close())}>
          {one}
        </button>
      ))}
    </div>
  );
}
