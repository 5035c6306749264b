import { useEffect, useRef, useState, type RefObject } from 'react';
import type { Attachment, Files, Limits } from '../../../../stream/files.ts';
import { sizeText } from '../../../../shared/filetext.ts';
import type { Locale } from '../../i18n';

/** How long choosing waits to hear what is allowed, in ms; after that the server judges alone. */
const PATIENCE = 2000;

export interface Attaching {
  list: Attachment[];
  limits: Limits | undefined;
  /** The largest file, as people say it; empty until it is known. */
  most: string;
  take: (files: Iterable<File>) => void;
  /** Files are held over the conversation. */
  over: boolean;
}

/** What is attached to a conversation: chosen, pasted into the field, or dropped anywhere in the main region. */
export function useAttaching(files: Files | null, channel: string, field: RefObject<HTMLTextAreaElement | null>, locale: Locale): Attaching {
  const [, draw] = useState(0);
  const [limits, setLimits] = useState<Limits>();
  useEffect(() => files?.on(() => draw((n) => n + 1)), [files]);
  useEffect(() => {
    files?.limits().then(setLimits, () => undefined);
  }, [files]);
  const take = (list: Iterable<File>) => {
    const chosen = [...list];
    if (!files || chosen.length === 0) return;
    const known = files.limits().then(setLimits, () => undefined);
    void Promise.race([known, new Promise((done) => setTimeout(done, PATIENCE))]).then(() => {
      files.choose(channel, chosen);
      field.current?.focus();
    });
  };
  const over = useDropAndPaste(field, take);
  return { list: files?.list(channel) ?? [], limits, most: limits ? sizeText(limits.bytes, locale) : '', take, over };
}

const holdsFiles = (event: DragEvent) => Boolean(event.dataTransfer?.types.includes('Files'));

function useDropAndPaste(field: RefObject<HTMLTextAreaElement | null>, take: (files: Iterable<File>) => void): boolean {
  const [over, setOver] = useState(false);
  const last = useRef(take);
  last.current = take;
  useEffect(() => {
    const box = field.current;
    const place = box?.closest<HTMLElement>('main') ?? document.body;
    let depth = 0;
    const drag = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      if (event.type === 'dragenter') depth++;
      if (event.type === 'dragleave') depth--;
      if (event.type === 'drop') {
        depth = 0;
        last.current(event.dataTransfer!.files);
      }
      setOver(depth > 0);
    };
    // A file that misses the conversation must not replace the desk.
    const miss = (event: DragEvent) => {
      if (!holdsFiles(event) || event.defaultPrevented) return;
      event.preventDefault();
      event.dataTransfer!.dropEffect = 'none';
    };
    // What is copied from a document comes as text and as a picture of that text: the text is meant.
    const paste = (event: ClipboardEvent) => {
      const data = event.clipboardData;
      if (!data?.files.length || data.types.includes('text/plain')) return;
      event.preventDefault();
      last.current(data.files);
    };
    const kinds = ['dragenter', 'dragover', 'dragleave', 'drop'] as const;
    kinds.forEach((kind) => place.addEventListener(kind, drag));
    window.addEventListener('dragover', miss);
    window.addEventListener('drop', miss);
    box?.addEventListener('paste', paste);
    return () => {
      kinds.forEach((kind) => place.removeEventListener(kind, drag));
      window.removeEventListener('dragover', miss);
      window.removeEventListener('drop', miss);
      box?.removeEventListener('paste', paste);
    };
  }, [field]);
  return over;
}
