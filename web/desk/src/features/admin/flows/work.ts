/** The flow in the editor: its history, what of it is saved, and saving it without running over somebody else. */
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { onSession } from '../../../api/http';
import { keys } from '../../../api/keys';
import { studioFlow, updateStudioFlow, type FlowDetail } from '../../../api/studio';
import type { StudioFlow } from '../../../api/types';
import { readDefinition, type Definition } from './definition';
import { equal } from './diff';
import { begin, record, redo, undo, type History } from './history';

/** What one revision holds. */
export interface Doc {
  name: string;
  definition: Definition;
}

interface Work {
  history: History<Doc>;
  /** What the server has, by identity. */
  saved: Doc;
  /** The revision that it is. */
  base: number;
  status: FlowDetail['status'];
  savedAt?: number;
}

/** Unsaved work of flows that were left, for as long as this tab lives. */
const kept = new Map<string, Work>();
onSession((who) => who || kept.clear());

/** Undefined when what is kept is no flow at all. */
export function docOf({ friendly_name, definition }: Pick<FlowDetail, 'friendly_name' | 'definition'>): Doc | undefined {
  const read = readDefinition(definition);
  return read && { name: friendly_name, definition: read };
}

const empty: Definition = { description: '', states: [], initial_state: '' };

function start(flow: FlowDetail): Work {
  const doc = docOf(flow) ?? { name: flow.friendly_name, definition: empty };
  return { history: begin(doc), saved: doc, base: flow.revision, status: flow.status, savedAt: undefined };
}

export interface SaveWish {
  status: 'draft' | 'published';
  message?: string;
}

/** How a save ended. `conflict` holds what somebody else saved meanwhile: nothing was written. */
export type SaveResult = { saved: FlowDetail; between?: number } | { conflict: FlowDetail };

export function useWorkOn(flow: FlowDetail) {
  const cache = useQueryClient();
  const { sid } = flow;
  const [restored, setRestored] = useState(() => kept.has(sid));
  const [work, setWork] = useState<Work>(() => kept.get(sid) ?? start(flow));
  const now = useRef(work);
  now.current = work;
  const doc = work.history.present;
  const dirty = doc !== work.saved;

  useEffect(() => () => {
    if (now.current.history.present !== now.current.saved) kept.set(sid, now.current);
    else kept.delete(sid);
  }, [sid]);

  const step = useCallback((fn: (history: History<Doc>) => History<Doc>) => setWork((old) => ({ ...old, history: fn(old.history) })), []);
  const change = useCallback((next: Partial<Doc>, key?: string) => step((history) => record(history, { ...history.present, ...next }, Date.now(), key)), [step]);

  /** Takes the server's state; the history goes. */
  const load = useCallback((next: FlowDetail) => {
    cache.setQueryData(keys.studioFlow(sid), next);
    setRestored(false);
    setWork(start(next));
  }, [cache, sid]);

  const save = useCallback(async ({ status, message }: SaveWish, overwrite = false): Promise<SaveResult> => {
    const { history: { present }, base } = now.current;
    const before = await studioFlow(sid);
    if (before.revision !== base && !overwrite) return { conflict: before };
    const saved = await updateStudioFlow(sid, { name: present.name, definition: present.definition, status, message });
    const answered = docOf(saved);
    setWork((old) => {
      // The server converts the old format; then its document goes on, else ours with its identity.
      const converted = answered && !equal(answered.definition, present.definition) ? answered : undefined;
      const history = converted && old.history.present === present ? record(old.history, converted, Date.now()) : old.history;
      return { history, saved: converted ?? present, base: saved.revision, status: saved.status, savedAt: Date.now() };
    });
    setRestored(false);
    cache.setQueryData(keys.studioFlow(sid), saved);
    cache.setQueryData<StudioFlow[]>(keys.studioFlows, (all) => all?.map((each) => (each.sid === sid ? { ...each, ...saved } : each)));
    void cache.invalidateQueries({ queryKey: keys.studioRevisions(sid) });
    return { saved, between: saved.revision !== before.revision + 1 ? saved.revision - 1 : undefined };
  }, [cache, sid]);

  return {
    doc, dirty, base: work.base, status: work.status, savedAt: work.savedAt, restored: restored && dirty,
    canUndo: work.history.past.length > 0, canRedo: work.history.future.length > 0,
    change, undo: useCallback(() => step(undo), [step]), redo: useCallback(() => step(redo), [step]), load, save,
    discard: useCallback(() => {
      setRestored(false);
      setWork((old) => ({ ...old, history: begin(old.saved) }));
    }, []),
  };
}

export type WorkOn = ReturnType<typeof useWorkOn>;
