import { useRef, useState } from 'preact/hooks';
import type { FieldSpec } from '../core/api.ts';
import { areChips, autocomplete, choicesOf, firstValue, problem, type Problem } from '../core/form.ts';
import { useAround, useView, useWords } from './context.ts';
import { Icon } from './icons.tsx';
import css from '../style/form.css?inline';
import { adopt } from './adopt.ts';

adopt(css);

/** What the flow wants to know before a chat starts. */
export function Form() {
  const { chat } = useAround();
  const words = useWords();
  const { config, starting, startFailed } = useView();
  const spec = config!.pre_engagement!;
  const [values, setValues] = useState(() => Object.fromEntries(spec.fields.map((f) => [f.attributes.name, firstValue(f, chat.answers)])));
  const [problems, setProblems] = useState<Record<string, Problem | undefined>>({});
  const form = useRef<HTMLFormElement>(null);

  const check = (f: FieldSpec) => problem(f, values[f.attributes.name] ?? '');
  const set = (f: FieldSpec, value: string) => {
    setValues({ ...values, [f.attributes.name]: value });
    // A mistake disappears while it is being mended, and is looked for again when the field is left.
    if (problems[f.attributes.name]) setProblems({ ...problems, [f.attributes.name]: undefined });
  };
  const leave = (f: FieldSpec) => {
    // Not at once: the line that appears would move a button away from under the press that took the focus.
    if (values[f.attributes.name]) setTimeout(() => setProblems((now) => ({ ...now, [f.attributes.name]: check(f) })), 250);
  };
  const submit = (e: Event) => {
    e.preventDefault();
    const found = Object.fromEntries(spec.fields.map((f) => [f.attributes.name, check(f)]));
    setProblems(found);
    const first = spec.fields.findIndex((f) => found[f.attributes.name]);
    if (first >= 0) form.current!.querySelector<HTMLElement>(`[data-at="${first}"]`)?.focus();
    else void chat.start(Object.fromEntries(Object.entries(values).filter(([, v]) => v.trim())));
  };

  const { greeting, notice, privacy_url } = config!.branding ?? {};
  return (
    <form class="f" ref={form} noValidate onSubmit={submit}>
      <div>
        <h2>{greeting || words.greeting}</h2>
        {spec.description && <p class="t13 c2">{spec.description}</p>}
      </div>
      {spec.fields.map((f, i) => (
        <Field key={f.attributes.name} field={f} at={i} value={values[f.attributes.name] ?? ''} problem={problems[f.attributes.name]} set={(v) => set(f, v)} leave={() => leave(f)} />
      ))}
      <div class="f-end">
        {startFailed && (
          <p class="help" role="alert">
            <Icon name="alert" of="xs" />
            {words.failedStart} {startFailed.status ? startFailed.message : words.unreachable}
          </p>
        )}
        <button class="btn primary full" type="submit" aria-disabled={starting}>
          {starting ? words.starting : spec.submit_label || words.start}
        </button>
        {(notice || privacy_url) && (
          <p class="t12 c3">
            {notice}{' '}
            {privacy_url && /^https?:/.test(privacy_url) && (
              <a class="link" href={privacy_url} target="_blank" rel="noopener noreferrer">
                {words.privacy}
              </a>
            )}
          </p>
        )}
      </div>
    </form>
  );
}

interface FieldProps {
  field: FieldSpec;
  at: number;
  value: string;
  problem: Problem | undefined;
  set(value: string): void;
  leave(): void;
}

function Field({ field, at, value, problem: wrong, set, leave }: FieldProps) {
  const words = useWords();
  const { attributes: a, label, type } = field;
  const id = 'f' + at;
  const help = id + 'e';
  const optional = !a.required && <span class="c3"> {words.optional}</span>;
  const common = {
    id,
    name: a.name,
    class: 'input',
    value,
    'data-at': at,
    'aria-invalid': !!wrong,
    'aria-describedby': wrong ? help : undefined,
    'aria-required': !!a.required,
    onBlur: leave,
  };
  const problemLine = wrong && (
    <span class="help" id={help}>
      <Icon name="alert" of="xs" />
      {wrong.kind === 'incomplete' ? words.problems.incomplete(wrong.after) : words.problems[wrong.kind]}
    </span>
  );
  if (areChips(field))
    return (
      <fieldset class="field" aria-describedby={wrong ? help : undefined}>
        <legend>
          {label}
          {optional}
        </legend>
        <div class="chips">
          {choicesOf(field).map((c, i) => (
            <label class="chip">
              <input type="radio" name={a.name} value={c.value} checked={value === c.value} data-at={i ? undefined : at} onChange={() => set(c.value)} />
              <Icon name="check" of="xs" />
              {c.label ?? c.value}
            </label>
          ))}
        </div>
        {problemLine}
      </fieldset>
    );
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional}
      </label>
      {type === 'SelectItem' ? (
        <select {...common} onChange={(e) => set(e.currentTarget.value)}>
          {!value && <option value="">{words.choose}</option>}
          {choicesOf(field).map((c) => (
            <option value={c.value}>{c.label ?? c.value}</option>
          ))}
        </select>
      ) : type === 'TextareaItem' ? (
        <textarea {...common} dir="auto" rows={3} placeholder={a.placeholder} readOnly={a.readOnly} onInput={(e) => set(e.currentTarget.value)} />
      ) : (
        <input {...common} dir="auto" type={inputType(a.type)} placeholder={a.placeholder} readOnly={a.readOnly} autocomplete={autocomplete(field)} onInput={(e) => set(e.currentTarget.value)} />
      )}
      {problemLine}
    </div>
  );
}

/** Types whose keyboard helps; all others are text. */
const inputType = (type = 'text') => (/^(email|tel|url|date)$/.test(type) ? (type as 'text') : 'text');
