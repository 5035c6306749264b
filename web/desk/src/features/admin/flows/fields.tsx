/** The inspector's controls: one per kind of property. */
import { useQuery } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import { studioFlows } from '../../../api/flex';
import { keys } from '../../../api/keys';
import { taskChannels, workflows } from '../../../api/taskrouter';
import { useFlowText, type FlowKey } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { MenuButton, MenuItem } from '../../../ui/menu';
import { Switch } from '../../../ui/switch';
import { valuesOf, type FieldSpec } from './catalog';
import type { Definition, Properties } from './definition';
import { Glyph } from './glyphs';
import { Pairs } from './pairs';

export interface FieldProps {
  spec: FieldSpec;
  properties: Properties;
  definition: Definition;
  /** The server's mistake about it. */
  problem?: string;
  /** Undefined takes the property away. */
  onChange: (value: unknown) => void;
}

/** A property as text: documents and numbers in their JSON form. */
export const shown = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value));

interface SlotProps {
  id: string;
  label: string;
  help?: ReactNode;
  problem?: string;
  action?: ReactNode;
  children: ReactNode;
}

/** A label, its control, and help or what is wrong. */
export function Slot({ id, label, help, problem, action, children }: SlotProps) {
  return (
    <div className="field">
      <span className="lab-row"><label htmlFor={id}>{label}</label>{action}</span>
      {children}
      {problem ? <p className="error-line" id={`${id}-help`}><Icon name="alert" size="xs" />{problem}</p> : help && <p className="help" id={`${id}-help`}>{help}</p>}
    </div>
  );
}

interface TextProps {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  definition: Definition;
  help?: ReactNode;
  problem?: string;
  /** Rows; 1 is a line. */
  rows?: number;
  code?: boolean;
}

/** A text that may hold templates, with a list of the values that it could hold. */
export function TemplateField({ id, label, value, onChange, definition, help, problem, rows = 1, code }: TextProps) {
  const { t } = useFlowText();
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const insert = (path: string) => {
    const at = field.current?.selectionStart ?? value.length;
    const to = field.current?.selectionEnd ?? at;
    const tag = `{{${path}}}`;
    onChange(value.slice(0, at) + tag + value.slice(to));
    requestAnimationFrame(() => {
      field.current?.focus();
      const caret = at + tag.length - (path.endsWith('.') ? 2 : 0);
      field.current?.setSelectionRange(caret, caret);
    });
  };
  const shared = {
    id, ref: field, value, spellCheck: code ? false : undefined, 'aria-invalid': Boolean(problem), 'aria-describedby': help || problem ? `${id}-help` : undefined, autoComplete: 'off',
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  };
  const menu = (
    <MenuButton
      label={`${t('in.insert')}: ${label}`} className="values"
      button={(props) => <button type="button" className="ib xs" aria-label={`${t('in.insert')}: ${label}`} title={t('in.insert')} {...props}><Glyph name="set" size="s" /></button>}
    >
      {valuesOf(definition).map((path) => <MenuItem key={path} onSelect={() => insert(path)}><bdi dir="ltr" className="mono ell">{path}</bdi></MenuItem>)}
    </MenuButton>
  );
  return (
    <Slot id={id} label={label} help={help} problem={problem} action={menu}>
      {rows > 1 ? <textarea {...shared} rows={rows} className={`input${code ? ' code-in' : ''}`} dir={code ? 'ltr' : 'auto'} /> : <input {...shared} className="input" dir="auto" />}
    </Slot>
  );
}

/** Says whether a text becomes JSON once its templates are filled in. */
export function jsonProblem(source: string): { why: string } | { shape: true } | undefined {
  if (!source.trim()) return undefined;
  let why = '';
  for (const candidate of [source, source.replace(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, '0')]) {
    try {
      const value: unknown = JSON.parse(candidate);
      return value && typeof value === 'object' && !Array.isArray(value) ? undefined : { shape: true };
    } catch (error) {
      why ||= error instanceof Error ? error.message : '';
    }
  }
  return { why };
}

function JsonField({ spec, properties, definition, problem, onChange }: FieldProps) {
  const { t } = useFlowText();
  const value = shown(properties[spec.property]);
  const own = jsonProblem(value);
  const wrong = problem ?? (own && ('why' in own ? t('in.jsonBad', { why: own.why }) : t('in.jsonObject')));
  const good = value.trim() && <span className="row g4 c-green"><Icon name="check" size="xs" />{t('in.jsonOk')}</span>;
  return (
    <TemplateField
      id={`in-${spec.property}`} label={t(spec.label)} value={value} rows={Math.min(14, Math.max(4, 1 + value.split('\n').reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 34)), 0)))} code definition={definition}
      onChange={(next) => onChange(next === '' ? undefined : next)} problem={wrong} help={<>{good}{spec.help && t(spec.help)}</>}
    />
  );
}

interface ChoiceProps {
  id: string;
  label: string;
  value: string;
  options: { value: string; text: string; also?: string }[];
  onChange: (value: string) => void;
  problem?: string;
  help?: string;
}

