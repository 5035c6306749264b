import { useEffect, useRef } from 'preact/hooks';
import { team } from '../core/conversation.ts';
import { Banner } from './Banner.tsx';
import { Composer } from './Composer.tsx';
import { useAround, useChanges, useEscape, useLazy, useWords } from './context.ts';
import { Failed, Skeleton } from './States.tsx';
import { useEndAsk } from './endAsk.ts';
import { Header } from './Header.tsx';
import { Log } from './Log.tsx';
import { Speaker } from './Speaker.tsx';
import { Typing } from './Typing.tsx';

const peek = () => import('./Peek.tsx').then((m) => m.Peek);
const form = () => import('./Form.tsx').then((m) => m.Form);
const ending = () => import('./Ending.tsx').then((m) => m.Ending);

export function App() {
  const { chat, sheet, framed, ask } = useAround();
  const words = useWords();
  useChanges(chat);
  const { view } = chat;
  const panel = useRef<HTMLElement>(null);
  const { phase, open } = view;
  const [asking, askEnd] = useEndAsk();
  const Peek = useLazy(!open && view.unread > 0, peek);
  const Form = useLazy(!!view.config?.pre_engagement, form);
  const Ending = useLazy(asking || phase === 'ended', ending);

  useEscape(framed && open, () => ask(false));

  // Opening puts the focus where writing starts; on a phone that would raise the keyboard over everything.
  useEffect(() => {
    if (!open) return;
    const target = sheet ? null : panel.current?.querySelector<HTMLElement>('textarea, .f input, .f select, .state .btn, .ended .btn');
    (target ?? panel.current)?.focus({ preventScroll: true });
  }, [open, phase, sheet, Form, Ending]);

  useEffect(() => {
    if (phase !== 'chat') askEnd(false);
  }, [phase]);

  useEffect(() => {
    document.title = words.chatWith(view.config?.name ?? '');
  }, [view.config, words]);

  if (!open) return Peek ? <Peek /> : null;
  const name = view.config?.name ?? '';
  const agent = view.conversation && team(view.conversation)[0];
  return (
    <main class={'w' + (sheet ? ' sheet' : '')} ref={panel} tabIndex={-1} aria-label={words.chatWith(name)}>
      <Header agent={agent} />
      <Banner />
      {asking && phase === 'chat' && Ending && <Ending />}
      {phase === 'failed' && <Failed />}
      {(phase === 'loading' || (phase === 'form' && !Form)) && <Skeleton />}
      {phase === 'form' && Form && <Form />}
      {(phase === 'chat' || phase === 'ended') && <Log />}
      {phase === 'chat' && <Typing />}
      {phase === 'chat' && <Composer />}
      {phase === 'ended' && Ending && <Ending />}
      <Speaker />
    </main>
  );
}
