import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useEscape } from './context.ts';
import { Icon, type Name } from './icons.tsx';

export interface PopupBody {
  label: string;
  close(): void;
}

interface Props {
  label: string;
  icon: Name;
  popup: 'menu' | 'true';
  /** What pops up is loaded when it is wanted. */
  load(): Promise<ComponentType<PopupBody>>;
  /** Where the focus goes afterwards; the button itself when left out. */
  back?: () => void;
}

/** A button and what it pops up. Escape, a press elsewhere and a choice close it; its first button gets the focus. */
export function Popup({ label, icon, popup, load, back }: Props) {
  const [Body, setBody] = useState<{ of: ComponentType<PopupBody> } | undefined>();
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const close = () => {
    setBody(undefined);
    if (back) back();
    else button.current?.focus();
  };
  const toggle = () => (Body ? close() : void load().then((of) => setBody({ of })));
  useEscape(!!Body, close);
  useEffect(() => {
    if (!Body) return;
    box.current!.lastElementChild!.querySelector('button')?.focus();
    const outside = (e: Event) => !box.current!.contains(e.target as Node) && setBody(undefined);
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [Body]);
  return (
    <div ref={box}>
      <button class="ib" type="button" ref={button} aria-label={label} aria-haspopup={popup} aria-expanded={!!Body} onClick={toggle}>
        <Icon name={icon} />
      </button>
      {Body && <Body.of label={label} close={close} />}
    </div>
  );
}
