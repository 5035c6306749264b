import { lazy, Suspense, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { ActsProvider } from '../api/acts';
import { LiveProvider } from '../api/live';
import type { Session } from '../api/types';
import { useText } from '../i18n';
import { useDensity } from '../ui/appearance';
import { useKeyboard, useShortcuts } from '../ui/shortcuts';
import { Desk } from './desk';
import { Palette } from './palette';
import { Rail } from './rail';
import { ShortcutSheet } from './sheet';

const Admin = lazy(() => import('../features/admin/admin'));

function Frame({ who }: { who: Session }) {
  const { t } = useText();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [sheet, setSheet] = useState(false);
  const [palette, setPalette] = useState(false);
  const admin = who.person.role === 'admin';
  useKeyboard();
  useDensity();
  useShortcuts({
    sheet: () => setSheet(true),
    palette: () => setPalette((open) => !open),
    goDesk: () => navigate('/'),
    goAdmin: admin ? () => navigate('/admin') : undefined,
    goTestdrive: admin ? () => navigate('/admin/testdrive') : undefined,
    goChannels: admin ? () => navigate('/admin/channels') : undefined,
    goFlows: admin ? () => navigate('/admin/flows') : undefined,
    goWorkers: admin ? () => navigate('/admin/workers') : undefined,
    goQueues: admin ? () => navigate('/admin/queues') : undefined,
  });
  return (
    <div className={pathname.startsWith('/chat') ? 'app in-chat' : 'app'}>
      <a className="skip" href="#work" onClick={(event) => { event.preventDefault(); document.getElementById('work')?.focus(); }}>{t('app.skip')}</a>
      <Rail who={who} />
      <Suspense fallback={<main className="main" id="work" />}>
        <Routes>
          <Route index element={<Desk />} />
          <Route path="chat/:task" element={<Desk />} />
          <Route path="admin/*" element={<Admin who={who} />} />
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </Suspense>
      <Palette opened={palette} onClose={() => setPalette(false)} />
      <ShortcutSheet opened={sheet} onClose={() => setSheet(false)} />
    </div>
  );
}

/** Everything behind the sign-in. */
export function Shell({ who }: { who: Session }) {
  return (
    <LiveProvider who={who}>
      <ActsProvider><Frame who={who} /></ActsProvider>
    </LiveProvider>
  );
}
