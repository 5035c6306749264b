import { Fragment, memo } from 'react';
import type { Client } from '../../../../stream/index.ts';
import { useText, type Translator } from '../../i18n';
import { clock } from '../../i18n/format';
import { Avatar } from '../../ui/avatar';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { Attachment } from './attachment';
import { linkify, type Bubble, type Item } from './items';

type Group = Extract<Item, { kind: 'group' }>;

function Words({ text }: { text: string }) {
  return linkify(text).map((part, at) =>
    part.href ? <a key={at} href={part.href} target="_blank" rel="noopener noreferrer">{part.text}</a> : <Fragment key={at}>{part.text}</Fragment>);
}

function Body({ bubble, state, t }: { bubble: Bubble; state: Group['state']; t: Translator['t'] }) {
  const media = bubble.message?.media;
  const classes = ['bub', state === 'queued' && 'wait', (state === 'failed' || state === 'undelivered') && 'failed'].filter(Boolean).join(' ');
  return (
    <div className={classes}>
      {bubble.text && <p dir="auto"><Words text={bubble.text} /></p>}
      {media && <Attachment media={media} />}
      {bubble.message?.was_edited && <span className="t12 c3"> {t('chat.edited')}</span>}
    </div>
  );
}

function Tick({ state, t }: { state: Group['state']; t: Translator['t'] }) {
  if (state === 'queued') return <><Icon name="clock" size="xs" />{t('chat.queued')}</>;
  if (state === 'carried') return <><Icon name="clock" size="xs" />{t('chat.carried')}</>;
  if (state === 'delivered') return <><Icon name="checks" size="xs" />{t('chat.delivered')}</>;
  if (state === 'sent') return <><Icon name="check" size="xs" />{t('chat.sent')}</>;
  return <><Icon name="checks" size="xs" className="read" />{t('chat.read')}</>;
}

function Failed({ bubble, client }: { bubble: Bubble; client: Client | null }) {
  const text = useText();
  const entry = bubble.outgoing!;
  return (
    <div className="meta">
      <span className="fail"><Icon name="alert" size="xs" />{text.t('chat.notSent', { why: explain(entry.error, text) })}</span>·
      <button type="button" className="link" onClick={() => client?.retry(entry.client_id)}><Icon name="retry" size="xs" />{text.t('state.retry')}</button>·
      <button type="button" className="link quiet" onClick={() => client?.discard(entry.client_id)}>{text.t('chat.discard')}</button>
    </div>
  );
}

/** Codes of the original that have words of their own here. */
const told = [21610, 30003, 30004, 30005, 30006, 30007, 63016] as const;

/** A message that the carrier could not deliver: why, and sending it once more. */
function Undelivered({ bubble, client }: { bubble: Bubble; client: Client | null }) {
  const { t } = useText();
  const { error_code: code, reason } = bubble.delivery!;
  const known = told.find((each) => each === code);
  const why = known ? t(`chat.code.${known}`) : [reason || t('chat.code.other'), code && `(${code})`].filter(Boolean).join(' ');
  const { message } = bubble;
  return (
    <div className="meta">
      <span className="fail"><Icon name="alert" size="xs" />{t('chat.undelivered', { why })}</span>
      {message && bubble.text && !message.media && code !== 21610 && (
        <>·<button type="button" className="link" onClick={() => client?.send(message.channel_sid, bubble.text)}><Icon name="retry" size="xs" />{t('chat.sendAgain')}</button></>
      )}
    </div>
  );
}

/** Bubbles of one writer with one meta line under them. */
export const MessageGroup = memo(function MessageGroup({ group, client, fresh }: { group: Group; client: Client | null; fresh: boolean }) {
  const { t, locale } = useText();
  const last = group.bubbles.at(-1)!;
  const classes = ['msg-g', group.out && 'out', fresh && 'fresh'].filter(Boolean).join(' ');
  return (
    <div className={classes}>
      {!group.out && <Avatar name={group.full} seed={group.seed} size="s28" />}
      <div className="stack">
        {group.bubbles.map((bubble) => <Body key={bubble.key} bubble={bubble} state={group.state} t={t} />)}
        {group.state === 'failed' ? <Failed bubble={last} client={client} /> : group.state === 'undelivered' ? <Undelivered bubble={last} client={client} /> : (
          <div className="meta">
            {!group.mine && <span>{group.name} ·</span>}
            {group.state !== 'queued' && <bdi className="num">{clock(last.at, locale)}</bdi>}
            {group.out && <Tick state={group.state} t={t} />}
          </div>
        )}
      </div>
    </div>
  );
});
