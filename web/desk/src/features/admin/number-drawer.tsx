import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { deleteCarrier, saveCarrier, type CarrierConnection, type CarrierField, type CarrierKind } from '../../api/carriers';
import { keys } from '../../api/keys';
import { useText } from '../../i18n';
import { CopyButton } from '../../ui/copy';
import { Drawer } from '../../ui/drawer';
import { explain } from '../../ui/errors';
import { Icon } from '../../ui/icons';
import { useToast } from '../../ui/toast';
import { Field } from './flow-fields';
import { formOf, inputOf, problemsOf, type NumberForm } from './number-form';
import { NumberTest } from './number-test';
import { useKindName } from './number-words';

/** A setting of the carrier's kind. The server names and explains it. */
function Setting({ field, value, kept, needed, set }: { field: CarrierField; value: string; kept: boolean; needed: boolean; set: (value: string) => void }) {
  const { t } = useText();
  const id = `n-${field.name}`;
  const shared = { id, className: 'input', dir: 'ltr' as const, value, 'aria-invalid': needed, 'aria-describedby': `${id}-help` };
  const help = [field.help, kept && t('numbers.kept')].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      {field.choices.length > 0
        ? <select {...shared} onChange={(event) => set(event.target.value)}>{!field.required && !field.default && <option value="" />}{field.choices.map((each) => <option key={each}>{each}</option>)}</select>
        : /\bkey$|certificate|private/.test(field.name) && field.secret
          ? <textarea {...shared} className="input code-in num-lines" spellCheck={false} autoComplete="off" onChange={(event) => set(event.target.value)} />
          : <input {...shared} type={field.secret ? 'password' : 'text'} placeholder={field.default} spellCheck={false} autoComplete={field.secret ? 'new-password' : 'off'} onChange={(event) => set(event.target.value)} />}
      {needed ? <p className="error-line" id={`${id}-help`}><Icon name="alert" size="xs" />{t('numbers.needed')}</p> : help && <p className="help" id={`${id}-help`}>{help}</p>}
    </div>
  );
}

function useRemove(onDone: () => void) {
  const cache = useQueryClient();
  const toast = useToast();
  const text = useText();
  return useMutation({
    mutationFn: deleteCarrier,
    onSuccess: () => {
      toast({ text: text.t('numbers.deleted'), seconds: 6 });
      onDone();
      return cache.invalidateQueries({ queryKey: keys.carriers });
    },
    onError: (error) => toast({ text: text.t('numbers.deleteFailed', { why: explain(error, text) }), icon: 'alert' }),
  });
}

function Entrance({ url }: { url: string }) {
  const { t } = useText();
  return (
    <div className="field">
      <span className="lab">{t('numbers.entrance')}</span>
      <div className="link-box"><code className="mono" dir="ltr">{url}</code><CopyButton text={url} label={t('td.copy')} /></div>
      <p className="help">{t('numbers.entranceHelp')}</p>
    </div>
  );
}

interface FieldsProps {
  kinds: CarrierKind[];
  kind?: CarrierKind;
  row?: CarrierConnection;
  form: NumberForm;
  problems: ReturnType<typeof problemsOf>;
  set: (form: NumberForm) => void;
}

