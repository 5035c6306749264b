import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ChangeEvent, type FormEvent } from 'react';
import { useNavigate } from 'react-router';
import { keys } from '../../../api/keys';
import { createStudioFlow, mistakesOf, validateStudio, type Mistake } from '../../../api/studio';
import { useText } from '../../../i18n';
import { useFlowText } from '../../../i18n/flows';
import { Drawer } from '../../../ui/drawer';
import { explain } from '../../../ui/errors';
import { Icon } from '../../../ui/icons';
import { lineOf, syntaxProblem } from './pointer';

const most = 1 << 20;

/** A definition out of what was pasted: an API's answer holds it under `definition`, sometimes as text. */
export function unwrap(source: string): string {
  try {
    let value: unknown = JSON.parse(source);
    while (value && typeof value === 'object' && !('states' in value) && 'definition' in value) value = typeof value.definition === 'string' ? JSON.parse(value.definition) : value.definition;
    return value && typeof value === 'object' && 'states' in value && JSON.stringify(value) !== JSON.stringify(JSON.parse(source)) ? JSON.stringify(value, null, 2) : source;
  } catch {
    return source;
  }
}

interface Check {
  source: string;
  mistakes: Mistake[];
  widgets: number;
}

/** What is wrong, each with its line. */
function Mistakes({ source, mistakes }: Check) {
  const { t, plural } = useFlowText();
  return (
    <div className="field" role="alert">
      <p className="m t13 c-red row g4"><Icon name="alert" size="s" />{plural('import.mistakes', mistakes.length)}</p>
      <ul className="mistakes">
        {mistakes.map((each, at) => {
          const line = lineOf(source, each.property_path);
          return <li key={at}><span className="tag">{line === undefined ? each.property_path : t('import.line', { line })}</span><span>{each.message} <code className="mono c3" dir="ltr">{each.property_path}</code></span></li>;
        })}
      </ul>
    </div>
  );
}

/** Takes a flow in as JSON: pasted, or out of a file. What has mistakes can come in as a draft. */
export function ImportDrawer({ onClose }: { onClose: () => void }) {
  const { t, plural } = useFlowText();
  const desk = useText();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [name, setName] = useState('');
  const [source, setSource] = useState('');
  const [file, setFile] = useState<{ name?: string; problem?: string }>({});
  const syntax = source.trim() ? syntaxProblem(source.replace(/^\ufeff/, '')) : undefined;
  const tooBig = source.length > most;
  const check = useMutation({
    mutationFn: async (text: string): Promise<Check> => {
      const states = (JSON.parse(text) as { states?: unknown } | null)?.states;
      return { source: text, mistakes: await validateStudio('-', text), widgets: Array.isArray(states) ? states.length : 0 };
    },
  });
  const make = useMutation({
    mutationFn: () => createStudioFlow({ name: name.trim() || suggested, definition: source, status: 'draft' }),
    onSuccess: async (flow) => {
      void cache.invalidateQueries({ queryKey: keys.studioFlows });
      await navigate(`/admin/flows/${flow.sid}`);
    },
  });
  const take = (text: string) => {
    const next = unwrap(text.replace(/^\ufeff/, ''));
    setSource(next);
    check.reset();
    make.reset();
    if (next.trim() && next.length <= most && !syntaxProblem(next)) check.mutate(next);
  };
  const read = ({ target }: ChangeEvent<HTMLInputElement>) => {
    const chosen = target.files?.[0];
    target.value = '';
    if (!chosen) return;
    if (chosen.size > 2 * most) return setFile({ name: chosen.name, problem: t('import.tooBig') });
    chosen.text().then((text) => {
      setFile({ name: chosen.name });
      setName((old) => old || chosen.name.replace(/\.json$/i, ''));
      take(text);
    }, () => setFile({ name: chosen.name, problem: t('import.unreadable') }));
    return undefined;
  };
  const result = check.data?.source === source ? check.data : undefined;
  const suggested = describe(source) || t('new.title');
  const ready = Boolean(source.trim()) && !syntax && !tooBig && Boolean(result);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) make.mutate();
  };
  const footer = (
    <>
      {result && result.mistakes.length === 0 && <span className="t12 c-green row g4" role="status"><Icon name="check" size="xs" />{plural('import.fine', result.widgets)}</span>}
      <span className="push row">
        <button type="button" className="btn" onClick={onClose}>{t('state.cancel')}</button>
        <button type="submit" form="import-flow" className="btn primary" disabled={!ready || make.isPending}>{t(result && result.mistakes.length > 0 ? 'import.doBroken' : 'import.do')}</button>
      </span>
    </>
  );
  const refused = mistakesOf(make.error);
  return (
    <Drawer title={t('import.title')} onClose={onClose} footer={footer}>
      <form className="form" id="import-flow" onSubmit={submit} noValidate>
        {make.isError && !refused && <p className="alert" role="alert"><Icon name="alert" size="s" /><span>{t('new.failed', { why: explain(make.error, desk) })}</span></p>}
        <div className="field">
          <label htmlFor="import-name">{t('import.name')}</label>
          <input id="import-name" className="input" dir="auto" maxLength={256} autoComplete="off" placeholder={source ? suggested : undefined} value={name} onChange={({ target }) => setName(target.value)} />
        </div>
        <div className="field">
          <span className="lab-row"><label htmlFor="import-json">{t('import.json')}</label>
            <span className="file-pick"><input type="file" id="import-file" accept=".json,application/json" aria-label={t('import.file')} onChange={read} /><label className="btn" htmlFor="import-file">{t('import.file')}</label></span>
          </span>
          <textarea id="import-json" className="input code-in" dir="ltr" spellCheck={false} rows={16} value={source} aria-invalid={Boolean(syntax) || tooBig} aria-describedby="import-help" onChange={({ target }) => take(target.value)} />
          <p className="help" id="import-help">{file.problem ?? (file.name ? t('import.chosen', { file: file.name }) : t('import.help'))}</p>
        </div>
        {tooBig && <p className="error-line" role="alert"><Icon name="alert" size="xs" />{t('import.tooBig')}</p>}
        {syntax && <p className="error-line" role="alert"><Icon name="alert" size="xs" />{syntax.line !== undefined && <span className="tag">{t('import.line', { line: syntax.line })}</span>}{t('import.syntax', { why: syntax.why })}</p>}
        {check.isPending && <p className="help" role="status">{t('import.checking')}</p>}
        {check.isError && <p className="error-line" role="alert"><Icon name="alert" size="xs" />{t('ed.checkFailed', { why: explain(check.error, desk) })}</p>}
        {result && result.mistakes.length > 0 && <Mistakes {...result} />}
        {refused && <Mistakes source={source} mistakes={refused} widgets={0} />}
      </form>
    </Drawer>
  );
}

function describe(source: string): string {
  try {
    const { description } = JSON.parse(source) as { description?: unknown };
    return typeof description === 'string' ? description.slice(0, 60) : '';
  } catch {
    return '';
  }
}
