import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { flexFlows } from '../../api/flex';
import { keys } from '../../api/keys';
import { useLive } from '../../api/live';
import { useWorker } from '../../api/queries';
import { people } from '../../api/signin';
import { tasks } from '../../api/taskrouter';
import type { FlexFlow, Session } from '../../api/types';
import { useText } from '../../i18n';
import { CopyButton } from '../../ui/copy';
import { Icon } from '../../ui/icons';
import { EmptyState, ErrorState, SkeletonRows, useSlow } from '../../ui/states';
import { LaunchArt } from './launch-art';
import { Phone } from './phone';
import { stepsOf } from './ready';
import { Steps } from './steps';

function Health() {
  const { t } = useText();
  const { state } = useLive();
  const ready = useQuery({
    queryKey: keys.ready, queryFn: () => fetch('/readyz', { signal: AbortSignal.timeout(5000) }).then((answer) => answer.ok, () => false), refetchInterval: 10_000,
  }).data;
  if (ready === undefined) return null;
  const key = !ready ? 'td.unwell' : state.state === 'online' ? 'td.well' : 'td.noSocket';
  return <span className="row t12 c2" role="status"><span className={`dot ${key === 'td.well' ? 'green' : 'amber'}`} />{t(key)}</span>;
}

function Launch({ flows, flow, choose }: { flows: FlexFlow[]; flow: FlexFlow; choose: (sid: string) => void }) {
  const { t } = useText();
  return (
    <article className="launch">
      <LaunchArt />
      <div className="launch-b">
        <div className="row wrap">
          <h2>{t('td.shop')}</h2>
          {flows.length === 1 ? <span className="tag acc">{flow.friendly_name}</span> : (
            <select className="input flow-pick" aria-label={t('admin.channels')} value={flow.sid} onChange={(event) => choose(event.target.value)}>
              {flows.map((each) => <option key={each.sid} value={each.sid}>{each.friendly_name}</option>)}
            </select>
          )}
        </div>
        <p className="what">{t('td.shopText')}</p>
        <a className="btn primary lg" href={`/demo/?flow=${flow.sid}`} target="_blank" rel="noopener"><Icon name="launch" size="s" />{t('td.launch')}</a>
      </div>
    </article>
  );
}

function Snippet({ flow }: { flow: FlexFlow }) {
  const { t } = useText();
  const code = `<script src="${location.origin}/widget.js" data-flow="${flow.sid}" async></script>`;
  return (
    <div className="snip">
      <div className="row"><span className="t13 m">{t('td.snippet')}</span><span className="push"><CopyButton text={code} label={t('td.copy')} /></span></div>
      <code className="mono" dir="ltr" tabIndex={0} aria-label={t('td.snippet')} role="group">{code}</code>
    </div>
  );
}

function Body({ who, flows }: { who: Session; flows: FlexFlow[] }) {
  const { t } = useText();
  const [chosen, choose] = useState<string>();
  const web = flows.filter((flow) => flow.channel_type === 'web' && flow.enabled);
  const flow = web.find((each) => each.sid === chosen) ?? web[0];
  const worker = useWorker().data;
  const done = useQuery({ queryKey: keys.tasks, queryFn: () => tasks({}, 100), refetchInterval: 5_000 });
  const persons = useQuery({ queryKey: keys.people, queryFn: people, staleTime: 15_000 });
  const steps = stepsOf({ hasPassword: who.person.has_password, flows, tasks: done.data ?? [], worker, people: persons.data ?? [] });
  return (
    <>
      {flow
        ? <><Launch flows={web} flow={flow} choose={choose} /><Snippet flow={flow} /></>
        : <div className="ready"><EmptyState icon="web" title={t('td.noFlow')} action={<Link className="btn" to="/admin/channels">{t('td.toChannels')}</Link>} /></div>}
      {done.data && persons.data && <Steps steps={steps} flow={flow} people={persons.data.length} />}
    </>
  );
}

/** First thing after sign-in: be your own customer. */
export function TestDrive({ who }: { who: Session }) {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 10_000 });
  const slow = useSlow(query.isPending);
  useEffect(() => {
    document.title = `${t('admin.testdrive')} · ${t('app.name')}`;
  }, [t]);
  return (
    <main className="main" id="work" tabIndex={-1}>
      <header className="bar td-head"><h2 className="title">{t('admin.testdrive')}</h2><span className="push row g12"><Health /><Link className="btn" to="/"><Icon name="desk" size="s" />{t('admin.openDesk')}</Link></span></header>
      <div className="td">
        <div className="td-main">
          <h1>{t('td.title')}</h1>
          <p className="intro">{t('td.intro')}</p>
          {query.isError && <div className="ready"><ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} /></div>}
          {query.isPending && slow && <div className="ready"><SkeletonRows rows={4} /></div>}
          {query.data && <Body who={who} flows={query.data} />}
        </div>
        <Phone />
      </div>
    </main>
  );
}
