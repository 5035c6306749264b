/** Drafts per conversation, kept on this device until they are sent. */
import { usePref, writePref } from './prefs';

export function useDraft(channel: string): [string, (text: string) => void] {
  const name = `draft.${channel || 'none'}`;
  const [draft] = usePref(name, '');
  return [draft, (text) => writePref(name, text || null)];
}
