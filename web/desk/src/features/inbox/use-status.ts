import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { keys } from '../../api/keys';
import { useActivities, useWorker } from '../../api/queries';
import { setActivity } from '../../api/taskrouter';
import type { Activity, Worker } from '../../api/types';
import { useText } from '../../i18n';
import { explain } from '../../ui/errors';
import { usePref } from '../../ui/prefs';
import { useToast } from '../../ui/toast';
import { parseLedger, tally } from './ledger';

/** Available first, then breaks, the resting status (Offline) last. */
export function orderActivities(list: Activity[]): Activity[] {
  const rank = (activity: Activity) => (activity.available ? 0 : /offline/i.test(activity.friendly_name) ? 2 : 1);
  return [...list].sort((a, b) => rank(a) - rank(b) || a.friendly_name.localeCompare(b.friendly_name));
}

export const markOf = (activity: Pick<Activity, 'available' | 'friendly_name'>) =>
  activity.available ? 'green' : /offline/i.test(activity.friendly_name) ? 'hollow' : 'amber';

/** The worker's status, the choices, and the act of changing it. */
export function useStatus() {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  const worker = useWorker().data;
  const list = useActivities().data;
  const [kept, keep] = usePref('day', '');
  const change = useMutation({
    mutationFn: (activity: Activity) => setActivity(worker!.sid, activity.sid),
    onMutate: (activity) => {
      cache.setQueryData<Worker>(keys.worker, (old) => old && {
        ...old, activity_sid: activity.sid, activity_name: activity.friendly_name, available: activity.available, date_status_changed: new Date().toISOString(),
      });
    },
    onSuccess: (next) => cache.setQueryData<Worker>(keys.worker, next),
    onError: (error) => {
      toast({ text: text.t('status.failed', { why: explain(error, text) }), icon: 'alert' });
      void cache.invalidateQueries({ queryKey: keys.worker });
    },
  });
  const since = worker ? Date.parse(worker.date_status_changed ?? worker.date_updated) : 0;
  const ledger = useMemo(() => (worker ? tally(parseLedger(kept), worker.activity_sid, since, Date.now()) : null), [kept, since, worker]);
  useEffect(() => {
    const next = ledger && JSON.stringify(ledger);
    if (next && next !== kept) keep(next);
  }, [keep, kept, ledger]);
  const choices = useMemo(() => orderActivities(list ?? []), [list]);
  return { worker, since, ledger, choices, change: change.mutate, changing: change.isPending };
}
