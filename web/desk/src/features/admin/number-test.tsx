import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { readMessage, sendMessage, type CarrierConnection, type CarrierMessage } from '../../api/carriers';
import { keys } from '../../api/keys';
import { useText, type Key } from '../../i18n';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';

/** Statuses after which nothing more is heard, as far as a test waits. */
const last = new Set(['delivered', 'undelivered', 'failed', 'read', 'canceled']);
/** How long a test looks for what becomes of its message, ms. */
const PATIENCE = 60_000;

function Outcome({ message }: { message: CarrierMessage }) {
  const { t } = useText();
  const bad = message.status === 'failed' || message.status === 'undelivered';
  return (
    <span className="row t13"><Icon name={bad ? 'alert' : message.status === 'delivered' || message.status === 'read' ? 'checks' : 'check'} size="s" className={bad ? 'c-red' : 'acc'} />
      {t(`numbers.status.${message.status}` as Key)}{message.error_code ? ` (${message.error_code})` : ''}
    </span>
  );
}

/** Sends a message by what is saved, and shows what becomes of it. */
export function NumberTest({ row, changed }: { row: CarrierConnection; changed: boolean }) {
  const text = useText();
  const { t } = text;
  const [from, setFrom] = useState(row.addresses[0]!);
  const [to, setTo] = useState('');
  const send = useMutation({ mutationFn: () => sendMessage(row.account_sid, from, to.trim(), t('numbers.test.text')) });
  const sid = send.data?.sid;
  const query = useQuery({
    queryKey: keys.carrierTest(sid ?? ''), queryFn: () => readMessage(row.account_sid, sid!), enabled: Boolean(sid),
    refetchInterval: ({ state }) => (state.data && (last.has(state.data.status) || state.dataUpdatedAt - send.submittedAt > PATIENCE) ? false : 1_000),
  });
  const message = query.data ?? send.data;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (to.trim()) send.mutate();
  };
  return (
    <form className="num-test" onSubmit={submit} aria-label={t('numbers.test')}>
      <h3>{t('numbers.test')}</h3>
      {changed ? <p className="help">{t('numbers.test.saved')}</p> : (
        <>
          <div className="two">
            <div className="field"><label htmlFor="n-from">{t('numbers.test.from')}</label>
              <select id="n-from" className="input" dir="ltr" value={from} onChange={(event) => setFrom(event.target.value)}>{row.addresses.map((each) => <option key={each}>{each}</option>)}</select></div>
            <div className="field"><label htmlFor="n-to">{t('numbers.test.to')}</label>
              <input id="n-to" className="input" dir="ltr" value={to} aria-describedby="n-to-help" onChange={(event) => setTo(event.target.value)} />
              <p className="help" id="n-to-help">{t('numbers.test.toHelp')}</p></div>
          </div>
          <div className="row g12" aria-live="polite">
            <button type="submit" className="btn" disabled={!to.trim() || send.isPending}><Icon name="play" size="s" />{t('numbers.test.send')}</button>
            {send.isError ? <span className="t13 c-red">{t('numbers.test.failed', { why: explain(send.error, text) })}</span> : message && <Outcome message={message} />}
          </div>
        </>
      )}
    </form>
  );
}
