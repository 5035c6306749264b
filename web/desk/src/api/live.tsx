/**
 * The stream, fed into the query cache. One client per signed-in person; the worker's stream keeps the task list true,
 * every accepted chat has its channel's stream. There is no second store: components read queries.
 */
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { connect, type Client, type State } from '../../../stream/index.ts';
import { openFiles, type Files } from '../../../stream/files.ts';
import { accessToken, session } from './http';
import { filesService } from './files';
import { keys } from './keys';
import { channelOf, follow } from './follow';
import { applyOutgoing, applyWork, applyWorker, type Conversation } from './reduce';
import { work, worker } from './taskrouter';
import type { Event, Session, Work, Worker } from './types';

interface Live {
  client: Client | null;
  /** What is attached to conversations and on its way; survives going from one to another. */
  files: Files | null;
  state: State;
  /** Messages that arrived while the line was cut; null unless it came back in the last seconds. */
  missed: number | null;
}

const start: State = { state: 'connecting', queued: 0, since: Date.now() };
const Context = createContext<Live>({ client: null, files: null, state: start, missed: null });

/** The stream's client and its connection state. */
export const useLive = () => useContext(Context);

function useWorkerStream(client: Client | null, who: Session | null) {
  const cache = useQueryClient();
  const sid = who?.worker_sid;
  useEffect(() => {
    if (!client || !sid) return undefined;
    return client.subscribe(sid, {
      load: async () => {
        const [list, self] = await Promise.all([work(sid), worker(sid)]);
        cache.setQueryData<Work[]>(keys.work, list);
        cache.setQueryData<Worker>(keys.worker, self);
      },
      event: (event) => {
        cache.setQueryData<Work[]>(keys.work, (items) => items && applyWork(items, event));
        cache.setQueryData<Worker>(keys.worker, (self) => applyWorker(self, event));
        if (event.kind.startsWith('reservation.') || event.kind === 'worker.channel.updated') {
          void cache.invalidateQueries({ queryKey: keys.workerChannels });
        }
      },
      error: () => void cache.invalidateQueries({ queryKey: keys.work }),
    });
  }, [cache, client, sid]);
}

function useClient(who: Session | null): Client | null {
  const [client, setClient] = useState<Client | null>(null);
  const identity = who?.identity;
  useEffect(() => {
    if (!identity) return undefined;
    const next = connect({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/stream`,
      key: `usher.desk.outgoing.${identity}`,
      token: accessToken,
    });
    setClient(next);
    return () => {
      setClient(null);
      next.close();
    };
  }, [identity]);
  return client;
}

function useUploads(client: Client | null): Files | null {
  const [files, setFiles] = useState<Files | null>(null);
  useEffect(() => {
    if (!client) return undefined;
    const next = openFiles({ service: async () => filesService(), token: accessToken, done: (channel, media) => client.send(channel, '', undefined, media) });
    setFiles(next);
    return () => {
      setFiles(null);
      next.close();
    };
  }, [client]);
  return files;
}

function useConnection(client: Client | null) {
  const [state, setState] = useState<State>(start);
  const [missed, setMissed] = useState<number | null>(null);
  const back = useRef<{ since: number; cut: boolean }>({ since: 0, cut: false });
  useEffect(() => {
    if (!client) return undefined;
    setState(client.state);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = client.onState((next) => {
      setState(next);
      if (next.state === 'offline') back.current.cut = true;
      if (next.state === 'online' && back.current.cut) {
        back.current = { since: Date.now(), cut: false };
        setMissed(0);
        clearTimeout(timer);
        timer = setTimeout(() => setMissed(null), 5000);
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [client]);
  const count = useMemo(() => (event: Event) => {
    if (event.kind === 'message.added' && event.data.author !== session()?.identity && Date.parse(event.at) < back.current.since && Date.now() - back.current.since < 5000) {
      setMissed((n) => (n ?? 0) + 1);
    }
  }, []);
  return { state, missed, count };
}

/** Connects while somebody is signed in. */
export function LiveProvider({ who, children }: { who: Session | null; children: ReactNode }) {
  const client = useClient(who);
  const files = useUploads(client);
  const { state, missed, count } = useConnection(client);
  const cache = useQueryClient();
  useWorkerStream(client, who);
  const channels = useOpenChannels(cache);

  const subscriptions = useRef(new Map<string, () => void>());
  useEffect(() => {
    const kept = subscriptions.current;
    if (!client) return undefined;
    return () => {
      kept.forEach((stop) => stop());
      kept.clear();
    };
  }, [client]);
  useEffect(() => {
    if (!client) return;
    const kept = subscriptions.current;
    for (const [channel, stop] of kept) {
      if (channels.includes(channel)) continue;
      stop();
      kept.delete(channel);
    }
    for (const channel of channels) if (!kept.has(channel)) kept.set(channel, follow(client, cache, channel, count));
  }, [cache, channels, client, count]);

  useEffect(() => client?.onOutgoing((entry) => {
    cache.setQueryData<Conversation>(keys.conversation(entry.channel), (old) => old && applyOutgoing(old, entry));
  }), [cache, client]);

  const value = useMemo(() => ({ client, files, state, missed }), [client, files, state, missed]);
  return <Context value={value}>{children}</Context>;
}

/** SIDs of the channels whose task this worker has accepted. Stable while the set does not change. */
function useOpenChannels(cache: QueryClient): string[] {
  const [joined, setJoined] = useState('');
  useEffect(() => {
    const read = () => {
      const items = cache.getQueryData<Work[]>(keys.work) ?? [];
      const open = items.filter((item) => item.reservation.reservation_status !== 'pending').map(channelOf);
      setJoined([...new Set(open.filter((sid) => sid !== undefined))].sort().join(' '));
    };
    read();
    return cache.getQueryCache().subscribe((change) => {
      if (change.query.queryKey[0] === keys.work[0]) read();
    });
  }, [cache]);
  return useMemo(() => (joined ? joined.split(' ') : []), [joined]);
}
