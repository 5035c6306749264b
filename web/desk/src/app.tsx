import { useEffect, useRef, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { useQueryClient } from '@tanstack/react-query';
import { ApiError, onSession, renew, session } from './api/http';
import { signInOnce } from './api/signin';
import type { Session } from './api/types';
import { useText } from './i18n';
import { ChoosePassword } from './shell/password';
import { Shell } from './shell/shell';
import { Front, SignIn } from './shell/signin';
import { useScheme } from './ui/appearance';
import { ErrorState, useSlow } from './ui/states';

type Phase = { at: 'asking' } | { at: 'failed'; error: unknown } | { at: 'out'; notice?: string } | { at: 'in'; who: Session };

/** Who is signed in: asks the server once, spends a one-time link, hears when the session ends. */
function useWho() {
  const { t } = useText();
  const cache = useQueryClient();
  const [phase, setPhase] = useState<Phase>({ at: 'asking' });
  const [once, setOnce] = useState(() => (location.hash.startsWith('#once=') ? decodeURIComponent(location.hash.slice(6)) : undefined));
  const asked = useRef(false);
  const ask = () => {
    setPhase({ at: 'asking' });
    renew().catch((error: unknown) => setPhase({ at: 'failed', error }));
  };
  useEffect(() => onSession((who) => {
    if (!who) cache.clear();
    setPhase((old) => (who ? { at: 'in', who } : { at: 'out', notice: old.at === 'in' ? t('signin.ended') : old.at === 'out' ? old.notice : undefined }));
  }), [cache, t]);
  useEffect(() => {
    if (asked.current) return;
    asked.current = true;
    if (!once) return ask();
    // The secret must not stay in the address or the history.
    history.replaceState(null, '', location.pathname);
    signInOnce(once).catch((error: unknown) => {
      setOnce(undefined);
      if (error instanceof ApiError && error.status > 0 && error.status < 500) setPhase({ at: 'out', notice: t('signin.linkDead') });
      else setPhase({ at: 'failed', error });
    });
  }, [once, t]);
  return { phase, ask, once, spent: () => setOnce(undefined) };
}

function Waiting() {
  const { t } = useText();
  const slow = useSlow(true);
  return <Front><div className="si-c" role="status">{slow && <><span className="vh">{t('state.loading')}</span><span className="sk w48" /><span className="sk w76" /></>}</div></Front>;
}

/** From the first request to the desk. */
export function App() {
  const text = useText();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { phase, ask, once, spent } = useWho();
  useScheme();
  switch (phase.at) {
    case 'asking':
      return <Waiting />;
    case 'failed':
      return <Front><div className="si-c"><h1>{text.t('signin.unwell')}</h1><ErrorState title="" error={phase.error} retry={ask} /></div></Front>;
    case 'out':
      return <SignIn notice={phase.notice} />;
    case 'in': {
      const who = session() ?? phase.who;
      if (once && !who.person.has_password) return <ChoosePassword who={who} onDone={() => { spent(); void navigate('/'); }} />;
      if (pathname === '/password') return <ChoosePassword who={who} onDone={() => void navigate('/')} />;
      return (
        <Routes>
          <Route path="signin" element={<Navigate to="/" replace />} />
          <Route path="*" element={<Shell who={who} />} />
        </Routes>
      );
    }
  }
}
