/** What the inspector shows while no widget is chosen: the flow itself. */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { flexFlows } from '../../../api/flex';
import { keys } from '../../../api/keys';
import { useText } from '../../../i18n';
import { useFlowText } from '../../../i18n/flows';
import { CopyButton } from '../../../ui/copy';
import { Icon } from '../../../ui/icons';
import { Switch } from '../../../ui/switch';
import type { Definition } from './definition';
import { Slot } from './fields';
import { Glyph } from './glyphs';
import type { Doc } from './work';

interface Props {
  sid: string;
  webhook: string;
  doc: Doc;
  onChange: (change: Partial<Doc>, key: string) => void;
  onClose: () => void;
}

const flagsOf = (definition: Definition) => (definition.flags && typeof definition.flags === 'object' ? (definition.flags as Record<string, unknown>) : {});

export function FlowPanel({ sid, webhook, doc, onChange, onClose }: Props) {
  const { t } = useFlowText();
  const desk = useText();
  const used = (useQuery({ queryKey: keys.flows, queryFn: flexFlows, staleTime: 30_000 }).data ?? []).filter((flow) => flow.integration_type === 'studio' && flow.integration?.flow_sid === sid);
  const { definition, name } = doc;
  const flags = flagsOf(definition);
  return (
    <aside className="ed-in flow-panel" aria-label={t('in.title')}>
      <header className="ed-h"><span className="ni"><Glyph name="subflow" /></span><h2 className="title grow">{t('in.flow')}</h2><button type="button" className="ib sm only-narrow" aria-label={t('in.close')} onClick={onClose}><Icon name="close" size="s" /></button></header>
      <div className="form">
        <p className="c2 t13">{t('in.nothing')}</p>
        <Slot id="in-flow" label={t('in.flowName')} problem={name.trim() ? undefined : t('in.nameEmpty')}>
          <input id="in-flow" className="input" dir="auto" maxLength={256} autoComplete="off" value={name} aria-invalid={!name.trim()} aria-describedby={name.trim() ? undefined : 'in-flow-help'} onChange={({ target }) => onChange({ name: target.value }, 'name')} />
        </Slot>
        <Slot id="in-description" label={t('in.description')}>
          <textarea id="in-description" className="input" dir="auto" rows={3} value={definition.description ?? ''} onChange={({ target }) => onChange({ definition: { ...definition, description: target.value } }, 'description')} />
        </Slot>
        <div className="row"><span className="grow t13" id="in-concurrent">{t('in.concurrent')}</span>
          <Switch on={flags.allow_concurrent_calls === true} labelledBy="in-concurrent" onChange={(on) => onChange({ definition: { ...definition, flags: { ...flags, allow_concurrent_calls: on } } }, 'flags')} />
        </div>
        <dl className="kv wide">
          <dt>{t('in.usedBy')}</dt>
          <dd>{used.length === 0 ? <span className="c3">{t('list.unused')}</span> : used.map((flow) => <Link key={flow.sid} className="link" to={`/admin/channels?flow=${flow.sid}`}>{flow.friendly_name}</Link>)}</dd>
          <dt>{t('in.sid')}</dt><dd><bdi dir="ltr" className="mono">{sid}</bdi><CopyButton text={sid} label={desk.t('td.copy')} /></dd>
          <dt>{t('in.webhook')}</dt><dd><bdi dir="ltr" className="mono">{webhook}</bdi></dd>
        </dl>
      </div>
    </aside>
  );
}
