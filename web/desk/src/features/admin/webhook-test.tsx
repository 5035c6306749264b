import { useMutation, useQuery } from '@tanstack/react-query';
import { delivery, sendTest } from '../../api/hooks';
import { keys } from '../../api/keys';
import type { FlexFlow } from '../../api/types';
import { useText } from '../../i18n';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { Outcome } from './webhook-words';

/** Posts a sample of a message to the flow's URL and shows what comes of it. It goes to the URL that is saved. */
export function WebhookTest({ flow, changed }: { flow: FlexFlow; changed: boolean }) {
  const text = useText();
  const { t } = text;
  const test = useMutation({ mutationFn: () => sendTest(flow.sid) });
  const sid = test.data?.sid;
  const query = useQuery({
    queryKey: keys.delivery(sid ?? ''), queryFn: () => delivery(sid!), enabled: Boolean(sid),
    refetchInterval: (at) => (at.state.data && at.state.data.state !== 'pending' ? false : 500),
  });
  const row = query.data ?? test.data;
  return (
    <div className="row g12" aria-live="polite">
      <button type="button" className="btn" disabled={changed || test.isPending || row?.state === 'pending'} onClick={() => test.mutate()}><Icon name="play" size="s" />{t('hooks.test')}</button>
      {changed ? <span className="t12 c3">{t('hooks.testSaved')}</span>
        : test.isError ? <span className="t12">{explain(test.error, text)}</span>
          : row && <Outcome row={row} />}
    </div>
  );
}
