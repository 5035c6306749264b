import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Attachment, Limits } from '../../../stream/files.ts';
import { isPicture, kindText, sizeText } from '../../../shared/filetext.ts';
import { filesOf } from '../core/links.ts';
import css from '../style/attach.css?inline';
import { adopt } from './adopt.ts';
import { useAround, useView } from './context.ts';
import { Drawing } from './drawings.tsx';
import { useFileWords } from './fileWords.ts';
import { Icon } from './icons.tsx';

adopt(css);

/** How long choosing waits to hear what is allowed, in ms; after that the server judges alone. */
const PATIENCE = 2000;

/** The button that attaches, what was chosen above the composer, and files that are pasted or dropped. Send sends them. */
export function Attach({ area }: { area: RefObject<HTMLTextAreaElement | null> }) {
  const { chat, tongue } = useAround();
  const words = useFileWords();
  const { conversation } = useView();
  const [limits, setLimits] = useState<Limits>();
  const [, draw] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const files = filesOf(chat);

  useLayoutEffect(() => files.on(() => draw((n) => n + 1)), [files]);

  const ask = () => files.limits().then(setLimits, () => {});
  useEffect(() => {
    if (conversation) void ask();
  }, [!conversation, files]);

  const take = (list: FileList) => {
    if (!list.length) return;
    const chosen = [...list];
    void Promise.race([ask(), new Promise((done) => setTimeout(done, PATIENCE))]).then(() => {
      filesOf(chat).choose('', chosen);
      area.current?.focus();
    });
  };
  const over = useDrop(area, take);

  const most = limits && sizeText(limits.bytes, tongue.locale);
  const list = files.list('');
  return (
    <>
      {list.length > 0 && (
        <ul class="tray" aria-label={words.filesToSend}>
          {list.map((a) => (
            <Chosen key={a.id} of={a} limit={most} back={() => area.current?.focus()} />
          ))}
        </ul>
      )}
      <button class="ib clip" type="button" aria-label={words.attach} title={most ? words.attachLimit(most) : words.attach} onClick={() => input.current?.click()}>
        <Drawing name="clip" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={limits?.types.join()}
        onChange={(e) => {
          take(e.currentTarget.files!);
          e.currentTarget.value = '';
        }}
      />
      {over && (
        <div class="drop">
          <Drawing name="clip" />
          <h2>{words.drop}</h2>
          {most && <p class="t13 c2">{words.dropLimit(most)}</p>}
        </div>
      )}
    </>
  );
}

/** One file before it is a message: what it is, how far it has come or why it does not go, and what can be done. */
function Chosen({ of: a, limit, back }: { of: Attachment; limit?: string; back(): void }) {
  const { chat, tongue } = useAround();
  const words = useFileWords();
  const files = filesOf(chat);
  const { name, type, size } = a.file;
  const small = usePreview(a.file);
  const again = a.trouble === 'refused' || a.trouble === 'infected';
  const state = stateOf(a, words, tongue.locale, limit) ?? kindText(name, type, size, tongue.locale);
  const act = (fn: (id: string) => void) => () => (fn(a.id), back());
  return (
    <li class={a.status}>
      <span class="fi">{small ? <img src={small} alt="" /> : <Drawing name="file" />}</span>
      <span class="grow">
        <span class="m ell" dir="auto">
          {name}
        </span>
        <span class="t12 state-line" role={a.trouble ? 'alert' : undefined}>
          {a.trouble && <Icon name="alert" of="xs" />}
          {state}
        </span>
        {a.status === 'uploading' && <progress aria-label={words.progress(name)} max={1} value={a.part} />}
      </span>
      {again && (
        <button class="ib" type="button" aria-label={words.retryFile(name)} onClick={act(files.retry)}>
          <Icon name="again" of="s" />
        </button>
      )}
      <button class="ib" type="button" aria-label={a.status === 'uploading' || a.status === 'waiting' ? words.cancelFile(name) : words.removeFile(name)} onClick={act(files.remove)}>
        <Icon name="close" of="s" />
      </button>
    </li>
  );
}

function stateOf({ status, part, trouble, error }: Attachment, words: ReturnType<typeof useFileWords>, locale: string, limit?: string): string | undefined {
  if (status === 'uploading') return words.uploading(new Intl.NumberFormat(locale, { style: 'percent' }).format(part));
  if (status === 'waiting') return !error ? words.queuedFile : error.status ? words.serverBusy : words.waiting;
  switch (trouble) {
    case 'size':
      return limit ? words.tooLarge(limit) : words.tooLargePlain;
    case 'type':
      return words.wrongType;
    case 'empty':
      return words.emptyFile;
    case 'infected':
      return words.infected;
    case 'unreadable':
      return words.unreadable;
    case 'refused':
      return words.refusedFile(error?.message ?? '');
  }
  return undefined;
}

/** An address of the picture as it lies on the visitor's device. */
function usePreview(file: File): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!isPicture(file.type)) return;
    const made = URL.createObjectURL(file);
    const picture = new Image();
    picture.src = made;
    picture.decode().then(
      () => setUrl(made),
      () => {}, // it only calls itself a picture
    );
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}

const holdsFiles = (e: DragEvent) => !!e.dataTransfer?.types.includes('Files');

/** Files dropped anywhere in the panel, or pasted where one writes. True while some are held over it. */
function useDrop(area: RefObject<HTMLTextAreaElement | null>, take: (files: FileList) => void): boolean {
  const [over, setOver] = useState(false);
  const last = useRef(take);
  last.current = take;
  useEffect(() => {
    let depth = 0;
    const drag = (e: DragEvent) => {
      if (!holdsFiles(e)) return;
      e.preventDefault();
      if (e.type === 'dragenter') depth++;
      if (e.type === 'dragleave') depth--;
      if (e.type === 'drop') {
        depth = 0;
        last.current(e.dataTransfer!.files);
      }
      setOver(depth > 0);
    };
    const kinds = ['dragenter', 'dragover', 'dragleave', 'drop'] as const;
    kinds.forEach((kind) => document.addEventListener(kind, drag));
    // What is copied from a document comes as text and as a picture of that text: the text is meant.
    const paste = (e: ClipboardEvent) => {
      const data = e.clipboardData;
      if (!data?.files.length || data.types.includes('text/plain')) return;
      e.preventDefault();
      last.current(data.files);
    };
    const box = area.current;
    box?.addEventListener('paste', paste);
    return () => {
      kinds.forEach((kind) => document.removeEventListener(kind, drag));
      box?.removeEventListener('paste', paste);
    };
  }, []);
  return over;
}