/** One of a list, or a value written by hand (a template, an SID of somewhere else). */
export function Choice({ id, label, value, options, onChange, problem, help }: ChoiceProps) {
  const { t } = useFlowText();
  const [byHand, setByHand] = useState(false);
  const known = options.find((each) => each.value === value || (each.also !== undefined && each.also === value));
  return (
    <Slot id={id} label={label} problem={problem} help={help}>
      <select
        id={id} className="input" value={byHand ? '\u0000' : known ? known.value : value} aria-invalid={Boolean(problem)}
        onChange={(event) => {
          setByHand(event.target.value === '\u0000');
          if (event.target.value !== '\u0000') onChange(event.target.value);
        }}
      >
        {!known && value === '' && <option value="">{t('in.choose')}</option>}
        {options.map((each) => <option key={each.value} value={each.value}>{each.text}</option>)}
        {!known && value !== '' && <option value={value}>{t('in.other', { value })}</option>}
        <option value={'\u0000'}>{t('in.byHand')}</option>
      </select>
      {byHand && <input className="input mono" dir="ltr" aria-label={`${label}: ${t('in.byHand')}`} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Slot>
  );
}

function useOptions(kind: FieldSpec['kind']): ChoiceProps['options'] {
  const { t } = useFlowText();
  const flows = useQuery({ queryKey: keys.workflows, queryFn: workflows, staleTime: 30_000, enabled: kind === 'workflow' }).data ?? [];
  const channels = useQuery({ queryKey: keys.taskChannels, queryFn: taskChannels, staleTime: 30_000, enabled: kind === 'taskChannel' }).data ?? [];
  const studio = useQuery({ queryKey: keys.studioFlows, queryFn: studioFlows, staleTime: 30_000, enabled: kind === 'flow' }).data ?? [];
  const plain = (values: string[]) => values.map((value) => ({ value, text: value }));
  switch (kind) {
    case 'workflow': return flows.map((each) => ({ value: each.sid, text: each.friendly_name }));
    case 'taskChannel': return channels.map((each) => ({ value: each.sid, text: each.friendly_name, also: each.unique_name }));
    case 'flow': return studio.map((each) => ({ value: each.sid, text: each.friendly_name }));
    case 'revision': return [{ value: 'LatestPublished', text: t('f.LatestPublished') }, { value: 'LatestRevision', text: t('f.LatestRevision') }];
    case 'method': return plain(['GET', 'POST']);
    case 'contentType': return [
      { value: 'application/x-www-form-urlencoded;charset=utf-8', text: t('f.type.form'), also: 'application/x-www-form-urlencoded' },
      { value: 'application/json;charset=utf-8', text: t('f.type.json'), also: 'application/json' },
    ];
    default: return [];
  }
}

function ChoiceField({ spec, properties, problem, onChange }: FieldProps) {
  const { t } = useFlowText();
  return <Choice id={`in-${spec.property}`} label={t(spec.label)} value={shown(properties[spec.property])} options={useOptions(spec.kind)} onChange={onChange} problem={problem} help={spec.help && t(spec.help)} />;
}

/** What the pairs of a field are called one by one. */
const one: Record<string, FlowKey> = { variables: 'f.variable', parameters: 'f.parameter' };

/** One property of a widget, asked for in the way its kind needs. */
export function PropertyField(props: FieldProps) {
  const { spec, properties, definition, problem, onChange } = props;
  const { t } = useFlowText();
  const id = `in-${spec.property}`;
  const value = properties[spec.property];
  const help = spec.help && t(spec.help);
  switch (spec.kind) {
    case 'json':
      return <JsonField {...props} />;
    case 'pairs':
    case 'variables':
      return <Pairs label={t(spec.label)} one={t(one[spec.property] ?? 'f.parameter')} value={value} typed={spec.kind === 'variables'} onChange={onChange} help={help} problem={problem} />;
    case 'switch':
      return (
        <div className="row"><span className="grow t13" id={id}>{t(spec.label)}</span><Switch on={value === true || value === 'true'} labelledBy={id} onChange={(on) => onChange(on || undefined)} /></div>
      );
    case 'number':
      return (
        <Slot id={id} label={t(spec.label)} help={help} problem={problem}>
          <input
            id={id} className="input num" inputMode="numeric" dir="ltr" value={shown(value)} aria-invalid={Boolean(problem)} aria-describedby={help || problem ? `${id}-help` : undefined} autoComplete="off"
            onChange={({ target }) => onChange(target.value === '' ? undefined : typeof value === 'number' && /^\d+$/.test(target.value) ? Number(target.value) : target.value)}
          />
        </Slot>
      );
    case 'text':
    case 'template':
    case 'long':
      return <TemplateField id={id} label={t(spec.label)} value={shown(value)} onChange={(next) => onChange(next === '' && !(spec.property in properties) ? undefined : next)} definition={definition} help={help} problem={problem} rows={spec.kind === 'long' ? 4 : 1} />;
    default:
      return <ChoiceField {...props} />;
  }
}
