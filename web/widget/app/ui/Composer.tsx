import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useAround, useLazy, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';
import { Popup, type PopupBody } from './Popup.tsx';

const attach = () => import('./Attach.tsx').then((m) => m.Attach);

/** Where the visitor writes. Enter sends, Shift and Enter breaks the line; an input method's Enter is its own. */
export function Composer() {
  const { chat, sheet } = useAround();
  const words = useWords();
  const [text, setText] = useState(chat.draft);
  const area = useRef<HTMLTextAreaElement>(null);
  const Attach = useLazy(useView().config?.attachments !== false, attach);

  useEffect(() => {
    const timer = setTimeout(() => text !== chat.draft && (chat.draft = text), 400);
    return () => clearTimeout(timer);
  }, [text]);

  // Grows with its text; browsers with field-sizing do it alone.
  useLayoutEffect(() => {
    const el = area.current;
    if (!el || CSS.supports('field-sizing', 'content')) return;
    el.style.height = 'auto';
    el.style.height = Math.min(160, el.scrollHeight) + 'px';
  }, [text]);

  const send = () => {
    chat.send(text);
    chat.files?.send('');
    chat.draft = '';
    setText('');
    area.current?.focus();
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    send();
  };
  const insert = (emoji: string) => {
    const el = area.current!;
    el.setRangeText(emoji, el.selectionStart, el.selectionEnd, 'end');
    setText(el.value);
  };
  const picker = () => import('./Emoji.tsx').then(({ Emoji }) => (body: PopupBody) => <Emoji {...body} choose={insert} />);

  return (
    <form class="c" onSubmit={(e) => (e.preventDefault(), send())}>
      <textarea
        ref={area}
        rows={1}
        value={text}
        dir={text ? 'auto' : undefined}
        aria-label={words.write}
        placeholder={words.write}
        enterkeyhint="send"
        maxLength={16000}
        onInput={(e) => {
          setText(e.currentTarget.value);
          if (e.currentTarget.value) chat.write();
        }}
        onKeyDown={onKey}
      />
      <div class="bar">
        {Attach && <Attach area={area} />}
        {!sheet && <Popup label={words.emoji} icon="smile" popup="true" load={picker} back={() => area.current?.focus()} />}
        <button class="snd" type="submit" aria-label={words.send}>
          <Icon name="send" of="s" />
        </button>
      </div>
    </form>
  );
}
