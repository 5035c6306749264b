import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { rules, setRules, type Rules } from '../../api/janitor';
import { keys } from '../../api/keys';
import { useText, type Key } from '../../i18n';
import { explain } from '../../ui/errors';
import { useToast } from '../../ui/toast';
import { Field } from './flow-fields';

/** How long a flow's conversations may be quiet and are kept. A change is saved when its field is left. */
export function FlowRules({ flow }: { flow: string }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const query = useQuery({ queryKey: keys.rules(flow), queryFn: () => rules(flow), staleTime: 10_000 });
  const save = useMutation({
    mutationFn: (change: { QuietHours?: number; KeepDays?: number }) => setRules(flow, change),
    onSuccess: (saved) => {
      cache.setQueryData<Rules>(keys.rules(flow), saved);
      toast({ text: t('janitor.saved'), seconds: 4 });
    },
    onError: (error) => toast({ text: t('flows.saveFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
  if (!query.data) return null;
  const number = (id: string, label: Key, help: Key, value: number, most: number, put: (n: number) => void) => (
    <Field id={id} label={label} help={help}>
      <input id={id} className="input num" type="number" min={0} max={most} defaultValue={value} aria-describedby={`${id}-help`} onBlur={(event) => {
        const n = Math.min(most, Math.max(0, Math.round(Number(event.target.value) || 0)));
        event.target.value = String(n);
        if (n !== value) put(n);
      }} />
    </Field>
  );
  return (
    <div className="two">
      {number('f-quiet', 'janitor.quiet', 'janitor.quietHelp', query.data.quiet_hours, 8760, (n) => save.mutate({ QuietHours: n }))}
      {number('f-keep', 'janitor.keep', 'janitor.keepHelp', query.data.keep_days, 36500, (n) => save.mutate({ KeepDays: n }))}
    </div>
  );
}
