import { useEffect, useRef } from 'react';
import { useLive } from '../../api/live';
import { useText } from '../../i18n';
import { useDraft } from '../../ui/drafts';
import { useShortcuts } from '../../ui/shortcuts';

/** Bytes of one message that the server keeps. */
const LIMIT = 32 * 1024;
const bytes = (text: string) => new TextEncoder().encode(text).length;
const touch = () => matchMedia('(pointer: coarse)').matches;

/** Writes replies. Enter sends, Shift+Enter breaks the line; the draft stays on this device until it is sent. */
export function Composer({ channel }: { channel: string }) {
  const { t } = useText();
  const { client } = useLive();
  const [draft, setDraft] = useDraft(channel);
  const field = useRef<HTMLTextAreaElement>(null);
  const over = bytes(draft) - LIMIT;
  useShortcuts({ compose: () => field.current?.focus() });
  useEffect(() => {
    if (!touch()) field.current?.focus({ preventScroll: true });
  }, [channel]);
  const send = () => {
    const body = draft.trim();
    if (!client || !body || over > 0) return;
    client.send(channel, body);
    setDraft('');
    field.current?.focus();
  };
  return (
    <form className="composer" aria-label={t('chat.reply')} onSubmit={(event) => { event.preventDefault(); send(); }}>
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        value={draft}
        aria-label={t('chat.reply')}
        aria-invalid={over > 0 || undefined}
        placeholder={t('chat.placeholder')}
        enterKeyHint="send"
        onChange={(event) => {
          setDraft(event.target.value);
          if (event.target.value.trim()) client?.typing(channel);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') return event.currentTarget.blur();
          if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.keyCode === 229) return undefined;
          if (event.shiftKey || (touch() && !event.ctrlKey && !event.metaKey)) return undefined;
          event.preventDefault();
          return send();
        }}
      />
      <div className="bot">
        {over > 0
          ? <span className="error-line" role="alert">{t('chat.tooLong', { n: over })}</span>
          : <span className="t12 c3">{draft ? t('chat.kept') : ''}</span>}
        <span className="push row g12">
          <span className="t12 c3 hint-enter">{t('chat.shiftEnter')}</span>
          <button type="submit" className="btn primary" disabled={over > 0}>{t('chat.send')} <kbd aria-hidden="true">⏎</kbd></button>
        </span>
      </div>
    </form>
  );
}
