import { useQueryClient } from '@tanstack/react-query';
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { session } from '../../api/http';
import { keys } from '../../api/keys';
import { useLive } from '../../api/live';
import { customerName, fromTeam, seedOf, useTyping } from '../../api/queries';
import { mergeMessages, type Conversation } from '../../api/reduce';
import { beginOf } from '../../api/sessions';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { Icon } from '../../ui/icons';
import { useShortcuts } from '../../ui/shortcuts';
import { buildItems, firstName, type Item } from './items';
import { LogRow } from './row';
import { useReading } from './use-reading';

type Virtual = Virtualizer<HTMLDivElement, Element>;

const PAGE = 50;
const heights: Record<Item['kind'], number> = { begin: 32, day: 36, earlier: 36, current: 36, new: 36, system: 32, group: 68 };

/** Reads the page before the first message when the reader comes near the top. */
function useEarlier(conversation: Conversation) {
  const { client } = useLive();
  const cache = useQueryClient();
  const [loading, setLoading] = useState(false);
  const channel = conversation.channel.sid;
  const first = conversation.messages[0]?.index ?? 0;
  const load = useCallback(() => {
    if (!client || loading || conversation.whole || first === 0) return;
    setLoading(true);
    client.history(channel, first, PAGE).then((page) => {
      cache.setQueryData<Conversation>(keys.conversation(channel), (old) => old && {
        ...old, messages: mergeMessages(page.messages, old.messages), whole: page.messages.length < PAGE || page.messages[0]?.index === 0,
      });
    }, () => undefined).finally(() => setLoading(false));
  }, [cache, channel, client, conversation.whole, first, loading]);
  return { loading, load };
}

/** Says new messages of others to screen readers, once; the log itself is not live. */
function Announcer({ conversation, name }: { conversation: Conversation; name: string }) {
  const { t } = useText();
  const [words, say] = useState('');
  const heard = useRef(conversation.channel.last_index);
  useEffect(() => {
    const fresh = conversation.messages.filter((message) => message.index > heard.current && !fromTeam(conversation, message.author));
    heard.current = Math.max(heard.current, conversation.channel.last_index);
    if (fresh.length === 0) return undefined;
    say(fresh.map((message) => t('chat.said', { name, text: message.body || message.media?.filename || '' })).join('. '));
    const timer = setTimeout(() => say(''), 2000);
    return () => clearTimeout(timer);
  }, [conversation, name, t]);
  return <p className="vh" aria-live="polite">{words}</p>;
}

function TypingLine({ channel, name }: { channel: string; name: string }) {
  const { t } = useText();
  const typing = useTyping(channel);
  return (
    <p className="typing" role="status">
      {typing && <><span className="dots3" aria-hidden="true"><i /><i /><i /></span>{t('chat.typing', { name: name || typing.name })}</>}
    </p>
  );
}

interface Props {
  item: Work;
  conversation: Conversation;
  /** Message to bring into view; a new object each time it is asked for. */
  jump?: { index: number };
}

function useLog({ item, conversation, jump }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const { client } = useLive();
  const identity = session()?.identity ?? '';
  const customer = customerName(item);
  const seed = seedOf(item);
  const [atEnd, setAtEnd] = useState(true);
  const reading = useReading(client, conversation, identity, atEnd);
  const { newFrom } = reading;
  const taskStart = beginOf(item, conversation.messages);
  const items = useMemo(() => buildItems(conversation, { identity, taskStart, newFrom, customer, seed }), [conversation, customer, identity, newFrom, seed, taskStart]);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: (at) => heights[items[at]!.kind],
    getItemKey: (at) => items[at]!.key,
    overscan: 12,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: 64,
    initialRect: { width: 600, height: 600 },
  });
  const toEnd = useCallback(() => virtual.scrollToIndex(items.length - 1, { align: 'end' }), [items.length, virtual]);
  const settled = useOpening(virtual, items);
  useStayAtEnd(box, toEnd, atEnd);
  useEffect(() => {
    if (!jump) return;
    const at = items.findIndex((each) => each.kind === 'group' && each.bubbles.some((bubble) => bubble.message?.index === jump.index));
    if (at >= 0) virtual.scrollToIndex(Math.max(0, at - 1), { align: 'start' });
    // Only a new wish moves the log; the rows may change under it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [jump]);
  return { box, client, items, virtual, toEnd, atEnd, setAtEnd, settled, reading, customer };
}

/** Opens the log at the "New" line, else at its end; says when rows are measured and the place is final. */
function useOpening(virtual: Virtual, items: Item[]) {
  const settled = useRef(false);
  useLayoutEffect(() => {
    const at = items.findIndex((each) => each.kind === 'new');
    const open = () => virtual.scrollToIndex(at >= 0 ? Math.max(0, at - 1) : items.length - 1, { align: at >= 0 ? 'start' : 'end' });
    let frames = 4;
    let frame = 0;
    const step = () => {
      open();
      if (--frames > 0) frame = requestAnimationFrame(step);
      else settled.current = true;
    };
    step();
    return () => cancelAnimationFrame(frame);
    // Once per log: later rows follow their own rules.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return settled;
}

/** Keeps the end in view when the box shrinks: a banner, a taller composer, the keyboard of a phone. */
function useStayAtEnd(box: RefObject<HTMLDivElement | null>, toEnd: () => void, atEnd: boolean) {
  const stay = useRef({ toEnd, atEnd });
  stay.current = { toEnd, atEnd };
  useEffect(() => {
    const watch = new ResizeObserver(() => stay.current.atEnd && stay.current.toEnd());
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, [box]);
}

/** The virtualised log. It opens at the first unread message, follows the end, and never jumps under the reader. */
export function Log(props: Props) {
  const { conversation } = props;
  const { t, plural } = useText();
  const { box, client, items, virtual, toEnd, atEnd, setAtEnd, settled, reading, customer } = useLog(props);
  const earlier = useEarlier(conversation);
  const name = customer || t('inbox.noName');
  const firstSeen = useRef(Date.now());
  const onScroll = () => {
    const el = box.current!;
    setAtEnd(el.scrollHeight - el.scrollTop - el.clientHeight < 64);
    if (settled.current && el.scrollTop < 240) earlier.load();
  };
  const own = conversation.outgoing.length;
  const { clearNew } = reading;
  useEffect(() => {
    if (own === 0) return;
    clearNew();
    toEnd();
    // Writing is reading: the line goes and the log shows what was written.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [own]);
  useShortcuts({ latest: toEnd, log: () => box.current?.focus() });
  return (
    <div className="log-wrap">
      {earlier.loading && <p className="vh" role="status">{t('chat.loadingEarlier')}</p>}
      <div className="log" ref={box} role="log" aria-live="off" aria-label={t('chat.log', { name })} tabIndex={0} onScroll={onScroll}>
        <div className="inner" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const item = items[row.index]!;
            const fresh = item.kind === 'group' && atEnd && row.index === items.length - 1 && item.bubbles[0]!.at > firstSeen.current;
            return (
              <div key={row.key} ref={virtual.measureElement} data-index={row.index} className="vrow" style={{ transform: `translateY(${row.start}px)` }}>
                <LogRow item={item} client={client} fresh={fresh} />
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="pill jump" onClick={toEnd}>
          <Icon name="toBottom" size="s" />{reading.unread > 0 ? plural('chat.newCount', reading.unread) : t('chat.latest')}
        </button>
      )}
      <TypingLine channel={conversation.channel.sid} name={firstName(name)} />
      <Announcer conversation={conversation} name={name} />
    </div>
  );
}
