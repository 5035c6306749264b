import type { Media, Message } from '../../../stream/index.ts';

/** The conversation as plain text, one message a paragraph. Files are named in square brackets, with their kind and size. */
export function transcript(title: string, messages: Message[], nameOf: (identity: string) => string, when: (at: number) => string, kindOf: (m: Media) => string): string {
  const said = ({ body, media }: Message) => [body, media && `[${media.filename ?? media.content_type}, ${kindOf(media)}]`].filter(Boolean).join('\n');
  const parts = messages.map((m) => `${when(Date.parse(m.date_created))}  ${nameOf(m.author)}\n${said(m)}`);
  return [title, ...parts].join('\n\n') + '\n';
}

/** Hands the visitor a file. */
export function download(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
