import { useState, type FormEvent } from 'react';
import { ApiError } from '../api/http';
import { changePassword } from '../api/signin';
import type { Session } from '../api/types';
import { useText } from '../i18n';
import { explain } from '../ui/errors';
import { Icon } from '../ui/icons';
import { useToast } from '../ui/toast';
import { Front, Password } from './signin';

/** Shortest password that the server takes. */
const SHORTEST = 10;

/** Chooses a first password after a one-time link, or changes the one there is. */
export function ChoosePassword({ who, onDone }: { who: Session; onDone: () => void }) {
  const text = useText();
  const { t } = text;
  const toast = useToast();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const change = who.person.has_password;
  const short = next.length < SHORTEST;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (short) return;
    setBusy(true);
    setError(undefined);
    try {
      await changePassword(next, change ? old : undefined);
      toast({ text: t('password.done'), seconds: 4 });
      onDone();
    } catch (cause) {
      setError(cause instanceof ApiError && (cause.status === 401 || cause.status === 403) ? t('password.wrong') : explain(cause, text));
      setBusy(false);
    }
  };
  return (
    <Front>
      <form className="si-c" onSubmit={(event) => void submit(event)} noValidate>
        <div><h1>{t(change ? 'password.changeTitle' : 'password.title')}</h1>{!change && <p className="c2 sub">{t('password.intro', { name: who.person.name })}</p>}</div>
        {error && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{error}</span></p>}
        <input type="email" className="vh" name="username" autoComplete="username" value={who.person.email} readOnly tabIndex={-1} aria-hidden="true" />
        {change && <div className="field"><label htmlFor="old">{t('password.old')}</label><Password id="old" value={old} onChange={setOld} autoComplete="current-password" /></div>}
        <div className="field">
          <label htmlFor="new">{t('password.new')}</label>
          <Password id="new" value={next} onChange={setNext} autoComplete="new-password" invalid={tried && short} describedBy="new-help" />
          {tried && short
            ? <p className="error-line" id="new-help" role="alert"><Icon name="alert" size="xs" />{t('password.short', { n: next.length })}</p>
            : <p className="help" id="new-help">{t('password.help')}</p>}
        </div>
        <button type="submit" className="btn primary lg full" disabled={busy}>{t(change ? 'state.save' : 'password.save')}</button>
        <button type="button" className="btn quiet lg full" onClick={onDone}>{t(change ? 'state.cancel' : 'password.skip')}</button>
      </form>
    </Front>
  );
}
