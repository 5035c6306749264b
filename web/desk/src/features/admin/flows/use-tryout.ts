import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../../../api/http';
import { endTryout, happenInTryout, readTryout, sayInTryout, startTryout, type Tryout, type TryoutEvent, type TryoutStart } from '../../../api/tryout';
import { busy, pathOf, pause, standsAt } from './path';

export type OnPath = (lit: ReadonlySet<string>, at?: string) => void;

/** Ends the conversation whatever comes; one that is not ended here ends by itself after a while. */
const drop = (tryout: Tryout) => void endTryout(tryout.flow_sid, tryout.sid).catch(() => undefined);

/** One test conversation: begun, continued, looked after while the panel is open, ended with it. */
export function useTryout(flow: string, onPath: OnPath) {
  const [tryout, set] = useState<Tryout>();
  const [error, fail] = useState<unknown>();
  const [left, leave] = useState(false);
  const [waiting, wait] = useState(false);
  const current = useRef<Tryout | undefined>(undefined);
  const lit = useRef<ReadonlySet<string>>(new Set());
  const tell = useRef(onPath);
  tell.current = onPath;

  const take = useCallback((next: Tryout | undefined) => {
    if (!next || next.sid !== current.current?.sid) lit.current = new Set();
    if (next) lit.current = pathOf(next, lit.current);
    current.current = next;
    set(next);
    tell.current(lit.current, next && standsAt(next));
  }, []);

  const act = useCallback(async (what: () => Promise<Tryout>) => {
    wait(true);
    fail(undefined);
    try {
      take(await what());
      return true;
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 404 && current.current) leave(true);
      else fail(cause);
      return false;
    } finally {
      wait(false);
    }
  }, [take]);

  const again = useCallback(() => {
    if (current.current) drop(current.current);
    leave(false);
    fail(undefined);
    take(undefined);
  }, [take]);

  const start = (how: TryoutStart) => act(() => startTryout(flow, how));
  const say = (body: string) => act(() => sayInTryout(flow, current.current!.sid, body));
  const happen = (event: TryoutEvent) => act(() => happenInTryout(flow, current.current!.sid, event));

  // Closing the panel, or the page, ends the conversation; so does the way to another flow.
  useEffect(() => {
    const end = () => current.current && drop(current.current);
    window.addEventListener('pagehide', end);
    return () => {
      window.removeEventListener('pagehide', end);
      end();
      current.current = undefined;
      tell.current(new Set());
    };
  }, [flow]);

  useLooking(tryout, left, take, () => leave(true));
  return { tryout, error, left, waiting, start, say, happen, again };
}

/** Looks again while something happens by itself, and when the time to answer is over. */
function useLooking(tryout: Tryout | undefined, left: boolean, take: (next: Tryout) => void, gone: () => void) {
  const looks = useRef(0);
  const last = useRef('');
  const handlers = useRef({ take, gone });
  handlers.current = { take, gone };
  useEffect(() => {
    if (!tryout || left || tryout.status !== 'active') return undefined;
    const stands = `${tryout.sid} ${tryout.waits?.widget} ${tryout.steps.at(-1)?.sid}`;
    if (stands !== last.current) looks.current = 0;
    last.current = stands;
    const until = tryout.waits?.until ? Date.parse(tryout.waits.until) + 1500 - Date.now() : Infinity;
    const after = busy(tryout) ? pause(looks.current++) : Math.max(until, 1000);
    if (after > 3_600_000) return undefined;
    // What the operator did meanwhile has had its own answer: one that was asked for before tells what was.
    let late = false;
    const timer = setTimeout(() => {
      readTryout(tryout.flow_sid, tryout.sid).then((next) => late || handlers.current.take(next), (cause: unknown) => {
        if (late) return;
        if (cause instanceof ApiError && cause.status === 404) handlers.current.gone();
        else handlers.current.take({ ...tryout });
      });
    }, after);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [tryout, left]);
}
