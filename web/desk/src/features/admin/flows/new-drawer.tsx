import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useNavigate } from 'react-router';
import { keys } from '../../../api/keys';
import { createStudioFlow } from '../../../api/studio';
import { taskChannels, workflows } from '../../../api/taskrouter';
import { useText } from '../../../i18n';
import { useFlowText, type FlowKey } from '../../../i18n/flows';
import { Drawer } from '../../../ui/drawer';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { templateOf, type Template } from './templates';

const templates: { id: Template; label: FlowKey; help: FlowKey }[] = [
  { id: 'blank', label: 'new.blank', help: 'new.blankHelp' }, { id: 'webchat', label: 'new.webchat', help: 'new.webchatHelp' }, { id: 'menu', label: 'new.menu', help: 'new.menuHelp' },
];

/** A name, and what to begin with; the editor opens with it. */
export function NewDrawer({ onClose }: { onClose: () => void }) {
  const { t } = useFlowText();
  const desk = useText();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [name, setName] = useState('');
  const [template, setTemplate] = useState<Template>('blank');
  const [tried, setTried] = useState(false);
  const flows = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 30_000 });
  const channels = useQuery({ queryKey: keys.taskChannels, queryFn: taskChannels, staleTime: 30_000 });
  const create = useMutation({
    mutationFn: () => {
      const channel = channels.data?.find((each) => each.unique_name === 'chat') ?? channels.data?.[0];
      const definition = templateOf(template, name.trim(), { workflow: flows.data?.[0]?.sid ?? '', channel: channel?.sid ?? '' });
      return createStudioFlow({ name: name.trim(), definition, status: 'draft' });
    },
    onSuccess: async (flow) => {
      void cache.invalidateQueries({ queryKey: keys.studioFlows });
      await navigate(`/admin/flows/${flow.sid}`);
    },
  });
  const missing = tried && !name.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim()) create.mutate();
    else document.getElementById('new-name')?.focus();
  };
  const footer = (
    <span className="push row">
      <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
      <button type="submit" form="new-flow" className="btn primary" disabled={create.isPending || flows.isPending || channels.isPending}>{t('new.create')}</button>
    </span>
  );
  return (
    <Drawer title={t('new.title')} onClose={onClose} footer={footer}>
      <form className="form" id="new-flow" onSubmit={submit} noValidate>
        {create.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('new.failed', { why: explain(create.error, desk) })}</span></p>}
        <div className="field">
          <label htmlFor="new-name">{t('new.name')}</label>
          <input id="new-name" className="input" dir="auto" maxLength={256} autoComplete="off" value={name} aria-invalid={missing} aria-describedby={missing ? 'new-name-help' : undefined} onChange={({ target }) => setName(target.value)} />
          {missing && <p className="error-line" id="new-name-help"><Icon name="alert" size="xs" />{t('new.needName')}</p>}
        </div>
        <fieldset className="field">
          <legend className="lab">{t('new.from')}</legend>
          <div className="opts">
            {templates.map((each) => (
              <label key={each.id} className={template === each.id ? 'opt on' : 'opt'}>
                <input type="radio" className="rd" name="template" aria-label={t(each.label)} aria-describedby={`new-${each.id}`} checked={template === each.id} onChange={() => setTemplate(each.id)} />
                <span className="grow"><span className="m">{t(each.label)}</span><span className="help" id={`new-${each.id}`}>{t(each.help)}</span></span>
              </label>
            ))}
          </div>
        </fieldset>
      </form>
    </Drawer>
  );
}
