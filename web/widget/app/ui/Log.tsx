import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { hasEarlier } from '../core/conversation.ts';
import { items, type Item } from '../core/items.ts';
import { shortName } from '../core/text.ts';
import { useAround, useView, useWords } from './context.ts';
import { Group } from './Group.tsx';
import { Icon } from './icons.tsx';
import { Empty } from './States.tsx';

/** As near to the end as this counts as being there, in px. */
const NEAR = 48;

export function Log() {
  const { chat } = useAround();
  const words = useWords();
  const { conversation, me, notes, early, outgoing, newFrom, loadingEarlier } = useView();
  const all = useMemo(() => items({ conversation, me, notes, early, outgoing, newFrom }), [conversation, me, notes, early, outgoing, newFrom]);
  const box = useRef<HTMLDivElement>(null);
  const live = useRef(false);
  const at = useRef({ end: true, first: -1, height: 0, top: 0 });
  const [below, setBelow] = useState(-1);

  const first = conversation?.messages[0]?.index ?? -1;
  const last = conversation?.messages.at(-1)?.index ?? -1;
  const waiting = outgoing.length + early.length;

  const toEnd = () => {
    const el = box.current; // gone when the log made way for another view
    if (el) el.scrollTop = el.scrollHeight;
  };

  useLayoutEffect(() => {
    const el = box.current!;
    const was = at.current;
    // A page from before grows the log at its top: hold what the visitor looks at in its place.
    if (was.first > first && first >= 0 && !was.end) el.scrollTop = was.top + el.scrollHeight - was.height;
    else if (was.end) toEnd();
    at.current = { ...was, first, height: el.scrollHeight, top: el.scrollTop };
  }, [all]);

  // One's own words are always shown.
  const sent = useRef(waiting);
  useEffect(() => {
    if (waiting > sent.current) toEnd();
    sent.current = waiting;
  }, [waiting]);

  useEffect(() => {
    live.current = true;
    const resized = new ResizeObserver(() => at.current.end && toEnd());
    resized.observe(box.current!);
    return () => resized.disconnect();
  }, []);

  const scrolled = () => {
    const el = box.current!;
    const end = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR;
    at.current = { ...at.current, end, top: el.scrollTop, height: el.scrollHeight };
    setBelow(end ? -1 : below < 0 ? last : below);
    chat.setAtEnd(end);
    if (el.scrollTop < 80 && el.scrollHeight > el.clientHeight) void chat.earlier();
  };

  const news = below < 0 ? 0 : (conversation?.messages.filter((m) => m.index > below && m.author !== me).length ?? 0);
  return (
    <div class="log-w">
      <div class="log" role="log" aria-live="off" aria-label={words.messages} tabIndex={0} ref={box} onScroll={scrolled}>
        {conversation && hasEarlier(conversation) && (
          <button class="link more" type="button" aria-disabled={loadingEarlier} onClick={() => chat.earlier()}>
            {loadingEarlier ? words.loading : words.earlier}
          </button>
        )}
        {all.length === 0 && <Empty />}
        {all.map((item) => (
          <Row key={item.key} item={item} live={live} />
        ))}
      </div>
      {below >= 0 && (
        <button class="pill" type="button" onClick={toEnd}>
          <Icon name="end" of="s" />
          {words.jump(news)}
        </button>
      )}
    </div>
  );
}

function Row({ item, live }: { item: Item; live: { current: boolean } }) {
  const { chat, clock } = useAround();
  const words = useWords();
  switch (item.kind) {
    case 'group':
      return <Group group={item} live={live} />;
    case 'new':
      return (
        <div class="div new">
          <span>{words.fresh}</span>
        </div>
      );
    case 'day': {
      const day = clock.day(item.at, Date.now(), words);
      return (
        <div class="div">
          {item.old ? (
            <span class="row">
              <Icon name="before" of="xs" />
              {words.earlierOn(day)}
            </span>
          ) : (
            <span>{day}</span>
          )}
        </div>
      );
    }
    case 'note': {
      const name = shortName(chat.nameOf(item.note.identity)) || words.team;
      const [who, rest] = words[item.note.kind](name);
      return (
        <div class="sys">
          <Icon name="people" of="xs" />
          <span>
            <b>{who}</b>
            {rest} · {clock.time(item.at)}
          </span>
        </div>
      );
    }
  }
}
