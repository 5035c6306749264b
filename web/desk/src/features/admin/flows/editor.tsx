/** One flow: its canvas, its inspector, and what is done with the whole of it. Loaded when it is opened. */
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { flushSync } from 'react-dom';
import { Link, useParams } from 'react-router';
import { keys } from '../../../api/keys';
import { studioFlow, type FlowDetail } from '../../../api/studio';
import { useText } from '../../../i18n';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { ErrorState, SkeletonRows, useSlow } from '../../../ui/states';
import { useToast } from '../../../ui/toast';
import { EditorBar } from './bar';
import { FlowCanvas, wayOf, type CanvasProps } from './canvas';
import { newState, specOf } from './catalog';
import { add, duplicate, freeName, idsOf, indexOf, lead, move, remove, type Definition, type Point } from './definition';
import { FlowPanel } from './flow-panel';
import './flows.css';
import { LeaveGuard } from './guard';
import { Inspector } from './inspector';
import { arrange, freePlace, nodeHeight, placesOf } from './layout';
import { Palette } from './palette';
import { withinOf, type Problem } from './problems';
import { Revisions } from './revisions';
import { Tryout } from './tryout';
import { useProblems } from './use-problems';
import { useSaving } from './use-saving';
import { useWorkOn, type WorkOn } from './work';

/** Shows what was just set, so that it can be focused at once: whoever types on at once writes where the screen says. */
const shown = () => flushSync(() => undefined);

/** A widget that was just made wants a name. */
function focusName() {
  shown();
  document.querySelector<HTMLInputElement>('.ed-in #in-name')?.select();
}

/** What can be done to the definition from the canvas and the inspector. */
function useActs(work: WorkOn) {
  const text = useFlowText();
  const { t, plural } = text;
  const toast = useToast();
  const [selected, select] = useState<string>();
  const [reveal, setReveal] = useState<{ id: string }>();
  const [said, say] = useState('');
  const middle = useRef<() => Point>(() => ({ x: 0, y: 0 }));
  const { definition } = work.doc;
  const now = useRef(definition);
  now.current = definition;
  const { change } = work;
  const put = useCallback((next: Definition, key?: string) => change({ definition: next }, key), [change]);

  const create = useCallback((type: string, place: Point, before?: (made: Definition, name: string) => Definition) => {
    const name = freeName(now.current, specOf(type).stem);
    const made = newState(type, name);
    made.properties = { offset: freePlace(now.current, place), ...made.properties };
    const grown = add(now.current, made);
    put(before ? before(grown, name) : grown);
    select(name);
    setReveal({ id: name });
    say(t('canvas.added', { name }));
  }, [put, t]);

  const below = useCallback((id: string | undefined): Point => {
    const place = id === undefined ? undefined : placesOf(now.current).get(id);
    return place ? { x: place.x, y: place.y + nodeHeight + 80 } : middle.current();
  }, []);

  const drop = useCallback((id: string) => {
    const next = remove(now.current, new Set([id]));
    if (next.states.length === now.current.states.length) return void toast({ text: t('canvas.keepTrigger'), icon: 'info' });
    put(next);
    select(undefined);
    say(plural('canvas.deleted', 1));
    toast({ text: plural('canvas.deleted', 1), undo: work.undo });
    document.getElementById('work')?.focus();
  }, [plural, put, t, toast, work.undo]);

  const edit = useMemo((): CanvasProps['edit'] => ({
    move: (places) => put(move(now.current, places), `move ${[...places.keys()].join()}`),
    connect: (source, handle, target) => {
      const way = wayOf(now.current, source, handle);
      const to = now.current.states[indexOf(now.current, target)];
      if (way && to) put(lead(now.current, way.at, way.transition, way.event, to.name));
      select(source);
    },
    remove: drop,
    drop: (type, place) => create(type, place),
  }), [create, drop, put]);

  return {
    selected, select, reveal, said, middle, edit, put,
    show: (id: string) => {
      select(id);
      setReveal({ id });
    },
    add: (type: string) => create(type, below(selected)),
    createAfter: (at: number, way: number, event: string, type: string) => {
      create(type, below(idsOf(now.current)[at]), (grown, name) => lead(grown, at, way, event, name));
      focusName();
    },
    duplicate: (at: number) => {
      const made = duplicate(now.current, at, placesOf(now.current).get(idsOf(now.current)[at]!) ?? { x: 0, y: 0 });
      put(made.definition);
      select(made.name);
      setReveal({ id: made.name });
      focusName();
    },
    remove: drop,
    tidy: () => {
      put(move(now.current, arrange(now.current)));
      toast({ text: t('ed.tidied'), undo: work.undo });
    },
  };
}

/** No room for the inspector beside a test conversation. */
const narrow = () => matchMedia('(max-width: 899px)').matches;

/** Goes to the field that a mistake is about. */
function focusOn(within: string) {
  const property = /^\/properties\/([^/]+)/.exec(within)?.[1];
  const condition = /^\/transitions\/\d+\/conditions\/(\d+)/.exec(within);
  const target = within === '/name' ? '#in-name' : property ? `[id="in-${CSS.escape(property)}"]` : condition ? '.condition [aria-invalid="true"], .condition input' : within ? '.then select' : '#in-name';
  const field = document.querySelector<HTMLElement>(`.ed-in ${target}`) ?? document.querySelector<HTMLElement>('.ed-in [aria-invalid="true"], .ed-in #in-name, .ed-in #in-flow');
  field?.closest('details')?.setAttribute('open', '');
  field?.focus();
}

