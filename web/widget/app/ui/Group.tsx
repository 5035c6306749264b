import { useState } from 'preact/hooks';
import type { Bubble as BubbleItem, Item } from '../core/items.ts';
import { pieces, shortName } from '../core/text.ts';
import { useAround, useLazy, useWords } from './context.ts';
import { Icon } from './icons.tsx';

type GroupItem = Extract<Item, { kind: 'group' }>;

/** Bubbles of one person, and one line of meta under the last. */
export function Group({ group, live }: { group: GroupItem; live: { current: boolean } }) {
  const { chat } = useAround();
  const words = useWords();
  const who = group.mine ? words.you : chat.nameOf(group.author) || words.team;
  return (
    <div class={'g' + (group.mine ? ' me' : '') + (group.tick === 'queued' || group.tick === 'failed' ? ' ' + group.tick : '')}>
      <span class="vh">{who}</span>
      {group.bubbles.map((b) => (
        <Bubble key={b.key} of={b} live={live} />
      ))}
      {group.mine ? <Own group={group} /> : <Theirs group={group} name={shortName(who)} />}
    </div>
  );
}

const file = () => import('./File.tsx').then((m) => m.File);

/** A file's bubble has its size before what it shows is loaded. */
function Bubble({ of: { body, media }, live }: { of: BubbleItem; live: { current: boolean } }) {
  const [fresh] = useState(live.current);
  const File = useLazy(!!media, file);
  return (
    <div class={'bub' + (fresh ? ' fresh' : '') + (media ? ' file ' + media.content_type.split('/')[0] : '')} dir="auto">
      {media && (File ? <File of={media} /> : media.filename)}
      {pieces(body).map((piece) =>
        typeof piece === 'string' ? (
          piece
        ) : (
          <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
            {piece.text}
          </a>
        ),
      )}
    </div>
  );
}

function Theirs({ group, name }: { group: GroupItem; name: string }) {
  const { clock } = useAround();
  return (
    <div class="meta">
      {name} · {clock.time(group.at)}
    </div>
  );
}

function Own({ group }: { group: GroupItem }) {
  const { chat, clock } = useAround();
  const words = useWords();
  const { tick } = group;
  if (tick === 'failed') {
    const { key, error } = group.bubbles[0]!;
    return (
      <div class="meta">
        <span class="fail">
          <Icon name="alert" of="xs" />
          {words.notSent(reason(error, words))}
        </span>
        <span aria-hidden="true">·</span>
        <button class="link" type="button" onClick={() => chat.retry(key)}>
          <Icon name="again" of="xs" />
          {words.retry}
        </button>
        <button class="link" type="button" onClick={() => chat.discard(key)}>
          {words.discard}
        </button>
      </div>
    );
  }
  if (tick === 'queued')
    return (
      <div class="meta">
        <Icon name="clock" of="xs" />
        {words.ticks.queued}
      </div>
    );
  const read = tick === 'read';
  return (
    <div class="meta">
      {clock.time(group.at)}
      <Icon name={read ? 'checks' : 'check'} of={read ? 'xs read' : 'xs'} />
      {words.ticks[read ? 'read' : 'sent']}
    </div>
  );
}

function reason(error: GroupItem['bubbles'][0]['error'], words: ReturnType<typeof useWords>): string {
  if (error?.status === 413 || error?.code === 50506) return words.tooLong;
  if (error?.status === 403 || error?.status === 404 || error?.status === 410) return words.chatOver;
  return error?.message || words.refused;
}
