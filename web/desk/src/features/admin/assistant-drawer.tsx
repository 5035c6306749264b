import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { assistant, saveAssistant, type Assistant, type AssistantInput } from '../../api/connections';
import { keys } from '../../api/keys';
import { useText, type Key } from '../../i18n';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { ErrorState, SkeletonRows, useSlow } from '../../ui/states';
import { useToast } from '../../ui/toast';
import { callable } from './connection-drawer';
import { Field } from './flow-fields';

function NumberField({ id, label, most, value, set }: { id: string; label: Key; most: number; value: number; set: (value: number) => void }) {
  return (
    <Field id={id} label={label}>
      <input id={id} className="input num" type="number" min={1} max={most} value={value} onChange={(event) => set(Math.min(most, Math.max(1, Math.floor(Number(event.target.value) || 1))))} />
    </Field>
  );
}

function Form({ row, onClose }: { row: Assistant; onClose: () => void }) {
  const text = useText();
  const { t, rich } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const [input, setInput] = useState<AssistantInput>(() => ({ url: row.assistant_url, model: row.model, instructions: row.instructions, turns: row.turns, output: row.output, seconds: row.seconds }));
  const [tried, setTried] = useState(false);
  const set = (change: Partial<AssistantInput>) => setInput((old) => ({ ...old, ...change }));
  const save = useMutation({
    mutationFn: () => saveAssistant(input),
    onSuccess: () => {
      toast({ text: t('outside.saved'), seconds: 4 });
      onClose();
      return cache.invalidateQueries({ queryKey: keys.assistant });
    },
  });
  const url = input.url.trim();
  const wrongUrl = url !== '' && !callable(url);
  const noModel = url !== '' && !input.model.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!wrongUrl && !noModel) save.mutate();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>('.drawer [aria-invalid="true"]')?.focus());
  };
  const footer = (
    <span className="push row">
      <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
      <button type="submit" form="assistant-form" className="btn primary" disabled={save.isPending}>{t(save.isPending ? 'state.saving' : 'state.save')}</button>
    </span>
  );
  return (
    <Drawer title={t('assistant.title')} subtitle={t(row.enabled ? 'assistant.on' : 'assistant.off')} onClose={onClose} footer={footer}>
      <form className="form" id="assistant-form" onSubmit={submit} noValidate>
        {save.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('outside.saveFailed', { why: explain(save.error, text) })}</span></p>}
        <p className="words">{rich('assistant.words')}</p>
        <Field id="a-url" label="assistant.url" help="assistant.urlHelp" problem={tried && wrongUrl ? 'assistant.badUrl' : undefined}>
          <input id="a-url" className="input" dir="ltr" spellCheck={false} value={input.url} aria-invalid={tried && wrongUrl} aria-describedby="a-url-help" onChange={(event) => set({ url: event.target.value })} />
        </Field>
        <Field id="a-model" label="assistant.model" problem={tried && noModel ? 'assistant.needModel' : undefined}>
          <input id="a-model" className="input" dir="ltr" spellCheck={false} value={input.model} aria-invalid={tried && noModel} onChange={(event) => set({ model: event.target.value })} />
        </Field>
        <Field id="a-key" label="assistant.key" help={row.has_key ? 'assistant.keyKept' : 'assistant.keyHelp'}>
          <input id="a-key" className="input" dir="ltr" type="password" autoComplete="off" value={input.key ?? ''} aria-describedby="a-key-help" onChange={(event) => set({ key: event.target.value || undefined })} />
        </Field>
        <Field id="a-instructions" label="assistant.instructions" help="assistant.instructionsHelp">
          <textarea id="a-instructions" className="input" rows={6} maxLength={16000} value={input.instructions} aria-describedby="a-instructions-help" onChange={(event) => set({ instructions: event.target.value })} />
        </Field>
        <div className="two">
          <NumberField id="a-turns" label="assistant.turns" most={50} value={input.turns} set={(turns) => set({ turns })} />
          <NumberField id="a-seconds" label="assistant.seconds" most={30} value={input.seconds} set={(seconds) => set({ seconds })} />
        </div>
        <NumberField id="a-output" label="assistant.output" most={10000} value={input.output} set={(output) => set({ output })} />
        <p className="help">{t('assistant.limitsHelp')}</p>
      </form>
    </Drawer>
  );
}

/** The endpoint that assistant widgets ask, and its limits. */
export function AssistantDrawer({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const query = useQuery({ queryKey: keys.assistant, queryFn: assistant, staleTime: 10_000 });
  const slow = useSlow(query.isPending);
  if (query.data) return <Form row={query.data} onClose={onClose} />;
  return (
    <Drawer title={t('assistant.title')} onClose={onClose}>
      <div className="form">
        {query.isError ? <ErrorState title={t('admin.failed')} error={query.error} retry={() => void query.refetch()} /> : slow && <SkeletonRows rows={5} />}
      </div>
    </Drawer>
  );
}
