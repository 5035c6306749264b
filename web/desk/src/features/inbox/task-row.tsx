import { Link } from 'react-router';
import { channelOf, customerName, seedOf, useTyping } from '../../api/queries';
import { useText } from '../../i18n';
import { duration } from '../../i18n/format';
import { Avatar } from '../../ui/avatar';
import { useDraft } from '../../ui/drafts';
import { useNow } from '../../ui/use-now';
import { lastSaid, type Row } from './order';

/** Seconds after which a waiting customer turns amber. */
const GOAL = 60;

function Preview({ row, selected }: { row: Row; selected: boolean }) {
  const { t } = useText();
  const channel = channelOf(row.item);
  const typing = useTyping(channel);
  const [draft] = useDraft(channel ?? '');
  if (typing) return <span className="grow ell typing-now">{t('inbox.typing')}</span>;
  if (draft.trim() && !selected) return <span className="grow ell" dir="auto">{t('inbox.draft', { text: draft })}</span>;
  const said = row.conversation && lastSaid(row.conversation);
  const words = said?.text ?? row.item.task.attributes.initialText;
  if (typeof words !== 'string' || !words) return <span className="grow ell c3">{t('inbox.noText')}</span>;
  return <span className="grow ell" dir="auto">{said?.ours ? t('inbox.you', { text: words }) : words}</span>;
}

/** One accepted task: who, how long the customer waits, the last words, what is unread. */
export function TaskRow({ row, selected, wrapping, onArrow }: { row: Row; selected: boolean; wrapping: boolean; onArrow: (step: 1 | -1) => void }) {
  const { t, plural } = useText();
  const now = useNow();
  const name = customerName(row.item) || t('inbox.noName');
  const waited = row.waiting === undefined || wrapping ? undefined : (now - row.waiting) / 1000;
  const classes = ['item', selected && 'on', row.unread > 0 && 'unread'].filter(Boolean).join(' ');
  return (
    <Link
      to={`/chat/${row.item.task.sid}`}
      className={classes}
      aria-current={selected ? 'true' : undefined}
      data-task={row.item.task.sid}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        onArrow(event.key === 'ArrowDown' ? 1 : -1);
      }}
    >
      <Avatar name={name} seed={seedOf(row.item)} channel={String(row.item.task.attributes.channelType ?? 'web')} />
      <div className="grow">
        <div className="l1">
          <span className="nm ell" dir="auto">{name}</span>
          {waited !== undefined && (
            <span className={`tm num ${waited > GOAL ? 'c-amber' : ''}`}>{waited < 1 ? t('inbox.now') : duration(waited)}</span>
          )}
        </div>
        <div className="l2">
          {wrapping ? <span className="grow ell">{t('inbox.outcome')}</span> : <Preview row={row} selected={selected} />}
          {row.unread > 0 && !wrapping && (
            <span className="badge"><span aria-hidden="true">{row.unread}</span><span className="vh">{plural('inbox.unread', row.unread)}</span></span>
          )}
        </div>
      </div>
    </Link>
  );
}
