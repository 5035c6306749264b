import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Chat } from '../core/chat.ts';
import type { Host } from '../core/host.ts';
import type { Tongue } from '../i18n/index.ts';
import { App } from './App.tsx';
import { AroundContext, clockOf, type Around } from './context.ts';
import { EndAskContext } from './endAsk.ts';

/** Width of the panel that the loader draws beside a page; anything else is a phone's sheet. */
const PANEL = 384;

const isSheet = (framed: boolean) => (framed ? innerWidth !== PANEL || screen.width <= 480 : innerWidth <= 480);

/** Hands the surroundings to everything below. */
export function Root({ chat, host, tongue }: { chat: Chat; host: Host; tongue: Tongue }) {
  const [sheet, setSheet] = useState(() => isSheet(host.framed));
  const ending = useState(false);
  useEffect(() => {
    const measure = () => setSheet(isSheet(host.framed));
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, [host]);
  const around = useMemo<Around>(
    () => ({
      chat,
      tongue,
      clock: clockOf(tongue),
      framed: host.framed,
      sheet,
      ask: (open) => host.tell({ ev: 'ask', v: open }),
      peek: (height) => host.tell({ ev: 'peek', v: height }),
    }),
    [chat, host, tongue, sheet],
  );
  return (
    <AroundContext.Provider value={around}>
      <EndAskContext.Provider value={ending as [boolean, (ask: boolean) => void]}>
        <App />
      </EndAskContext.Provider>
    </AroundContext.Provider>
  );
}
