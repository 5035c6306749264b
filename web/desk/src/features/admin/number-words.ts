/** Names of the kinds of carriers; one that this desk does not know yet is called as the API calls it. */
import { useText } from '../../i18n';

const known = ['twilio', 'kannel', 'smpp', 'whatsapp', 'messenger', 'line', 'custom', 'sandbox'] as const;
type Known = (typeof known)[number];

export function useKindName(): (kind: string) => string {
  const { t } = useText();
  return (kind) => ((known as readonly string[]).includes(kind) ? t(`numbers.kind.${kind as Known}`) : kind);
}
