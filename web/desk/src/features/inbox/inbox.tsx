import { useEffect, useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useActs } from '../../api/acts';
import { useLive } from '../../api/live';
import { customerName, useWorkerChannels } from '../../api/queries';
import type { Work } from '../../api/types';
import { useText } from '../../i18n';
import { Icon } from '../../ui/icons';
import { handlerOf, printKeys, shortcutOf, useShortcuts } from '../../ui/shortcuts';
import { ErrorState, SkeletonRows, useSlow } from '../../ui/states';
import { IncomingCard } from './incoming-card';
import type { Row } from './order';
import { useAudioWake, useNotify, useRing, useRingPref } from './ring';
import { StatusMenu } from './status-menu';
import { TaskRow } from './task-row';
import { useRows } from './use-rows';
import { useStatus } from './use-status';

function Section({ title, count, hint, children }: { title: string; count: number; hint?: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2 className="sec">{title} <span className="num">{count}</span>{hint && <span className="hint-end">{hint}</span>}</h2>
      {children}
    </section>
  );
}

function Foot({ active }: { active: number }) {
  const { t } = useText();
  const channels = useWorkerChannels().data;
  const chat = channels?.find((channel) => /chat|web/.test(channel.task_channel_unique_name)) ?? channels?.[0];
  const max = chat?.configured_capacity ?? 0;
  return (
    <div className="foot">
      <div className="row t12 c3">
        {max > 0 && <span>{t('inbox.capacity', { n: active, max })}</span>}
        <span className="meter" aria-hidden="true">{max > 0 && <span style={{ width: `${Math.min(100, (active / max) * 100)}%` }} />}</span>
        <button type="button" className="pal-open" onClick={() => handlerOf('palette')?.()}>
          <span className="vh">{t('nav.find')}</span>
          <kbd aria-hidden="true">{printKeys(shortcutOf('palette').keys[0]!).join(' ')}</kbd>
        </button>
      </div>
    </div>
  );
}

function useRinging(incoming: Work[], offline: boolean) {
  const { t } = useText();
  const [ring] = useRingPref();
  useAudioWake();
  useRing(ring && incoming.length > 0 && !offline);
  const first = incoming[0];
  const name = first ? customerName(first) || t('inbox.noName') : '';
  const words = first?.task.attributes.initialText;
  useNotify(first?.reservation.sid, t('inbox.notifyTitle', { name }), typeof words === 'string' ? words : '');
  return first ? t('inbox.ringing', { name }) : '';
}

function useTitle(unread: number, ringing: boolean) {
  const { t } = useText();
  useEffect(() => {
    const n = unread + (ringing ? 1 : 0);
    document.title = `${n > 0 ? `(${n}) ` : ''}${t('nav.desk')} · ${t('app.name')}`;
  }, [ringing, t, unread]);
}

function useMoves(rows: Row[], selected: string | undefined) {
  const navigate = useNavigate();
  const open = (row: Row | undefined) => row && navigate(`/chat/${row.item.task.sid}`);
  const at = rows.findIndex((row) => row.item.task.sid === selected);
  const step = (by: 1 | -1) => open(rows[at < 0 ? 0 : (at + by + rows.length) % rows.length]);
  const any = rows.length > 0;
  useShortcuts({
    next: any ? () => step(1) : undefined,
    previous: any ? () => step(-1) : undefined,
    longest: any ? () => open(rows[0]) : undefined,
    unread: any ? () => open(rows.find((row) => row.unread > 0 && row.item.task.sid !== selected) ?? rows[0]) : undefined,
    list: selected ? () => navigate('/') : undefined,
  });
  /** Arrow keys in the list move focus and selection together. */
  return (from: string, by: 1 | -1) => {
    const next = rows[rows.findIndex((row) => row.item.task.sid === from) + by];
    if (!next) return;
    open(next);
    document.querySelector<HTMLElement>(`[data-task="${next.item.task.sid}"]`)?.focus();
  };
}

/** The task list: status, what rings, active chats, wrap-up. */
export function Inbox({ selected }: { selected: string | undefined }) {
  const { t } = useText();
  const navigate = useNavigate();
  const { accept, reject } = useActs();
  const { state } = useLive();
  const { worker } = useStatus();
  const [hovered, setHovered] = useState(false);
  const [ringing, setRinging] = useState(false);
  const { query, incoming, active, wrapup } = useRows(hovered && ringing);
  const offline = state.state === 'offline' || state.state === 'refused';
  const shown = offline ? [] : incoming;
  const spoken = useRinging(shown, offline);
  const slow = useSlow(query.isPending);
  useEffect(() => setRinging(shown.length > 0), [shown.length]);
  useTitle(active.reduce((sum, row) => sum + row.unread, 0), shown.length > 0);
  const moveFrom = useMoves([...active, ...wrapup], selected);
  const onAccept = async (item: Work) => {
    if (await accept(item)) navigate(`/chat/${item.task.sid}`);
  };
  const onReject = (item: Work) => void reject(item);
  const first = shown[0];
  useShortcuts({ accept: first && (() => void onAccept(first)), reject: first && (() => onReject(first)) });
  const row = (wrapping: boolean) => (each: Row) => (
    <TaskRow key={each.item.task.sid} row={each} wrapping={wrapping} selected={each.item.task.sid === selected} onArrow={(by) => moveFrom(each.item.task.sid, by)} />
  );
  const idle = offline ? t('inbox.noIncomingOffline') : worker && !worker.available ? t('inbox.noIncomingAway', { status: worker.activity_name }) : t('inbox.noIncoming');
  return (
    <section className="list" aria-label={t('inbox.label')} onPointerEnter={() => setHovered(true)} onPointerLeave={() => setHovered(false)}>
      <h1 className="vh">{t('nav.desk')}</h1>
      <header className="bar">
        <StatusMenu />
        <button type="button" className="ib push" aria-label={t('nav.find')} onClick={() => handlerOf('palette')?.()}><Icon name="search" /></button>
      </header>
      <div className="scroll">
        <p className="vh" role="status">{spoken}</p>
        {query.isError && <div className="list-state"><ErrorState title={t('inbox.failed')} error={query.error} retry={() => void query.refetch()} /></div>}
        {query.isPending && slow && <div className="list-state"><SkeletonRows rows={3} avatar /></div>}
        {query.data && (
          <>
            <Section title={t('inbox.incoming')} count={shown.length}>
              {shown.length === 0 && <p className="list-note">{idle}</p>}
              {shown.map((item, at) => <IncomingCard key={item.reservation.sid} item={item} first={at === 0} onAccept={(it) => void onAccept(it)} onReject={onReject} />)}
            </Section>
            <Section title={t('inbox.active')} count={active.length} hint={active.length > 1 ? t('inbox.longest') : undefined}>
              {active.length === 0 && <p className="list-note">{t('inbox.noActive')}</p>}
              {active.map(row(false))}
            </Section>
            {wrapup.length > 0 && <Section title={t('inbox.wrapup')} count={wrapup.length}>{wrapup.map(row(true))}</Section>}
          </>
        )}
      </div>
      <Foot active={active.length + wrapup.length} />
    </section>
  );
}
