import type { PopupBody } from './Popup.tsx';
import { rove } from './rove.ts';

const all = '😀 😂 😊 😍 🤔 😅 😢 😡 👍 👎 🙏 👏 💪 👋 🤝 🎉 ❤️ 🔥 ✨ ⭐ ✅ ❌ ⚠️ ❓ 📦 🚚 🚲 🔧 💡 📷 📅 🕐'.split(' ');

/** A handful of pictures; systems have their own picker for the rest. One tab stop, arrows move. */
export function Emoji({ label, close, choose }: PopupBody & { choose(emoji: string): void }) {
  return (
    <div class="emoji" role="group" aria-label={label} onKeyDown={(e) => rove(e, 8)}>
      {all.map((emoji, i) => (
        <button type="button" tabIndex={i ? -1 : 0} onClick={() => (choose(emoji), close())}>
          {emoji}
        </button>
      ))}
    </div>
  );
}
