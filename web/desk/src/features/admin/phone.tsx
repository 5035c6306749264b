import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { Link } from 'react-router';
import { carriers, type CarrierConnection } from '../../api/carriers';
import { keys } from '../../api/keys';
import type { PhoneMessage } from '../../api/phone';
import { useText } from '../../i18n';
import { clock } from '../../i18n/format';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { useNow } from '../../ui/use-now';
import { phoneNumber, spaced } from './phone-log';
import { usePhone } from './use-phone';
import './phone.css';

const KEPT = 'usher.phone';

/** The phone's own number stays the same on this device, so that its conversation does. */
function usePhoneNumber(): [string, () => void] {
  const [own, set] = useState(() => localStorage.getItem(KEPT) ?? phoneNumber(Math.random));
  useEffect(() => localStorage.setItem(KEPT, own), [own]);
  return [own, () => set(phoneNumber(Math.random))];
}

function Bubbles({ messages }: { messages: PhoneMessage[] }) {
  const { t } = useText();
  const box = useRef<HTMLDivElement>(null);
  const mine = messages.findLast((each) => each.inbound);
  useEffect(() => void box.current?.scrollTo({ top: box.current.scrollHeight }), [messages.length]);
  return (
    <div className="ph-log" role="log" aria-label={t('phone.log')} tabIndex={0} ref={box}>
      {messages.length === 0 && <p className="ph-none">{t('phone.none')}</p>}
      {messages.map((each) => (
        <div key={each.sid} className={each.inbound ? 'ph-m me' : 'ph-m'}>
          <span className="vh">{t(each.inbound ? 'phone.you' : 'phone.they')}: </span>
          <p dir="auto">{each.body}{each.num_media > 0 && <span className="ph-file"><Icon name="clip" size="xs" />{t('phone.file')}</span>}</p>
          {each === mine && <span className="ph-tick">{t('chat.delivered')}</span>}
        </div>
      ))}
    </div>
  );
}

function Writer({ write }: { write: (id: string, body: string) => Promise<unknown> }) {
  const text = useText();
  const { t } = text;
  const [draft, set] = useState('');
  // The name stays while a message is tried again: it is sent once.
  const id = useRef('');
  const send = useMutation({
    mutationFn: (body: string) => write((id.current ||= crypto.randomUUID()), body),
    onSuccess: () => {
      id.current = '';
      set('');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (draft.trim() && !send.isPending) send.mutate(draft.trim());
  };
  return (
    <>
      {send.isError && <p className="error-line ph-error" role="alert"><Icon name="alert" size="xs" />{t('phone.failed', { why: explain(send.error, text) })}</p>}
      <form className="ph-cp" onSubmit={submit}>
        <input
          className="input" dir="auto" aria-label={t('phone.write')} placeholder={t('phone.write')} maxLength={1600} value={draft} readOnly={send.isPending}
          onChange={(event) => {
            id.current = '';
            set(event.target.value);
          }}
        />
        <button type="submit" className="ph-send" aria-label={t('chat.send')} disabled={!draft.trim() || send.isPending}><Icon name="toBottom" size="s" className="up" /></button>
      </form>
    </>
  );
}

function Handset({ sandbox, number }: { sandbox: CarrierConnection; number: string }) {
  const { t, locale } = useText();
  const [own, renew] = usePhoneNumber();
  const { messages, write } = usePhone(sandbox.sid, own, number);
  const now = useNow();
  return (
    <aside className="td-phone" aria-label={t('phone.title')}>
      <header>
        <div className="grow"><h2>{t('phone.title')}</h2><p className="t12 c3">{t('phone.texts', { number: spaced(number) })}</p></div>
        <button type="button" className="ib" aria-label={t('phone.renew')} title={t('phone.renew')} onClick={renew}><Icon name="retry" /></button>
      </header>
      <div className="ph">
        <div className="ph-s">
          <div className="ph-top" aria-hidden="true"><span className="num">{clock(now, locale)}</span></div>
          <div className="ph-who"><b>{t('phone.you')}</b><bdi className="num" dir="ltr">{spaced(own)}</bdi></div>
          {messages ? <Bubbles messages={messages} /> : <div className="ph-log" />}
          <Writer key={own} write={write} />
        </div>
      </div>
      {messages?.some((each) => each.inbound) && <p className="row t13 ph-next" role="status"><Icon name="desk" size="s" className="acc" />{t('phone.next')}<Link className="link push" to="/">{t('admin.openDesk')}</Link></p>}
    </aside>
  );
}

/** A phone on the screen that texts the sandbox's number; nothing where no sandbox is switched on. */
export function Phone() {
  const list = useQuery({ queryKey: keys.carriers, queryFn: carriers, staleTime: 30_000 }).data;
  const sandbox = list?.find((each) => each.kind === 'sandbox' && each.enabled);
  const number = sandbox?.addresses.find((each) => each.startsWith('+'));
  return sandbox && number ? <Handset sandbox={sandbox} number={number} /> : null;
}
