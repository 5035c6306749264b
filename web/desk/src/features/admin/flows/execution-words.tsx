import type { Execution } from '../../../api/executions';
import { useText } from '../../../i18n';

/** What the customer of an execution is called, as far as its first message says it. */
export function customerOf(execution: Execution): string {
  const message = execution.context.trigger.message;
  if (!message || typeof message !== 'object' || Array.isArray(message)) return '';
  const attributes = message.ChannelAttributes;
  const from = attributes && typeof attributes === 'object' && !Array.isArray(attributes) ? attributes.from : undefined;
  return typeof from === 'string' ? from : '';
}

/** Active, ended or stuck. */
export function Status({ execution }: { execution: Execution }) {
  const { t } = useText();
  if (execution.usher.stuck) return <span className="tag amber">{t('runs.stuck')}</span>;
  if (execution.status === 'active') return <span className="tag green">{t('runs.active')}</span>;
  return <span className="tag">{t('runs.ended')}</span>;
}
