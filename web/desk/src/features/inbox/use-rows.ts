import { useQueries, type UseQueryResult } from '@tanstack/react-query';
import { useMemo, useRef } from 'react';
import { useActs } from '../../api/acts';
import { session } from '../../api/http';
import { keys } from '../../api/keys';
import { channelOf, useWork } from '../../api/queries';
import type { Conversation } from '../../api/reduce';
import type { Work } from '../../api/types';
import { keepOrder, longestFirst, toRow, type Row } from './order';

const combine = (results: UseQueryResult<Conversation>[]) => results.map((result) => result.data);
const never = () => Promise.reject(new Error('fed by the stream'));

/** The task list in its groups. While `frozen`, rows keep their places. */
export function useRows(frozen: boolean) {
  const query = useWork();
  const { ending } = useActs();
  const items = useMemo(() => query.data ?? [], [query.data]);
  const conversations = useQueries({
    queries: items.map((item) => ({
      queryKey: keys.conversation(channelOf(item) ?? ''), queryFn: never as () => Promise<Conversation>, enabled: false, staleTime: Infinity,
    })),
    combine,
  });
  const before = useRef<string[]>([]);
  return useMemo(() => {
    const identity = session()?.identity ?? '';
    const rows = items.map((item, at) => toRow(item, conversations[at], identity));
    const status = (row: Row) => (ending.has(row.item.task.sid) ? 'wrapping' : row.item.reservation.reservation_status);
    const incoming: Work[] = rows.filter((row) => status(row) === 'pending').map((row) => row.item)
      .sort((a, b) => Date.parse(a.reservation.date_created) - Date.parse(b.reservation.date_created));
    const accepted = rows.filter((row) => status(row) === 'accepted');
    const active = frozen ? keepOrder(accepted, before.current) : longestFirst(accepted);
    before.current = active.map((row) => row.item.task.sid);
    const wrapup = rows.filter((row) => status(row) === 'wrapping');
    return { query, incoming, active, wrapup };
  }, [conversations, ending, frozen, items, query]);
}
