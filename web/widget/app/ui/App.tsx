import { useEffect, useRef } from 'preact/hooks';
import { agents } from '../core/conversation.ts';
import { Banners } from './Banners.tsx';
import { Composer } from './Composer.tsx';
import { useAround, useChanges, useKey, useWords } from './context.ts';
import { Ended, Failed, Skeleton } from './States.tsx';
import { Form } from './Form.tsx';
import { Header } from './Header.tsx';
import { Log } from './Log.tsx';
import { Peek } from './Peek.tsx';
import { Speaker } from './Speaker.tsx';
import { Typing } from './Typing.tsx';

export function App() {
  const { chat, sheet, framed, ask } = useAround();
  const words = useWords();
  useChanges(chat);
  const { view } = chat;
  const panel = useRef<HTMLElement>(null);
  const { phase, open } = view;

  useKey('Escape', framed && open, () => ask(false));

  // Opening puts the focus where writing starts; on a phone that would raise the keyboard over everything.
  useEffect(() => {
    if (!open) return;
    const target = sheet ? null : panel.current?.querySelector<HTMLElement>('textarea, .f input, .f select, .state .btn, .ended .btn');
    (target ?? panel.current)?.focus({ preventScroll: true });
  }, [open, phase, sheet]);

  useEffect(() => {
    document.title = words.chatWith(view.config?.name ?? '');
  }, [view.config, words]);

  if (!open) return <Peek />;
  const name = view.config?.name ?? '';
  const agent = view.conversation && agents(view.conversation)[0];
  return (
    <main class={'w' + (sheet ? ' sheet' : '')} ref={panel} tabIndex={-1} aria-label={words.chatWith(name)}>
      <Header agent={agent} />
      <Banners />
      {phase === 'failed' && <Failed />}
      {phase === 'loading' && <Skeleton />}
      {phase === 'form' && <Form />}
      {(phase === 'chat' || phase === 'ended') && <Log />}
      {phase === 'chat' && <Typing />}
      {phase === 'chat' && <Composer />}
      {phase === 'ended' && <Ended />}
      <Speaker />
    </main>
  );
}
