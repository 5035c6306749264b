import { useAround, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';

/** The truth about the connection, under the header. It pushes the log down and never covers it. */
export function Banner() {
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
