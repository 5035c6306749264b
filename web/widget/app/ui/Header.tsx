import type { Member } from '../../../stream/index.ts';
import { initials, tone } from '../core/text.ts';
import { useAround, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';
import { Popup } from './Popup.tsx';

const menu = () => import('./Menu.tsx').then((m) => m.Menu);

/** Who is here: the agent once there is one, before that the shop itself. */
export function Header({ agent }: { agent: Member | undefined }) {
  const { chat, ask, framed } = useAround();
  const words = useWords();
  const { config, phase, conversation, banner } = useView();
  const name = config?.name ?? '';
  const who = agent && chat.nameOf(agent.identity);
  const tagline = config?.branding?.tagline;
  return (
    <header class="w-h">
      {who ? (
        <span class={'av a' + tone(agent.identity)} aria-hidden="true">
          {initials(who)}
          <span class={banner?.kind === 'offline' ? 'st off' : 'st'} />
        </span>
      ) : (
        <span class="av" aria-hidden="true">
          <Icon name="chat" />
        </span>
      )}
      <div class="grow">
        <h1 class="ell">
          <bdi>{who || name || words.chat}</bdi>
        </h1>
        {who ? (
          <p class="t12 c3 ell">{tagline ? `${name}, ${tagline}` : name}</p>
        ) : (
          config && (
            <p class="t12 c3 row">
              <span class={'dot' + (config.online ? '' : ' off')} />
              <span class="ell">{config.online ? words.here : words.away}</span>
            </p>
          )
        )}
      </div>
      {conversation && phase !== 'form' && <Popup label={words.menu} icon="more" popup="menu" load={menu} />}
      {framed && (
        <button class="ib close" type="button" aria-label={words.close} onClick={() => ask(false)}>
          <Icon name="down" />
        </button>
      )}
    </header>
  );
}

