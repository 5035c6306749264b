import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { flexFlows } from '../../api/flex';
import { conversations, dryRun, endConversation, verdicts, type Conversation, type Verdict } from '../../api/janitor';
import { keys } from '../../api/keys';
import { useText, type Key } from '../../i18n';
import { en } from '../../i18n/en';
import { clock, clockOrDate, shortSid } from '../../i18n/format';
import { explain } from '../../ui/errors';
import { useToast } from '../../ui/toast';
import { useNow } from '../../ui/use-now';
import { ListPage } from './list-page';

type View = 'log' | 'dry' | 'open';

function FlowLink({ sid }: { sid: string | null }) {
  const flows = useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 30_000 }).data ?? [];
  if (!sid) return <span className="c3">–</span>;
  return <Link className="link above ell" to={`/admin/channels?flow=${sid}`}>{flows.find((flow) => flow.sid === sid)?.friendly_name ?? shortSid(sid)}</Link>;
}

function When({ date }: { date: string }) {
  const { locale } = useText();
  const now = useNow();
  const at = Date.parse(date);
  const short = clockOrDate(at, now, locale);
  return <>{short} {clock(at, locale) !== short && <span className="c3">{clock(at, locale)}</span>}</>;
}

function Verdicts({ rows }: { rows: Verdict[] }) {
  const { t } = useText();
  const why = (row: Verdict) => (`janitor.why.${row.reason}` in en ? t(`janitor.why.${row.reason}` as Key) : row.explanation);
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('janitor.col.when')}</th><th scope="col">{t('janitor.col.what')}</th><th scope="col">{t('janitor.col.why')}</th><th scope="col">{t('janitor.col.where')}</th><th scope="col" className="spare">{t('janitor.col.flow')}</th></tr></thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at}>
            <td className="num"><When date={row.date} /></td>
            <td>{t(`janitor.verdict.${row.verdict}`)}</td>
            <td className="wrap">{why(row)}</td>
            <td><bdi dir="ltr" className="mono">{shortSid(row.channel_sid ?? row.execution_sid ?? '')}</bdi>{row.task_sid && <bdi dir="ltr" className="sub mono">{shortSid(row.task_sid)}</bdi>}</td>
            <td className="spare"><FlowLink sid={row.flex_flow_sid} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Open({ rows }: { rows: Conversation[] }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const end = useMutation({
    mutationFn: (sid: string) => endConversation(sid),
    onSuccess: (_, sid) => {
      cache.setQueryData<Conversation[]>(keys.janitor('open'), (all) => all?.filter((each) => each.sid !== sid));
      toast({ text: t('janitor.ended'), seconds: 4 });
    },
    onError: (error) => toast({ text: t('janitor.failed', { why: explain(error, text) }), icon: 'alert' }),
  });
  return (
    <table className="tbl">
      <thead><tr><th scope="col">{t('janitor.col.where')}</th><th scope="col">{t('janitor.col.flow')}</th><th scope="col">{t('janitor.col.since')}</th><th scope="col" className="spare">{t('janitor.col.task')}</th><td /></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.sid}>
            <td><bdi dir="ltr" className="mono">{shortSid(row.sid)}</bdi>{row.long_lived && <span className="sub">{t('janitor.longLived')}</span>}</td>
            <td><FlowLink sid={row.flex_flow_sid} /></td>
            <td className="num"><When date={row.date_created} /></td>
            <td className="spare"><bdi dir="ltr" className="mono">{row.task_sid ? shortSid(row.task_sid) : '–'}</bdi></td>
            <td className="r"><button type="button" className="btn quiet danger above" disabled={end.isPending} aria-label={`${t('janitor.end')} ${shortSid(row.sid)}`} onClick={() => end.mutate(row.sid)}>{t('janitor.end')}</button></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The janitor: its log, its dry run, and the open conversations that an administrator may end. */
export default function Janitor() {
  const { t } = useText();
  const [view, setView] = useState<View>('log');
  const log = useQuery({ queryKey: keys.janitor('log'), queryFn: verdicts, staleTime: 5_000, refetchInterval: 30_000, enabled: view === 'log' });
  const dry = useQuery({ queryKey: keys.janitor('dry'), queryFn: dryRun, staleTime: 0, enabled: view === 'dry' });
  const open = useQuery({ queryKey: keys.janitor('open'), queryFn: conversations, staleTime: 5_000, enabled: view === 'open' });
  const filter = (
    <select className="input flow-pick" aria-label={t('janitor.view')} value={view} onChange={(event) => setView(event.target.value as View)}>
      {(['log', 'dry', 'open'] as const).map((each) => <option key={each} value={each}>{t(`janitor.view.${each}`)}</option>)}
    </select>
  );
  const page = { title: t('admin.janitor'), intro: t('janitor.intro'), filter, icon: 'earlier', emptyText: '' } as const;
  if (view === 'open') return <ListPage {...page} query={open} empty={t('janitor.emptyOpen')}>{(rows) => <Open rows={rows} />}</ListPage>;
  return (
    <ListPage {...page} query={view === 'dry' ? dry : log} empty={t(view === 'dry' ? 'janitor.emptyDry' : 'janitor.empty')}>
      {(rows) => <Verdicts rows={rows} />}
    </ListPage>
  );
}
