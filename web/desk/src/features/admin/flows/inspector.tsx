/** What the chosen widget does: a form per type, where it leads, and everything it keeps as JSON. */
import { useEffect, useState, type ReactNode } from 'react';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { MenuButton, MenuItem } from '../../../ui/menu';
import { specOf, waysOf } from './catalog';
import { nameProblem, rename, setProperties, setProperty, type Definition, type Properties, type State } from './definition';
import { PropertyField, Slot } from './fields';
import { Glyph } from './glyphs';
import { Split } from './split';
import { Then } from './then';
import { wayWord } from './words';

interface Props {
  definition: Definition;
  at: number;
  /** Mistakes of this widget by pointer within it. */
  problems: ReadonlyMap<string, string>;
  onChange: (definition: Definition, key?: string) => void;
  /** After another name was given. */
  onRenamed: (name: string) => void;
  onCreate: (way: number, event: string, type: string) => void;
  onDuplicate: () => void;
  onDelete: () => void;
  onClose: () => void;
}

function NameField({ definition, at, state, problem, onRename }: { definition: Definition; at: number; state: State; problem?: string; onRename: (name: string) => void }) {
  const { t } = useFlowText();
  const [draft, setDraft] = useState(state.name);
  useEffect(() => setDraft(state.name), [state.name]);
  const wrong = draft === state.name ? undefined : nameProblem(definition, at, draft.trim());
  const words = { empty: 'in.nameEmpty', taken: 'in.nameTaken', ended: 'in.nameEnded', letters: 'in.nameLetters' } as const;
  const keep = () => {
    if (draft.trim() === state.name) setDraft(state.name);
    else if (!wrong) onRename(draft.trim());
  };
  return (
    <Slot id="in-name" label={t('in.name')} problem={wrong ? t(words[wrong]) : problem}>
      <input
        id="in-name" className="input" dir="auto" autoComplete="off" value={draft} aria-invalid={Boolean(wrong ?? problem)} aria-describedby={wrong ?? problem ? 'in-name-help' : undefined}
        onChange={({ target }) => setDraft(target.value)} onBlur={keep}
        onKeyDown={(event) => {
          if (event.key === 'Enter') keep();
          if (event.key === 'Escape') setDraft(state.name);
        }}
      />
    </Slot>
  );
}

/** All properties as a document. What is no object waits here and changes nothing. */
function Raw({ properties, onChange }: { properties: Properties; onChange: (properties: Properties) => void }) {
  const { t } = useFlowText();
  const [draft, setDraft] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const value = draft ?? JSON.stringify(properties, null, 2);
  const write = (next: string) => {
    setDraft(next);
    try {
      const parsed: unknown = JSON.parse(next);
      const fits = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
      setProblem(fits ? undefined : t('in.rawBad', { why: t('in.rawShape') }));
      if (fits) onChange(parsed as Properties);
    } catch (error) {
      setProblem(t('in.rawBad', { why: error instanceof Error ? error.message : '' }));
    }
  };
  return (
    <Slot id="in-raw" label={t('in.raw')} help={t('in.rawHelp')} problem={problem}>
      <textarea
        id="in-raw" className="input code-in" dir="ltr" spellCheck={false} rows={12} value={value} aria-invalid={Boolean(problem)} aria-describedby="in-raw-help"
        onChange={({ target }) => write(target.value)} onBlur={() => problem || setDraft(undefined)}
      />
    </Slot>
  );
}

