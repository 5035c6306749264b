import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { emoji } from '../../../../shared/emoji.ts';
import { useText } from '../../i18n';
import { Icon } from '../../ui/icons';

const ACROSS = 8;

/** A handful of pictures above the composer. One tab stop, arrows move, Escape and a press elsewhere close. */
export function EmojiPicker({ choose, back }: { choose: (one: string) => void; back: () => void }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>('.emoji button')?.focus();
    const away = (event: PointerEvent) => root.current?.contains(event.target as Node) || setOpen(false);
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const close = () => {
    setOpen(false);
    back();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const all = [...event.currentTarget.querySelectorAll('button')];
    const side = document.dir === 'rtl' ? -1 : 1;
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + ACROSS, ArrowUp: at - ACROSS, ArrowRight: at + side, ArrowLeft: at - side, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return setOpen(false);
    else if (to !== undefined) all[to]?.focus();
    else return undefined;
    event.preventDefault();
    return event.stopPropagation();
  };
  return (
    <div className="menu-root" ref={root}>
      <button type="button" className="ib" aria-label={t('files.emoji')} title={t('files.emoji')} aria-haspopup="true" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="smile" /></button>
      {open && (
        <div className="menu menu-pop emoji" role="group" aria-label={t('files.emoji')} onKeyDown={onKeyDown}>
          {emoji.map((one, at) => (
            <button key={one} type="button" tabIndex={at ? -1 : 0} onClick={() => { choose(one); close(); }}>{one}</button>
          ))}
        </div>
      )}
    </div>
  );
}
