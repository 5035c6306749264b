import type { PopupBody } from './Popup.tsx';
import { kindText } from '../../../shared/filetext.ts';
import { download, transcript } from '../core/transcript.ts';
import { useAround, useView, useWords } from './context.ts';
import { useEndAsk } from './endAsk.ts';
import { Icon, type Name } from './icons.tsx';
import { rove } from './rove.ts';
import css from '../style/menu.css?inline';
import { adopt } from './adopt.ts';

adopt(css);

/** What can be done with the conversation as a whole. */
export function Menu({ label, close }: PopupBody) {
  const { chat, tongue } = useAround();
  const words = useWords();
  const { phase, config } = useView();
  const [, askEnd] = useEndAsk();

  const save = async () => {
    const when = new Intl.DateTimeFormat(tongue.locale, { dateStyle: 'medium', timeStyle: 'short' });
    const nameOf = (identity: string) => (identity === chat.view.me ? words.you : chat.nameOf(identity) || words.team);
    const text = transcript(words.chatWith(config?.name ?? ''), await chat.everything(), nameOf, (at) => when.format(at), (m) => kindText(m.filename, m.content_type, m.size, tongue.locale));
    download(`chat-${new Date().toISOString().slice(0, 10)}.txt`, text);
  };
  const item = (icon: Name, text: string, act: () => void) => (
    <button type="button" role="menuitem" tabIndex={-1} onClick={() => (close(), act())}>
      <Icon name={icon} of="s" />
      {text}
    </button>
  );
  return (
    <div class="menu" role="menu" aria-label={label} onKeyDown={(e) => (e.key === 'Tab' ? close() : rove(e, 1))}>
      {item('save', words.download, save)}
      {phase === 'chat' ? item('close', words.endChat, () => askEnd(true)) : item('chat', words.newChat, () => chat.restart())}
    </div>
  );
}
