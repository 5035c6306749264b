import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { ApiError } from '../api/http';
import { keys } from '../api/keys';
import { signIn } from '../api/signin';
import { useText } from '../i18n';
import { duration } from '../i18n/format';
import { useScheme } from '../ui/appearance';
import { Avatar } from '../ui/avatar';
import { explain } from '../ui/errors';
import { Icon, Mark } from '../ui/icons';
import { useNow } from '../ui/use-now';

/** A picture of what happens here, in many languages; readers skip it. */
function Beam() {
  return (
    <aside className="si-a" aria-hidden="true">
      <div className="si-s">
        <div className="sb-l"><Avatar name="خ" seed="d" size="s28" /><div className="bub" lang="ar" dir="rtl">هل يمكنني إحضار الدراجة غداً؟</div></div>
        <div className="sb-r"><div className="bub" lang="ar" dir="rtl">نعم، الورشة مفتوحة من التاسعة.</div></div>
        <div className="sb-l"><Avatar name="大" seed="e" size="s28" /><div className="bub" lang="ja"><p dir="auto">サドルの高さは調整できますか？</p></div></div>
        <div className="sb-l"><Avatar name="Ana Pires" seed="f" size="s28" /><div className="bub"><p dir="auto">A new one would be lovely, thank you.</p></div></div>
        <div className="sb-r"><div className="bub"><p dir="auto">It leaves us today before five, Ana.</p></div><span className="meta"><Icon name="checks" size="xs" className="read" />Read</span></div>
      </div>
    </aside>
  );
}

function Health() {
  const { t } = useText();
  const ready = useQuery({
    queryKey: keys.ready,
    queryFn: () => fetch('/readyz', { signal: AbortSignal.timeout(5000) }).then((answer) => answer.ok, () => false),
    refetchInterval: 30_000,
  }).data;
  if (ready === undefined) return null;
  return <span className="row g4"><span className={`dot ${ready ? 'green' : 'amber'}`} />{t(ready ? 'signin.well' : 'signin.unwell')}</span>;
}

/** The frame of every page before the desk. */
export function Front({ children }: { children: ReactNode }) {
  const { t, locale, setLocale } = useText();
  const { scheme, toggle } = useScheme();
  return (
    <div className="si">
      <main className="si-f">
        <div className="logo row g12"><Mark size={28} /><span className="t16 sb">{t('app.name')}</span></div>
        {children}
        <footer className="si-foot t12 c3">
          <Health />
          <span className="push row g12">
            <button type="button" className="link quiet" lang={locale === 'en' ? 'ja' : 'en'} onClick={() => setLocale(locale === 'en' ? 'ja' : 'en')}>{t('account.language')}</button>
            <button type="button" className="ib xs" aria-label={t('nav.theme')} onClick={toggle}><Icon name={scheme === 'dark' ? 'sun' : 'moon'} size="s" /></button>
          </span>
        </footer>
      </main>
      <Beam />
    </div>
  );
}

/** A password field whose text can be shown. */
export function Password({ id, value, onChange, autoComplete, invalid, describedBy }: {
  id: string; value: string; onChange: (value: string) => void; autoComplete: string; invalid?: boolean; describedBy?: string;
}) {
  const { t } = useText();
  const [shown, setShown] = useState(false);
  return (
    <span className="with-icon">
      <input id={id} name={id} className="input lg" type={shown ? 'text' : 'password'} value={value} autoComplete={autoComplete} dir="ltr"
        aria-invalid={invalid || undefined} aria-describedby={describedBy} onChange={(event) => onChange(event.target.value)} />
      <button type="button" className="ib xs" aria-label={t(shown ? 'signin.hide' : 'signin.show')} aria-pressed={shown} onClick={() => setShown(!shown)}><Icon name="eye" size="s" /></button>
    </span>
  );
}

function useSignIn() {
  const text = useText();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [until, setUntil] = useState(0);
  const submit = async (email: string, password: string) => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn(email, password);
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 429) setUntil(Date.now() + (cause.retryAfter ?? 30) * 1000);
      else setError(cause instanceof ApiError && cause.status === 401 ? text.t('signin.wrong') : explain(cause, text));
      setBusy(false);
    }
  };
  return { busy, error, until, submit };
}

/** Sign-in with email and password. `notice` says why somebody stands here again. */
export function SignIn({ notice }: { notice?: string }) {
  const { t } = useText();
  const now = useNow();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [tried, setTried] = useState(false);
  const { busy, error, until, submit } = useSignIn();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t('signin.submit')} · ${t('app.name')}`;
    first.current?.focus();
  }, [t]);
  const badEmail = tried && !/^\S+@\S+$/.test(email.trim());
  const badPassword = tried && !password;
  const wait = Math.ceil((until - now) / 1000);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (/^\S+@\S+$/.test(email.trim()) && password && wait <= 0) void submit(email.trim(), password);
  };
  const alert = wait > 0 ? t('signin.wait', { time: duration(wait) }) : error;
  return (
    <Front>
      <form className="si-c" onSubmit={onSubmit} noValidate>
        <div><h1>{t('signin.title')}</h1><p className="c2 sub">{t('signin.at', { host: location.host })}</p></div>
        {notice && !alert && <p className="words">{notice}</p>}
        {alert && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{alert}</span></p>}
        <div className="field">
          <label htmlFor="email">{t('signin.email')}</label>
          <input ref={first} id="email" name="email" type="email" className="input lg" autoComplete="username" dir="ltr" value={email} aria-invalid={badEmail || undefined} aria-describedby={badEmail ? 'email-error' : undefined} onChange={(event) => setEmail(event.target.value)} />
          {badEmail && <p className="error-line" id="email-error"><Icon name="alert" size="xs" />{t('signin.needEmail')}</p>}
        </div>
        <div className="field">
          <label htmlFor="password">{t('signin.password')}</label>
          <Password id="password" value={password} onChange={setPassword} autoComplete="current-password" invalid={badPassword} describedBy={badPassword ? 'password-error' : undefined} />
          {badPassword && <p className="error-line" id="password-error"><Icon name="alert" size="xs" />{t('signin.needPassword')}</p>}
        </div>
        <button type="submit" className="btn primary lg full" disabled={busy || wait > 0}>{t('signin.submit')}</button>
        <p className="t12 c3 note-line"><Icon name="lock" size="xs" /><span>{t('signin.note')}</span></p>
      </form>
    </Front>
  );
}