function Fields({ kinds, kind, row, form, problems, set }: FieldsProps) {
  const { t } = useText();
  const kindName = useKindName();
  return (
    <>
      {!row && (
        <Field id="n-kind" label="numbers.kind" problem={problems.kind}>
          <select id="n-kind" className="input" value={form.kind} aria-invalid={Boolean(problems.kind)} aria-describedby="n-kind-help" onChange={(event) => set({ ...formOf(kinds.find((each) => each.name === event.target.value)), friendly_name: form.friendly_name, addresses: form.addresses })}>
            {!form.kind && <option value="" />}
            {kinds.map((each) => <option key={each.name} value={each.name}>{kindName(each.name)}</option>)}
          </select>
        </Field>
      )}
      <Field id="n-name" label="numbers.name" help="numbers.nameHelp">
        <input id="n-name" className="input" dir="auto" maxLength={64} value={form.friendly_name} aria-describedby="n-name-help" onChange={(event) => set({ ...form, friendly_name: event.target.value })} />
      </Field>
      {kind?.fields.map((field) => (
        <Setting
          key={`${kind.name} ${field.name}`} field={field} value={form.settings[field.name] ?? ''} kept={field.secret && Boolean(row?.secrets.includes(field.name))}
          needed={Boolean(problems[`settings.${field.name}`])} set={(value) => set({ ...form, settings: { ...form.settings, [field.name]: value } })}
        />
      ))}
      <Field id="n-addresses" label="numbers.addresses" help="numbers.addressesHelp" problem={problems.addresses}>
        <textarea id="n-addresses" className="input num-lines" dir="ltr" rows={3} spellCheck={false} value={form.addresses} aria-invalid={Boolean(problems.addresses)} aria-describedby="n-addresses-help" onChange={(event) => set({ ...form, addresses: event.target.value })} />
      </Field>
      <Field id="n-rate" label="numbers.rate" help="numbers.rateHelp">
        <input id="n-rate" className="input num num-in" type="number" min={0} max={10_000} value={form.rate} aria-describedby="n-rate-help" onChange={(event) => set({ ...form, rate: Math.max(0, Math.round(Number(event.target.value)) || 0) })} />
      </Field>
      <Field id="n-unknown" label="numbers.unknown">
        <select id="n-unknown" className="input" value={form.unknown} onChange={(event) => set({ ...form, unknown: event.target.value as NumberForm['unknown'] })}>
          {(['resend', 'fail'] as const).map((each) => <option key={each} value={each}>{t(`numbers.unknown.${each}`)}</option>)}
        </select>
      </Field>
      {row && <Entrance url={row.entrance} />}
    </>
  );
}

/** One connection to a carrier: its settings, the numbers that it carries, a test message. */
export function NumberDrawer({ kinds, row, onClose }: { kinds: CarrierKind[]; row?: CarrierConnection; onClose: () => void }) {
  const text = useText();
  const { t } = text;
  const cache = useQueryClient();
  const toast = useToast();
  const kindName = useKindName();
  const [form, set] = useState<NumberForm>(() => formOf(kinds.find((each) => each.name === row?.kind), row));
  const [changed, change] = useState(false);
  const [tried, setTried] = useState(false);
  const kind = kinds.find((each) => each.name === form.kind);
  const problems = problemsOf(form, kind, row);
  const remove = useRemove(onClose);
  const save = useMutation({
    mutationFn: () => saveCarrier(row?.sid, inputOf(form, kind!)),
    onSuccess: () => {
      toast({ text: t('numbers.saved'), seconds: 4 });
      onClose();
      return cache.invalidateQueries({ queryKey: keys.carriers });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problems).length === 0) save.mutate();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>('.drawer [aria-invalid="true"]')?.focus());
  };
  const footer = (
    <>
      {row && <button type="button" className="btn quiet danger" disabled={remove.isPending} onClick={() => remove.mutate(row.sid)}><Icon name="trash" size="s" />{t('numbers.delete')}</button>}
      <span className="push row">
        <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
        <button type="submit" form="number-form" className="btn primary" disabled={save.isPending}>{t(save.isPending ? 'state.saving' : 'state.save')}</button>
      </span>
    </>
  );
  const put = (next: NumberForm) => {
    set(next);
    change(true);
  };
  return (
    <Drawer title={row ? row.friendly_name || kindName(row.kind) : t('numbers.new')} subtitle={row && kindName(row.kind)} onClose={onClose} footer={footer}>
      <div className="form">
        <form className="col-16" id="number-form" onSubmit={submit} noValidate>
          {save.isError && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('numbers.saveFailed', { why: explain(save.error, text) })}</span></p>}
          <Fields kinds={kinds} kind={kind} row={row} form={form} problems={tried ? problems : {}} set={put} />
        </form>
        {row && row.addresses.length > 0 && <NumberTest row={row} changed={changed} />}
      </div>
    </Drawer>
  );
}
