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

/** Active, ended or stuck, and whether something went wrong. */
export function Status({ execution }: { execution: Execution }) {
  const { t } = useText();
  const { stuck, problem } = execution.usher;
  return (
    <>
      {stuck ? <span className="tag amber">{t('runs.stuck')}</span>
        : execution.status === 'active' ? <span className="tag green">{t('runs.active')}</span> : <span className="tag">{t('runs.ended')}</span>}
      {problem && <span className="tag red">{t('runs.problem')}</span>}
    </>
  );
}

/** A problem in a line: where, what, which code. */
export const problemText = ({ widget, message, code }: { widget: string; message: string; code: number }): string =>
  `${widget}: ${message}${code > 0 ? ` (${code})` : ''}`;