function Fields({ definition, at, state, problems, onChange }: Pick<Props, 'definition' | 'at' | 'problems' | 'onChange'> & { state: State }) {
  const { t } = useFlowText();
  const spec = specOf(state.type);
  const field = (property: string) => {
    const each = [...spec.fields, ...spec.more].find((one) => one.property === property)!;
    return (
      <PropertyField
        key={property} spec={each} properties={state.properties} definition={definition} problem={problems.get(`/properties/${property}`)}
        onChange={(value) => onChange(setProperty(definition, at, property, value === '' && spec.more.includes(each) ? undefined : value), `${state.name}.${property}`)}
      />
    );
  };
  const shown = spec.fields.filter((each) => !each.when || each.when(state.properties));
  const rows: ReactNode[] = [];
  for (let index = 0; index < shown.length; index++) {
    const each = shown[index]!;
    const other = each.half ? shown[index + 1] : undefined;
    rows.push(other ? <div className="two" key={each.property}>{field(each.property)}{field(other.property)}</div> : field(each.property));
    if (other) index++;
  }
  const wrong = spec.more.some((each) => problems.has(`/properties/${each.property}`));
  return (
    <>
      {rows}
      {spec.more.length > 0 && <details className="more-fields" open={wrong || undefined}><summary>{t('in.more.fields')}</summary><div className="form-part">{spec.more.map((each) => field(each.property))}</div></details>}
    </>
  );
}

function Ways({ definition, at, state, problems, onChange, onCreate }: Pick<Props, 'definition' | 'at' | 'problems' | 'onChange' | 'onCreate'> & { state: State }) {
  const text = useFlowText();
  const ways = waysOf(state).filter(({ transition }) => state.type !== 'split-based-on' || transition.event !== 'match');
  if (ways.length === 0) return null;
  return (
    <fieldset className="field ways">
      <legend className="lab">{text.t('in.then')}</legend>
      {ways.map(({ transition, at: index }) => (
        <Then
          key={`${index} ${transition.event}`} definition={definition} at={at} index={index} transition={transition} word={wayWord(state, transition, text)}
          problem={problems.get(`/transitions/${index}/next`)} onChange={onChange} onCreate={onCreate}
        />
      ))}
    </fieldset>
  );
}

export function Inspector(props: Props) {
  const { definition, at, problems, onChange, onRenamed, onCreate, onDuplicate, onDelete, onClose } = props;
  const { t } = useFlowText();
  const state = definition.states[at]!;
  const spec = specOf(state.type);
  const first = state.name === definition.initial_state && state.type === 'trigger';
  const shared = { definition, at, state, problems, onChange };
  const about = spec.kind === 'voice' ? 'ed.notForMessagesText' : spec.kind === 'retired' ? 'ed.retiredText' : spec.kind === 'unknown' ? 'ed.unknownText' : undefined;
  return (
    <aside className="ed-in" aria-label={t('in.title')}>
      <header className="ed-h">
        <span className="ni"><Glyph name={spec.icon} /></span>
        <h2 className="title ell grow">{spec.long ? t(spec.long) : state.type}</h2>
        {!first && (
          <MenuButton
            label={t('in.more')} className="at-end"
            button={(menu) => <button type="button" className="ib sm" aria-label={t('in.more')} {...menu}><Glyph name="more" size="s" /></button>}
          >
            <MenuItem onSelect={onDuplicate}><Icon name="copy" size="s" />{t('in.duplicate')}</MenuItem>
            <MenuItem onSelect={onDelete}><Icon name="trash" size="s" />{t('in.delete')}</MenuItem>
          </MenuButton>
        )}
        <button type="button" className="ib sm" aria-label={t('in.close')} onClick={onClose}><Icon name="close" size="s" /></button>
      </header>
      <div className="form">
        {about && <p className="words"><b>{t(spec.kind === 'voice' ? 'ed.notForMessages' : spec.kind === 'retired' ? 'ed.retired' : 'ed.unknown')}</b> {t(about)}</p>}
        <NameField key={at} {...shared} problem={problems.get('/name')} onRename={(name) => { onChange(rename(definition, at, name)); onRenamed(name); }} />
        {state.type === 'split-based-on' ? <Split {...shared} onCreate={onCreate} /> : <Fields {...shared} />}
        <Ways {...shared} onCreate={onCreate} />
        <details className="more-fields" open={spec.kind !== 'messaging' || undefined}>
          <summary>{t('in.raw')}</summary>
          <div className="form-part"><Raw key={at} properties={state.properties} onChange={(properties) => onChange(setProperties(definition, at, properties), `${state.name}.raw`)} /></div>
        </details>
      </div>
    </aside>
  );
}
