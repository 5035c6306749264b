/** The Studio flows: what there is, who uses it, and ways to get another one. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { flexFlows, studioFlows } from '../../../api/flex';
import { keys } from '../../../api/keys';
import { createStudioFlow, deleteStudioFlow, studioFlow } from '../../../api/studio';
import type { FlexFlow, StudioFlow } from '../../../api/types';
import { useText } from '../../../i18n';
import { clockOrDate, shortSid } from '../../../i18n/format';
import { useFlowText } from '../../../i18n/flows';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { MenuButton, MenuItem } from '../../../ui/menu';
import { useToast } from '../../../ui/toast';
import { ListPage } from '../list-page';
import './flows.css';
import { Glyph } from './glyphs';
import { ImportDrawer } from './import-drawer';
import { NewDrawer } from './new-drawer';

const usersOf = (flow: StudioFlow, all: FlexFlow[]) => all.filter((each) => each.integration_type === 'studio' && each.integration?.flow_sid === flow.sid);

/** Deletes once the Undo has run out; until then the row is only hidden. */
function useDelete() {
  const cache = useQueryClient();
  const toast = useToast();
  const { t } = useFlowText();
  const desk = useText();
  return (flow: StudioFlow) => {
    const restore = () => void cache.invalidateQueries({ queryKey: keys.studioFlows });
    cache.setQueryData<StudioFlow[]>(keys.studioFlows, (all) => all?.filter((each) => each.sid !== flow.sid));
    toast({
      text: t('list.deleted', { name: flow.friendly_name }), undo: restore,
      done: () => void deleteStudioFlow(flow.sid).catch((error: unknown) => {
        restore();
        toast({ text: t('list.notDeleted', { why: explain(error, desk) }), icon: 'alert' });
      }),
    });
  };
}

function Acts({ flow, used }: { flow: StudioFlow; used: FlexFlow[] }) {
  const { t } = useFlowText();
  const desk = useText();
  const cache = useQueryClient();
  const toast = useToast();
  const remove = useDelete();
  const copy = useMutation({
    mutationFn: async () => {
      const { definition } = await studioFlow(flow.sid);
      return createStudioFlow({ name: t('list.copyOf', { name: flow.friendly_name }).slice(0, 256), definition, status: 'draft' });
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.studioFlows }),
    onError: (error) => toast({ text: t('new.failed', { why: explain(error, desk) }), icon: 'alert' }),
  });
  const tryDelete = () => {
    if (used.length === 0) remove(flow);
    else toast({ text: t('list.inUse', { name: flow.friendly_name, flows: used.map((each) => each.friendly_name).join(', ') }), icon: 'info', seconds: 8 });
  };
  return (
    <MenuButton
      label={t('list.more', { name: flow.friendly_name })} className="at-end"
      button={(menu) => <button type="button" className="ib sm" aria-label={t('list.more', { name: flow.friendly_name })} {...menu}><Glyph name="more" size="s" /></button>}
    >
      <MenuItem onSelect={() => copy.mutate()}><Icon name="copy" size="s" />{t('list.duplicate')}</MenuItem>
      <MenuItem onSelect={tryDelete}><Icon name="trash" size="s" />{t('list.delete')}</MenuItem>
    </MenuButton>
  );
}

function Table({ flows }: { flows: StudioFlow[] }) {
  const { t, locale } = useFlowText();
  const all = useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 30_000 }).data ?? [];
  return (
    <table className="tbl fl-table">
      <thead><tr>
        <th scope="col">{t('list.name')}</th><th scope="col">{t('list.status')}</th><th scope="col" className="r">{t('list.revision')}</th>
        <th scope="col" className="spare">{t('list.used')}</th><th scope="col" className="r spare">{t('list.changed')}</th><th scope="col"><span className="vh">{t('ed.more')}</span></th>
      </tr></thead>
      <tbody>
        {flows.map((flow) => {
          const used = usersOf(flow, all);
          return (
            <tr key={flow.sid}>
              <td><Link className="open" to={flow.sid}>{flow.friendly_name}</Link><bdi dir="ltr" className="sub mono">{shortSid(flow.sid)}</bdi></td>
              <td><span className={`tag ${flow.status === 'published' ? 'green' : ''}`}>{t(flow.status === 'published' ? 'list.published' : 'list.draft')}</span></td>
              <td className="r num">{flow.revision}</td>
              <td className="spare wrap">{used.length === 0 ? <span className="c3">{t('list.unused')}</span> : used.map((each) => <Link key={each.sid} className="link above" to={`/admin/channels?flow=${each.sid}`}>{each.friendly_name}</Link>)}</td>
              <td className="r spare num">{clockOrDate(Date.parse(flow.date_updated ?? flow.date_created), Date.now(), locale)}</td>
              <td className="r"><span className="above"><Acts flow={flow} used={used} /></span></td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export default function Flows() {
  const { t } = useFlowText();
  const query = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 5_000 });
  const [open, setOpen] = useState<'new' | 'import'>();
  const close = () => setOpen(undefined);
  const action = (
    <>
      <button type="button" className="btn" onClick={() => setOpen('import')}>{t('list.import')}</button>
      <button type="button" className="btn primary" onClick={() => setOpen('new')}><Icon name="plus" size="s" />{t('list.new')}</button>
    </>
  );
  return (
    <ListPage
      title={t('list.title')} intro={t('list.intro')} action={action} query={query} icon="flow" empty={t('list.empty')} emptyText={t('list.emptyText')}
      drawer={open === 'new' ? <NewDrawer onClose={close} /> : open === 'import' && <ImportDrawer onClose={close} />}
    >
      {(flows) => <Table flows={flows} />}
    </ListPage>
  );
}
