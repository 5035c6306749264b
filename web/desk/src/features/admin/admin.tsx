import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { Navigate, NavLink, Route, Routes, useMatch } from 'react-router';
import { carriers } from '../../api/carriers';
import { flexFlows, studioFlows } from '../../api/flex';
import { keys } from '../../api/keys';
import { workers } from '../../api/taskrouter';
import type { Session } from '../../api/types';
import { useText } from '../../i18n';
import { Banner } from '../../ui/banner';
import { Icon, type IconName } from '../../ui/icons';
import { Channels } from './channels';
import { Activities, Queues, Workflows } from './routing';
import { TestDrive } from './testdrive';
import { Workers } from './workers';
import './admin.css';

/** The flow editor brings its own canvas and words: loaded when it is opened. */
const Flows = lazy(() => import('./flows/list'));
const FlowEditor = lazy(() => import('./flows/editor'));
const Executions = lazy(() => import('./flows/executions'));
const Connections = lazy(() => import('./connections'));
const Numbers = lazy(() => import('./numbers'));
const Janitor = lazy(() => import('./janitor'));
const Webhooks = lazy(() => import('./webhooks'));

function Item({ to, icon, text, n }: { to: string; icon: IconName; text: string; n?: number }) {
  return <NavLink to={`/admin/${to}`}><Icon name={icon} />{text}{n !== undefined && <span className="n num">{n}</span>}</NavLink>;
}

function Nav() {
  const { t } = useText();
  const flows = useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 30_000 }).data?.length;
  const studio = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 30_000 }).data?.length;
  const carrying = useQuery({ queryKey: keys.carriers, queryFn: carriers, staleTime: 30_000 }).data?.reduce((n, each) => n + each.addresses.length, 0);
  const people = useQuery({ queryKey: keys.workers, queryFn: workers, staleTime: 30_000 }).data?.length;
  return (
    <nav className="anav" aria-label={t('admin.title')}>
      <header className="bar"><h2 className="title">{t('admin.title')}</h2></header>
      <div className="scroll">
        <Item to="testdrive" icon="play" text={t('admin.testdrive')} />
        <div className="sec">{t('admin.messages')}</div>
        <Item to="channels" icon="web" text={t('admin.channels')} n={flows} />
        <Item to="numbers" icon="sms" text={t('admin.numbers')} n={carrying} />
        <Item to="flows" icon="flow" text={t('admin.flows')} n={studio} />
        <Item to="connections" icon="launch" text={t('admin.connections')} />
        <Item to="webhooks" icon="plug" text={t('admin.webhooks')} />
        <Item to="janitor" icon="earlier" text={t('admin.janitor')} />
        <div className="sec">{t('admin.routing')}</div>
        <Item to="workflows" icon="route" text={t('admin.workflows')} />
        <Item to="queues" icon="lines" text={t('admin.queues')} />
        <Item to="workers" icon="people" text={t('admin.workers')} n={people} />
        <Item to="statuses" icon="cup" text={t('admin.activities')} />
      </div>
    </nav>
  );
}

/** The admin pages; only administrators get past the door (the server says the same). */
export default function Admin({ who }: { who: Session }) {
  const { t } = useText();
  const { role } = who.person;
  const editing = useMatch('/admin/flows/:sid');
  if (role !== 'admin') {
    return (
      <main className="main" id="work" tabIndex={-1}>
        <div className="center-note"><h1>{t('admin.forbidden')}</h1><p className="c2">{t('admin.forbiddenText', { role: t(`workers.role.${role}`) })}</p></div>
      </main>
    );
  }
  return (
    <div className="admin">
      {!editing && <Nav />}
      <div className="col grow">
        <Banner />
        <Suspense fallback={<main className="main" id="work" />}><Routes>
          <Route path="testdrive" element={<TestDrive who={who} />} />
          <Route path="channels" element={<Channels />} />
          <Route path="numbers" element={<Numbers />} />
          <Route path="flows" element={<Flows />} />
          <Route path="flows/:sid" element={<FlowEditor />} />
          <Route path="flows/:sid/executions" element={<Executions />} />
          <Route path="connections" element={<Connections />} />
          <Route path="webhooks" element={<Webhooks />} />
          <Route path="janitor" element={<Janitor />} />
          <Route path="workers" element={<Workers />} />
          <Route path="queues" element={<Queues />} />
          <Route path="workflows" element={<Workflows />} />
          <Route path="statuses" element={<Activities />} />
          <Route path="*" element={<Navigate to="/admin/testdrive" replace />} />
        </Routes></Suspense>
      </div>
    </div>
  );
}
