import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { executionsPage, readExecution, studioFlowName, type Execution } from '../../../api/executions';
import { keys } from '../../../api/keys';
import { useText } from '../../../i18n';
import { clockOrDate, shortSid } from '../../../i18n/format';
import { Icon } from '../../../ui/icons';
import { EmptyState, ErrorState, SkeletonRows, useSlow } from '../../../ui/states';
import { ExecutionDrawer } from './execution-drawer';
import { customerOf, problemText, Status } from './execution-words';
import './tryout.css';
import './executions.css';

type Filter = '' | 'active' | 'ended';

/** How often the list is read again while some still run, and else, ms. */
const REFRESH = 5_000;
const REFRESH_IDLE = 20_000;

function Table({ list, selected, open }: { list: Execution[]; selected: string | null; open: (sid: string) => void }) {
  const { t, locale } = useText();
  return (
    <div className="tbl-wrap" tabIndex={0} role="group" aria-label={t('runs.title')}>
      <table className="tbl">
        <thead><tr>
          <th scope="col">{t('runs.col.contact')}</th><th scope="col">{t('runs.col.began')}</th><th scope="col">{t('runs.col.at')}</th>
          <th scope="col">{t('runs.col.status')}</th><th scope="col" className="spare">{t('runs.col.why')}</th>
        </tr></thead>
        <tbody>
          {list.map((each) => (
            <tr key={each.sid} className={each.sid === selected ? 'on' : undefined}>
              <td>
                <button type="button" className="open" aria-expanded={each.sid === selected} onClick={() => open(each.sid)}><span dir="auto">{customerOf(each) || shortSid(each.contact_channel_address)}</span></button>
                <bdi dir="ltr" className="sub mono">{shortSid(each.contact_channel_address)}</bdi>
              </td>
              <td className="num">{clockOrDate(Date.parse(each.date_created), Date.now(), locale)}</td>
              <td>{each.usher.widget}<span className="sub">{each.usher.waits_for && t('runs.waitsFor', { what: t(`runs.waits.${each.usher.waits_for}`) })}</span></td>
              <td><Status execution={each} /></td>
              <td className="spare wrap">{each.status === 'ended' ? each.usher.reason || t('runs.byItself') : ''}{each.usher.problem && <span className="sub">{problemText(each.usher.problem)}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The executions of a flow, the newest first, and one of them. */
export default function Executions() {
  const { t } = useText();
  const flow = useParams().sid ?? '';
  const [params, setParams] = useSearchParams();
  const [filter, choose] = useState<Filter>('');
  const selected = params.get('execution');
  const name = useQuery({ queryKey: [...keys.executions(flow), 'name'], queryFn: () => studioFlowName(flow), staleTime: 60_000 }).data?.friendly_name;
  const query = useInfiniteQuery({
    queryKey: [...keys.executions(flow), filter], initialPageParam: '', queryFn: ({ pageParam }) => executionsPage(flow, filter, pageParam),
    getNextPageParam: (page) => page.meta.next_page_url, retry: 1,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.executions.some((each) => each.status === 'active')) ? REFRESH : REFRESH_IDLE),
  });
  const list = query.data?.pages.flatMap((page) => page.executions) ?? [];
  const listed = list.find((each) => each.sid === selected);
  const alone = useQuery({
    queryKey: [...keys.executions(flow), 'one', selected], enabled: !!selected && !!query.data && !listed, queryFn: () => readExecution(flow, selected!), retry: 1,
  }).data;
  const execution = listed ?? alone;
  const slow = useSlow(query.isPending);
  const open = (sid?: string) => setParams(sid ? { execution: sid } : {}, { replace: true });
  const title = t('runs.title');
  useEffect(() => {
    document.title = `${title} · ${name ?? ''} · ${t('app.name')}`;
  }, [name, t, title]);
  return (
    <div className="split grow">
      <main className="main" id="work" tabIndex={-1}>
        <header className="bar">
          <Link className="ib" to={`/admin/flows/${flow}`} aria-label={t('runs.back')}><Icon name="back" /></Link>
          <h1 className="title ell">{name ? t('runs.of', { name }) : title}</h1>
        </header>
        <div className="pad">
          <p className="intro">{t('runs.intro')}</p>
          <div className="chips" role="radiogroup" aria-label={t('runs.filter')}>
            {(['', 'active', 'ended'] as const).map((each) => (
              <button key={each} type="button" className="chip" role="radio" aria-checked={filter === each} onClick={() => choose(each)}>{t(each ? `runs.${each}` : 'runs.all')}</button>
            ))}
          </div>
          {query.isError && <ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} />}
          {query.isPending && slow && <SkeletonRows rows={5} />}
          {query.data && list.length === 0 && <EmptyState icon="flow" title={t('runs.empty')}>{t('runs.emptyText')}</EmptyState>}
          {list.length > 0 && <Table list={list} selected={selected} open={open} />}
          {query.hasNextPage && <button type="button" className="btn runs-more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t('runs.more')}</button>}
        </div>
      </main>
      {execution && <ExecutionDrawer key={execution.sid} flow={flow} execution={execution} onClose={() => open()} />}
    </div>
  );
}
