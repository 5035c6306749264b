import type { Message } from '../../../stream/index.ts';

/** The conversation as plain text, one message a paragraph. */
export function transcript(title: string, messages: Message[], nameOf: (identity: string) => string, when: (at: number) => string): string {
  const parts = messages.map((m) => `${when(Date.parse(m.date_created))}  ${nameOf(m.author)}\n${m.body ?? ''}`);
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