function Editor({ flow }: { flow: FlowDetail }) {
  const text = useFlowText();
  const { t } = text;
  const { sid } = flow;
  const work = useWorkOn(flow);
  const { doc } = work;
  const { definition } = doc;
  const acts = useActs(work);
  const checks = useProblems(definition, text);
  const saving = useSaving(sid, work);
  const toast = useToast();
  const [panel, setPanel] = useState(() => matchMedia('(min-width: 1280px)').matches);
  const [trying, setTrying] = useState(false);
  const [revisions, setRevisions] = useState(false);
  const [path, setPath] = useState<{ lit: ReadonlySet<string>; at?: string }>();
  const at = indexOf(definition, acts.selected);
  const within = useMemo(() => withinOf(checks.problems, acts.selected), [checks.problems, acts.selected]);
  const onPath = useCallback((lit: ReadonlySet<string>, waits?: string) => setPath({ lit, at: waits }), []);
  const restore = (revision: number, next: Definition, name: string) => {
    work.change({ definition: next, name });
    acts.select(undefined);
    setRevisions(false);
    toast({ text: t('rev.restored', { n: revision }), undo: work.undo });
  };
  const jump = (problem: Problem) => {
    setRevisions(false);
    if (problem.id === undefined) {
      acts.select(undefined);
      setPanel(true);
    } else acts.show(problem.id);
    shown();
    focusOn(problem.within);
  };
  const onTry = () => {
    setTrying(!trying);
    setRevisions(false);
    setPath(undefined);
    if (!narrow()) return;
    acts.select(undefined);
    setPanel(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.metaKey || event.ctrlKey)) return;
    // Fields have an undo of their own.
    if (event.key.toLowerCase() !== 's' && (event.target as HTMLElement).matches('input, textarea, select')) return;
    const act = { z: event.shiftKey ? work.redo : work.undo, y: work.redo, s: () => work.dirty && saving.save({ status: 'draft' }) }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <main className="ed-page" id="work" tabIndex={-1} onKeyDown={onKeyDown}>
      <EditorBar
        flow={flow} work={work} checks={checks} saving={saving} trying={trying} revisions={revisions} onJump={jump} onTidy={acts.tidy}
        onTry={onTry} onRevisions={() => { setRevisions(!revisions); setTrying(false); }} onSettings={() => { acts.select(undefined); setPanel(true); setRevisions(false); }}
      />
      {work.restored && <div className="banner ok" role="status"><Icon name="info" size="s" />{t('ed.kept')}<button type="button" className="link push" onClick={work.discard}>{t('ed.discard')}</button></div>}
      {revisions && <Revisions sid={sid} definition={definition} dirty={work.dirty} onRestore={restore} onClose={() => setRevisions(false)} />}
      {!revisions && <div className="ed">
        {trying && <div className="ed-test"><Tryout flow={sid} onPath={onPath} /></div>}
        <FlowCanvas definition={definition} selected={acts.selected} edit={acts.edit} onSelect={acts.select} marks={checks.marks} lit={path?.lit} at={path?.at} reveal={acts.reveal} middle={acts.middle}>
          <Palette onAdd={acts.add} />
        </FlowCanvas>
        {at >= 0
          ? (
            <Inspector
              definition={definition} at={at} problems={within} onChange={acts.put} onRenamed={acts.select} onClose={() => acts.select(undefined)}
              onCreate={(way, event, type) => acts.createAfter(at, way, event, type)} onDuplicate={() => acts.duplicate(at)} onDelete={() => acts.remove(acts.selected!)}
            />
          )
          : panel && <FlowPanel sid={sid} webhook={flow.webhook_url} doc={doc} onChange={work.change} onClose={() => setPanel(false)} />}
      </div>}
      <span className="vh" role="status">{acts.said}</span>
      {saving.dialogs(checks.mistakes)}
      <LeaveGuard dirty={work.dirty} />
    </main>
  );
}

/** Loads the flow that the address names. */
export default function EditorPage() {
  const { sid = '' } = useParams();
  const { t } = useFlowText();
  const desk = useText();
  const query = useQuery({ queryKey: keys.studioFlow(sid), queryFn: () => studioFlow(sid), staleTime: 0, refetchOnMount: 'always' });
  const slow = useSlow(query.isPending);
  const name = query.data?.friendly_name;
  useEffect(() => {
    document.title = [name, t('list.title'), desk.t('app.name')].filter(Boolean).join(' · ');
  }, [desk, name, t]);
  if (query.data && !(query.isFetching && !query.isFetchedAfterMount)) return <Editor key={sid} flow={query.data} />;
  return (
    <main className="ed-page" id="work" tabIndex={-1}>
      <header className="bar"><Link className="ib" to="/admin/flows" aria-label={t('ed.back')}><Icon name="back" /></Link><h1 className="title">{t('list.title')}</h1></header>
      <div className="pad">
        {query.isError && <ErrorState title={t('ed.loadFailed')} error={query.error} retry={() => void query.refetch()} />}
        {!query.isError && slow && <SkeletonRows rows={4} />}
      </div>
    </main>
  );
}
