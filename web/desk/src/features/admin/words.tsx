import { useQuery } from '@tanstack/react-query';
import { studioFlows, type FlowInput } from '../../api/flex';
import { keys } from '../../api/keys';
import type { Workflow } from '../../api/types';
import { useText } from '../../i18n';
import { channelLabel } from '../../ui/channel-label';
import { shortSid } from '../../i18n/format';

/** The settings as a sentence: "In words: a visitor who writes …". */
export function Words({ input, workflows }: { input: FlowInput; workflows: Workflow[] }) {
  const { t, rich } = useText();
  const who = input.channel_type === 'web'
    ? t('flows.words.who.web')
    : t('flows.words.who.other', { channel: t(channelLabel(input.channel_type)), address: input.contact_identity?.trim() || '…' });
  const workflow = workflows.find((each) => each.sid === input.integration.workflow_sid)?.friendly_name ?? '…';
  const flow = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 30_000, enabled: input.integration_type === 'studio' }).data?.find((each) => each.sid === input.integration.flow_sid);
  return (
    <p className="words" aria-live="polite">
      <b>{t('flows.words')}</b>{' '}
      {!input.enabled && <>{rich('flows.words.off')} </>}
      {input.integration_type === 'task' && rich('flows.words.task', { who, workflow })}
      {input.integration_type === 'studio' && rich('flows.words.studio', { who, flow: flow?.friendly_name ?? shortSid(input.integration.flow_sid || '…') })}
      {input.integration_type === 'external' && rich('flows.words.external', { who, url: input.integration.url || '…' })}{' '}
      {rich(input.long_lived ? 'flows.words.long' : input.janitor_enabled ? 'flows.words.janitor' : 'flows.words.open')}
    </p>
  );
}
