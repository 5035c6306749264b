/**
 * What an agent does with a task: accept, reject, end the chat, complete. Ending waits a few seconds for Undo; leaving
 * the page or completing carries it out at once.
 */
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useText } from '../i18n';
import { explain } from '../ui/errors';
import { useToast } from '../ui/toast';
import { keys } from './keys';
import { customerName } from './queries';
import { applyReservation } from './reduce';
import { answerReservation, completeTask } from './taskrouter';
import type { Attributes, Reservation, Work } from './types';

/** What the agent writes down at the end. */
export interface Outcome {
  outcome: string;
  notes: string;
}

interface Acts {
  /** Resolves to false when it could not be done; the reason has been shown then. */
  accept: (item: Work) => Promise<boolean>;
  reject: (item: Work) => Promise<boolean>;
  end: (item: Work) => void;
  complete: (item: Work, outcome: Outcome) => Promise<boolean>;
  /** SIDs of tasks whose chat is ended here, and can still be taken back. */
  ending: ReadonlySet<string>;
  /** SIDs of reservations with an answer on its way. */
  busy: ReadonlySet<string>;
}

const Context = createContext<Acts | null>(null);

export function useActs(): Acts {
  const acts = useContext(Context);
  if (!acts) throw new Error('useActs outside ActsProvider');
  return acts;
}

/** The attributes with outcome and notes where reports of the old desktop look for them. */
export function withOutcome(attributes: Attributes, { outcome, notes }: Outcome): Attributes {
  const before = attributes.conversations && typeof attributes.conversations === 'object' ? (attributes.conversations as Attributes) : {};
  return { ...attributes, conversations: { ...before, outcome, ...(notes.trim() ? { content: notes.trim() } : {}) } };
}

function useStore() {
  const cache = useQueryClient();
  return useCallback((item: Work, reservation: Reservation) => {
    // REST dates are whole seconds: ours must not look older than the event that came before it.
    const late = Date.parse(item.reservation.date_updated) > Date.parse(reservation.date_updated);
    const date_updated = late ? item.reservation.date_updated : reservation.date_updated;
    const merged: Reservation = { ...item.reservation, ...reservation, date_updated, version: undefined };
    cache.setQueryData<Work[]>(keys.work, (items) => items && applyReservation(items, merged, item.task));
    void cache.invalidateQueries({ queryKey: keys.workerChannels });
  }, [cache]);
}

function useSet() {
  const [set, put] = useState<ReadonlySet<string>>(new Set());
  const add = useCallback((sid: string) => put((old) => new Set(old).add(sid)), []);
  const drop = useCallback((sid: string) => put((old) => new Set([...old].filter((other) => other !== sid))), []);
  return { set, add, drop };
}

function useAnswer() {
  const store = useStore();
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  const { set: busy, add, drop } = useSet();
  const answer = useCallback(async (item: Work, status: 'accepted' | 'rejected') => {
    const { sid } = item.reservation;
    add(sid);
    try {
      store(item, await answerReservation(item.task.sid, sid, status));
      return true;
    } catch (error) {
      const key = status === 'accepted' ? 'inbox.acceptFailed' : 'inbox.rejectFailed';
      toast({ text: text.t(key, { why: explain(error, text) }), icon: 'alert' });
      void cache.invalidateQueries({ queryKey: keys.work });
      return false;
    } finally {
      drop(sid);
    }
  }, [add, cache, drop, store, text, toast]);
  return { answer, busy };
}

function useEnding() {
  const store = useStore();
  const toast = useToast();
  const text = useText();
  const { set: ending, add, drop } = useSet();
  const open = useRef(new Map<string, { item: Work; close: () => void }>());
  const commit = useCallback(async (taskSid: string) => {
    const entry = open.current.get(taskSid);
    if (!entry) return true;
    open.current.delete(taskSid);
    entry.close();
    try {
      store(entry.item, await answerReservation(taskSid, entry.item.reservation.sid, 'wrapping'));
      return true;
    } catch (error) {
      toast({ text: text.t('chat.endFailed', { why: explain(error, text) }), icon: 'alert' });
      return false;
    } finally {
      drop(taskSid);
    }
  }, [drop, store, text, toast]);
  const end = useCallback((item: Work) => {
    const { sid } = item.task;
    if (open.current.has(sid)) return;
    add(sid);
    const undo = () => {
      open.current.delete(sid);
      drop(sid);
    };
    const close = toast({ text: text.t('chat.ended', { name: customerName(item) || text.t('inbox.noName') }), undo, done: () => void commit(sid) });
    open.current.set(sid, { item, close });
  }, [add, commit, drop, text, toast]);
  useEffect(() => {
    const leave = () => open.current.forEach((_, sid) => void commit(sid));
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, [commit]);
  return { ending, end, commit };
}

export function ActsProvider({ children }: { children: ReactNode }) {
  const { answer, busy } = useAnswer();
  const { ending, end, commit } = useEnding();
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  const complete = useCallback(async (item: Work, outcome: Outcome) => {
    const { task } = item;
    if (!(await commit(task.sid))) return false;
    try {
      await completeTask(task.sid, outcome.outcome, withOutcome(task.attributes, outcome));
      cache.setQueryData<Work[]>(keys.work, (items) => items?.filter((other) => other.task.sid !== task.sid));
      void cache.invalidateQueries({ queryKey: keys.workerChannels });
      toast({ text: text.t('wrap.completed', { name: customerName(item) || text.t('inbox.noName') }) });
      return true;
    } catch (error) {
      toast({ text: text.t('wrap.failed', { why: explain(error, text) }), icon: 'alert' });
      return false;
    }
  }, [cache, commit, text, toast]);
  const acts = useMemo<Acts>(() => ({
    accept: (item) => answer(item, 'accepted'),
    reject: (item) => answer(item, 'rejected'),
    end, complete, ending, busy,
  }), [answer, busy, complete, end, ending]);
  return <Context value={acts}>{children}</Context>;
}
