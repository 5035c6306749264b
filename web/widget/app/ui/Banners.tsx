import { useEffect, useRef } from 'preact/hooks';
import { useAround, useKey, useView, useWords } from './context.ts';
import { useEndAsk } from './ending.ts';
import { Icon } from './icons.tsx';

/** What stands under the header: the line, and the one question that is asked before something ends. */
export function Banners() {
  return (
    <>
      <LineBanner />
      <EndBanner />
    </>
  );
}

function LineBanner() {
  const { chat } = useAround();
  const words = useWords();
  const { banner, outgoing, early } = useView();
  if (banner?.kind === 'offline') {
    const queued = outgoing.filter((o) => o.status === 'queued').length + early.length;
    return (
      <div class="banner">
        <Icon name="cut" of="s" />
        <span role="alert">{words.offline(queued)}</span>
        <button class="link" type="button" onClick={() => chat.reconnect()}>
          {words.tryNow}
        </button>
      </div>
    );
  }
  return banner ? (
    <div class="banner ok" role="status">
      <Icon name="check" of="s" />
      {words.online(banner.news)}
    </div>
  ) : null;
}

function EndBanner() {
  const { chat } = useAround();
  const words = useWords();
  const { phase, endFailed } = useView();
  const [asking, ask] = useEndAsk();
  const end = useRef<HTMLButtonElement>(null);
  const shown = asking && phase === 'chat';
  useKey('Escape', shown, () => ask(false));
  useEffect(() => {
    if (shown) end.current?.focus();
    else if (asking) ask(false);
  }, [shown]);
  if (!shown) return null;
  return (
    <div class="banner ask" role="group" aria-label={words.endAsk}>
      <span class="grow" role={endFailed ? 'alert' : undefined}>
        {endFailed ? words.unreachable : words.endAsk}
      </span>
      <button class="btn danger" type="button" ref={end} onClick={() => chat.end()}>
        {words.endChat}
      </button>
      <button class="btn" type="button" onClick={() => ask(false)}>
        {words.endKeep}
      </button>
    </div>
  );
}
