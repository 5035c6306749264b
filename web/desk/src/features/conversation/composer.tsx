import { useEffect, useRef, type RefObject } from 'react';
import { useLive } from '../../api/live';
import { useText } from '../../i18n';
import { useDraft } from '../../ui/drafts';
import { Icon } from '../../ui/icons';
import { useShortcuts } from '../../ui/shortcuts';
import { EmojiPicker } from './emoji';
import { segmentsOf } from './segments';
import { Tray } from './tray';
import { useAttaching, type Attaching } from './use-files';

/** Bytes of one message that the server keeps. */
const LIMIT = 32 * 1024;
const bytes = (text: string) => new TextEncoder().encode(text).length;
const touch = () => matchMedia('(pointer: coarse)').matches;

/** Two buttons that open the system's choice of files: any, and pictures. */
function Attach({ attaching: { limits, most, take }, open }: { attaching: Attaching; open: RefObject<() => void> }) {
  const { t } = useText();
  const any = useRef<HTMLInputElement>(null);
  const pictures = useRef<HTMLInputElement>(null);
  open.current = () => any.current?.click();
  const input = (ref: RefObject<HTMLInputElement | null>, accept?: string) => (
    <input
      ref={ref} type="file" multiple hidden accept={accept}
      onChange={(event) => {
        take(event.target.files ?? []);
        event.target.value = '';
      }}
    />
  );
  return (
    <>
      <button type="button" className="ib" aria-label={t('files.attach')} title={most ? t('files.attachLimit', { size: most }) : t('files.attach')} onClick={open.current}><Icon name="clip" /></button>
      <button type="button" className="ib" aria-label={t('files.picture')} title={t('files.picture')} onClick={() => pictures.current?.click()}><Icon name="picture" /></button>
      {input(any, limits?.types.join() || undefined)}
      {input(pictures, 'image/*')}
    </>
  );
}

function Drop({ most }: { most: string }) {
  const { t } = useText();
  return (
    <div className="drop">
      <Icon name="clip" />
      <h2>{t('files.drop')}</h2>
      {most && <p className="t13 c2">{t('files.dropLimit', { size: most })}</p>}
    </div>
  );
}

/** What an SMS will take. A character beyond the small alphabet more than halves what a part holds, which surprises. */
function SegmentCount({ text }: { text: string }) {
  const { t, plural } = useText();
  const { n, left, wide } = segmentsOf(text);
  if (n === 0) return <span className="t12 c3 kept" />;
  return <span className="t12 c3 num" title={wide ? t('chat.segmentsWide') : undefined}>{plural('chat.segments', n)} · {t('chat.segmentsLeft', { n: left })}{wide && <span className="vh"> {t('chat.segmentsWide')}</span>}</span>;
}

/** Writes replies. Enter sends, Shift+Enter breaks the line; the draft stays on this device until it is sent. */
export function Composer({ channel, sms }: { channel: string; sms?: boolean }) {
  const { t, locale } = useText();
  const { client, files } = useLive();
  const [draft, setDraft] = useDraft(channel);
  const field = useRef<HTMLTextAreaElement>(null);
  const openFiles = useRef(() => undefined as void);
  const attaching = useAttaching(files, channel, field, locale);
  const over = bytes(draft) - LIMIT;
  const focus = () => field.current?.focus();
  useShortcuts({ compose: focus, attach: () => openFiles.current() });
  useEffect(() => {
    if (!touch()) field.current?.focus({ preventScroll: true });
  }, [channel]);
  const send = () => {
    const body = draft.trim();
    if (!client || over > 0) return;
    if (body) {
      client.send(channel, body);
      setDraft('');
    }
    files?.send(channel);
    focus();
  };
  const insert = (emoji: string) => {
    const el = field.current!;
    el.setRangeText(emoji, el.selectionStart, el.selectionEnd, 'end');
    setDraft(el.value);
  };
  return (
    <form className="composer" aria-label={t('chat.reply')} onSubmit={(event) => { event.preventDefault(); send(); }}>
      {files && <Tray list={attaching.list} files={files} limit={attaching.most} back={focus} />}
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
        <Attach attaching={attaching} open={openFiles} />
        <EmojiPicker choose={insert} back={focus} />
        {over > 0
          ? <span className="error-line" role="alert">{t('chat.tooLong', { n: over })}</span>
          : sms ? <SegmentCount text={draft.trim()} /> : <span className="t12 c3 kept">{draft ? t('chat.kept') : ''}</span>}
        <span className="push row g12">
          <span className="t12 c3 hint-enter">{t('chat.shiftEnter')}</span>
          <button type="submit" className="btn primary" disabled={over > 0}>{t('chat.send')} <kbd aria-hidden="true">⏎</kbd></button>
        </span>
      </div>
      {attaching.over && <Drop most={attaching.most} />}
    </form>
  );
}
