import { useState } from 'react';
import { useText } from '../i18n';
import { Icon } from './icons';

/** Copies text and says so in its own place. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useText();
  const [done, setDone] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => {
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  });
  return (
    <button type="button" className="btn quiet" onClick={copy}>
      <Icon name={done ? 'check' : 'copy'} size="s" /><span aria-live="polite">{done ? t('state.copied') : label}</span>
    </button>
  );
}
