/** Everything that was ever saved of a flow: to look at, to compare with another one, to bring back. */
import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { keys } from '../../../api/keys';
import { revisionOf, revisionsOf, type Revision } from '../../../api/studio';
import { clockOrDate } from '../../../i18n/format';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { ErrorState, SkeletonRows, useSlow } from '../../../ui/states';
import { FlowCanvas } from './canvas';
import { readDefinition, type Definition } from './definition';
import { diff, type FlowDifference } from './diff';
import { Differences } from './differences';

/** The number that stands for what is in the editor and not saved. */
export const working = 0;
const page = 15;

interface Props {
  sid: string;
  /** What is in the editor. */
  definition: Definition;
  dirty: boolean;
  onRestore: (revision: number, definition: Definition, name: string) => void;
  onClose: () => void;
}

/** A revision with its definition, kept for as long as the page lives: revisions do not change. */
const detail = (sid: string, revision: number) => ({ queryKey: keys.studioRevision(sid, revision), queryFn: () => revisionOf(sid, revision), staleTime: Infinity });

function List({ sid, all, dirty, chosen, choose }: { sid: string; all: Revision[]; dirty: boolean; chosen: number; choose: (revision: number) => void }) {
  const { t, locale } = useFlowText();
  const [shown, setShown] = useState(page);
  const some = all.slice(0, shown);
  const messages = useQueries({ queries: some.map((each) => detail(sid, each.revision)) });
  const when = (revision: Revision) => clockOrDate(Date.parse(revision.date_created), Date.now(), locale);
  return (
    <ul className="rev-list" aria-label={t('rev.list')}>
      {dirty && <li><button type="button" className="rev" aria-current={chosen === working || undefined} onClick={() => choose(working)}><span className="m">{t('rev.working')}</span></button></li>}
      {some.map((revision, at) => {
        const { data } = messages[at]!;
        return (
          <li key={revision.revision}>
            <button type="button" className="rev" aria-current={chosen === revision.revision || undefined} onClick={() => choose(revision.revision)}>
              <span className="row"><span className="m grow">{t('rev.revision', { n: revision.revision })}</span><span className="t12 c3 num">{when(revision)}</span></span>
              <span className="row g4"><span className={`tag ${revision.status === 'published' ? 'green' : ''}`}>{t(revision.status === 'published' ? 'list.published' : 'list.draft')}</span>
                {data?.valid === false && <span className="tag red">{t('rev.invalid')}</span>}
                <span className="t12 c2 ell grow" dir="auto">{data?.commit_message ?? '\u00a0'}</span></span>
            </button>
          </li>
        );
      })}
      {all.length > shown && <li><button type="button" className="btn quiet full" onClick={() => setShown(shown + page)}>{t('rev.more')}</button></li>}
    </ul>
  );
}

/** The definition of a revision, or of what is in the editor. */
function useDefinition(sid: string, revision: number | undefined, current: Definition) {
  const query = useQuery({ ...detail(sid, revision ?? working), enabled: revision !== undefined && revision !== working });
  const read = useMemo(() => (query.data ? readDefinition(query.data.definition) : undefined), [query.data]);
  return { definition: revision === working ? current : read, detail: revision === working ? undefined : query.data, failed: query.isError, error: query.error, retry: () => void query.refetch() };
}

interface WorkProps extends Props {
  all: Revision[];
}

type Tab = 'changes' | 'view' | 'json';
const tabs: { id: Tab; label: 'rev.changes' | 'rev.view' | 'rev.json' }[] = [{ id: 'changes', label: 'rev.changes' }, { id: 'view', label: 'rev.view' }, { id: 'json', label: 'rev.json' }];

function Work({ sid, definition, dirty, all, onRestore }: WorkProps) {
  const { t } = useFlowText();
  const numbers = [...(dirty ? [working] : []), ...all.map((each) => each.revision)];
  const [after, setAfter] = useState(numbers[0] ?? working);
  const [chosen, setBefore] = useState<number>();
  const next = numbers[numbers.indexOf(after) + 1];
  const before = chosen !== undefined && chosen !== after ? chosen : next;
  const [tab, setTab] = useState<Tab>('changes');
  const now = useDefinition(sid, after, definition);
  const then = useDefinition(sid, before, definition);
  const changes = useMemo((): FlowDifference | undefined => (now.definition && then.definition ? diff(then.definition, now.definition) : undefined), [now.definition, then.definition]);
  const nameOf = (revision: number) => (revision === working ? t('rev.working') : t('rev.revision', { n: revision }));
  const failed = now.failed ? now : then.failed ? then : undefined;
  return (
    <div className="rev-page">
      <List sid={sid} all={all} dirty={dirty} chosen={after} choose={setAfter} />
      <section className="rev-work" aria-label={nameOf(after)}>
        <header className="rev-h">
          <h2 className="title">{nameOf(after)}</h2>
          <div className="try-tabs" role="group" aria-label={nameOf(after)}>{tabs.map((each) => <button key={each.id} type="button" aria-pressed={tab === each.id} onClick={() => setTab(each.id)}>{t(each.label)}</button>)}</div>
          {tab === 'changes' && before !== undefined && (
            <label className="row t12 c2"><span>{t('rev.before')}</span>
              <select className="input" value={before} onChange={({ target }) => setBefore(Number(target.value))}>{numbers.filter((each) => each !== after).map((each) => <option key={each} value={each}>{nameOf(each)}</option>)}</select>
            </label>
          )}
          {now.detail && now.definition && (after !== all[0]?.revision || dirty) && (
            <button type="button" className="btn push" onClick={() => onRestore(after, now.definition!, now.detail!.friendly_name)}><Icon name="earlier" size="s" />{t('rev.restore', { n: after })}</button>
          )}
        </header>
        {now.detail?.commit_message && <p className="rev-message" dir="auto">{now.detail.commit_message}</p>}
        {failed && <ErrorState title={t('rev.failed')} error={failed.error} retry={failed.retry} />}
        {tab === 'view' && now.definition && <FlowCanvas key={after} definition={now.definition} onSelect={() => undefined} />}
        {tab === 'json' && <pre className="rev-json" tabIndex={0} dir="ltr">{JSON.stringify(now.definition ?? now.detail?.definition, null, 2)}</pre>}
        {tab === 'changes' && (
          <div className="rev-diff" tabIndex={0} role="region" aria-label={t('rev.changes')}>
            {before === undefined && now.definition && <Differences changes={diff({ states: [], initial_state: now.definition.initial_state }, now.definition)} />}
            {changes && <Differences changes={changes} />}
            {before !== undefined && !changes && !failed && <SkeletonRows rows={3} />}
          </div>
        )}
      </section>
    </div>
  );
}

export function Revisions(props: Props) {
  const { sid, onClose } = props;
  const { t } = useFlowText();
  const query = useQuery({ queryKey: keys.studioRevisions(sid), queryFn: () => revisionsOf(sid), staleTime: 0 });
  const slow = useSlow(query.isPending);
  return (
    <div className="ed rev-root">
      <button type="button" className="btn quiet rev-back" onClick={onClose}><Icon name="back" size="s" />{t('rev.back')}</button>
      {query.isError && <div className="pad"><ErrorState title={t('rev.failed')} error={query.error} retry={() => void query.refetch()} /></div>}
      {query.isPending && slow && <div className="pad"><SkeletonRows rows={5} /></div>}
      {query.data && <Work {...props} all={query.data} />}
    </div>
  );
}
