import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deliveryBody, replayDelivery, type Delivery, type DeliveryBody } from '../../api/hooks';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { clock, longDate } from '../../i18n/format';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { ErrorState, SkeletonRows, useSlow } from '../../ui/states';
import { useToast } from '../../ui/toast';
import { Outcome, useFailure } from './webhook-words';

function Sent({ body }: { body: DeliveryBody }) {
  const { t } = useText();
  if (body.address === null) return <p className="help">{t('hooks.erased')}</p>;
  return (
    <>
      <dl className="kv hook-kv">
        <dt>{t('hooks.address')}</dt><dd><bdi dir="ltr">{body.address}</bdi></dd>
        {Object.entries(body.form ?? {}).sort(([a], [b]) => a.localeCompare(b)).map(([name, values]) => [
          <dt key={name}><bdi dir="ltr">{name}</bdi></dt>, <dd key={`${name}=`}><bdi className="said">{values.join(', ')}</bdi></dd>,
        ])}
      </dl>
      {body.body !== null && <pre className="hook-text" dir="ltr" tabIndex={0}>{body.body}</pre>}
      <h3 className="lab">{t('hooks.answer')}</h3>
      {body.answer ? <pre className="hook-text" dir="ltr" tabIndex={0}>{body.answer.body}</pre> : <p className="help">{t('hooks.noAnswer')}</p>}
    </>
  );
}

/** What was sent is read only when somebody asks: it holds what customers wrote. */
function Body({ row }: { row: Delivery }) {
  const { t } = useText();
  const [shown, setShown] = useState(false);
  const query = useQuery({ queryKey: keys.deliveryBody(row.sid, row.attempts, row.replays), queryFn: () => deliveryBody(row.sid), enabled: shown });
  const slow = useSlow(query.isLoading);
  if (!shown) return <div><button type="button" className="btn" onClick={() => setShown(true)}><Icon name="eye" size="s" />{t('hooks.show')}</button></div>;
  if (query.isError) return <ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} />;
  return query.data ? <Sent body={query.data} /> : <>{slow && <SkeletonRows rows={3} />}</>;
}

function useReplay(row: Delivery) {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  return useMutation({
    mutationFn: () => replayDelivery(row.sid),
    onSuccess: () => {
      toast({ text: text.t('hooks.replayed'), seconds: 4 });
      return cache.invalidateQueries({ queryKey: keys.allDeliveries });
    },
    onError: (error) => toast({ text: text.t('hooks.replayFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
}

/** One delivery: how it went, what it sent, and sending it again. */
export function WebhookDrawer({ row, onClose }: { row: Delivery; onClose: () => void }) {
  const { t, locale } = useText();
  const replay = useReplay(row);
  const why = useFailure(row);
  const when = (date: string) => `${longDate(Date.parse(date), Date.now(), locale)}, ${clock(Date.parse(date), locale)}`;
  const footer = (
    <>
      <span className="t12 c3">{t('hooks.replayHelp')}</span>
      <span className="push row">
        <button type="button" className="btn primary" disabled={replay.isPending || row.state === 'pending' || row.state === 'erased'} onClick={() => replay.mutate()}><Icon name="retry" size="s" />{t('hooks.replay')}</button>
      </span>
    </>
  );
  return (
    <Drawer title={row.kind} subtitle={row.target} onClose={onClose} footer={footer}>
      <div className="form">
        <dl className="kv hook-kv">
          <dt>{t('hooks.col.outcome')}</dt><dd><Outcome row={row} /></dd>
          {why && row.reason && <><dt>{t('hooks.reason')}</dt><dd>{row.reason}</dd></>}
          <dt>{t('hooks.made')}</dt><dd>{when(row.date_created)}</dd>
          {row.date_attempted && <><dt>{t('hooks.tried')}</dt><dd>{when(row.date_attempted)}</dd></>}
          <dt>{t('hooks.col.tries')}</dt><dd className="num">{t('hooks.triesOf', { n: row.attempts, most: row.retries + 1 })}</dd>
          {row.took_ms !== null && <><dt>{t('hooks.took')}</dt><dd className="num">{Math.round(row.took_ms)} ms</dd></>}
          <dt>{t('hooks.subject')}</dt><dd><bdi dir="ltr" className="mono">{row.subject_sid}</bdi></dd>
          <dt>{t('hooks.sid')}</dt><dd><bdi dir="ltr" className="mono">{row.sid}</bdi></dd>
        </dl>
        <Body row={row} />
      </div>
    </Drawer>
  );
}
