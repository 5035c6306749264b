/** Definitions as files. */
import type { Definition } from './definition';

/** Hands the browser a file with the definition. */
export function exportFlow(name: string, definition: Definition): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(definition, null, 2)}\n`], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'flow'}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
