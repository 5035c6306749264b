/** The conditions of a split: each a way out, tried from the top. */
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { comparesWithValue, conditionName, isOperator, operators } from './catalog';
import { setProperty, setTransitions, type Condition, type Definition, type State, type Transition } from './definition';
import { shown, TemplateField } from './fields';
import { Glyph } from './glyphs';
import { Then } from './then';

interface Props {
  definition: Definition;
  at: number;
  state: State;
  /** Mistakes by pointer within the widget. */
  problems: ReadonlyMap<string, string>;
  onChange: (definition: Definition, key?: string) => void;
  onCreate: (way: number, event: string, type: string) => void;
}

const matches = (state: State) => state.transitions.map((transition, index) => ({ transition, index })).filter(({ transition }) => transition.event === 'match');
const inputOf = (state: State) => shown(state.properties.input);

/** A condition changed, its name with it unless somebody gave it one of its own. */
function renamed(before: Condition, change: Partial<Condition>): Condition {
  const after = { ...before, ...change };
  return !before.friendly_name || before.friendly_name === conditionName(before) ? { ...after, friendly_name: conditionName(after) } : after;
}

const help: Record<string, 'split.list' | 'split.date' | 'split.time' | 'split.regex'> = {
  matches_any_of: 'split.list', does_not_match_any_of: 'split.list', is_before_date: 'split.date', is_after_date: 'split.date', is_before_time: 'split.time', is_after_time: 'split.time', regex: 'split.regex',
};

function ConditionFields({ condition, name, input, id, problems, place, onChange, onRemove }: {
  condition: Condition; name: string; input: string; id: string; problems: Props['problems']; place: string; onChange: (condition: Condition) => void; onRemove?: () => void;
}) {
  const { t } = useFlowText();
  const argument = shown(condition.arguments?.[0]);
  const wrong = problems.get(`${place}/value`) ?? problems.get(`${place}/type`);
  const hint = help[condition.type];
  return (
    <div className="condition">
      {argument !== input && argument !== '' && <code className="mono c3 ell" dir="ltr" title={t('split.argument')}>{argument}</code>}
      <div className="row g4">
        <select className="input" aria-label={`${name}: ${t('split.operator')}`} value={condition.type} onChange={({ target }) => onChange(renamed(condition, { type: target.value }))}>
          {operators.map((each) => <option key={each} value={each}>{t(`op.${each}`)}</option>)}
          {!isOperator(condition.type) && <option value={condition.type}>{condition.type}</option>}
        </select>
        {onRemove && <button type="button" className="ib sm" aria-label={t('in.removePair', { name })} onClick={onRemove}><Icon name="close" size="s" /></button>}
      </div>
      {comparesWithValue(condition.type) && (
        <input className="input" dir="auto" id={id} aria-label={`${name}: ${t('split.value')}`} placeholder={t('split.value')} value={shown(condition.value)} aria-invalid={Boolean(wrong)} onChange={({ target }) => onChange(renamed(condition, { value: target.value }))} />
      )}
      {wrong ? <p className="error-line"><Icon name="alert" size="xs" />{wrong}</p> : hint && <p className="help">{t(hint)}</p>}
    </div>
  );
}

export function Split({ definition, at, state, problems, onChange, onCreate }: Props) {
  const { t } = useFlowText();
  const all = matches(state);
  const input = inputOf(state);
  const put = (transitions: Transition[], key?: string) => onChange(setTransitions(definition, at, transitions), key);
  const change = (index: number, fn: (transition: Transition) => Transition, key?: string) => put(state.transitions.map((each, other) => (other === index ? fn(each) : each)), key);
  const fresh = (): Condition => {
    const condition = { arguments: [input], type: 'equal_to', value: '' };
    return { friendly_name: conditionName(condition), ...condition };
  };
  const setInput = (value: string) => {
    // Conditions that test the same value go on doing so.
    const transitions = state.transitions.map((each) => (each.conditions?.some((one) => one.arguments?.[0] === input)
      ? { ...each, conditions: each.conditions.map((one) => (one.arguments?.[0] === input ? { ...one, arguments: [value, ...one.arguments.slice(1)] } : one)) } : each));
    onChange(setProperty(setTransitions(definition, at, transitions), at, 'input', value), `${state.name}.input`);
  };
  const swap = (nth: number) => {
    const [above, below] = [all[nth - 1]!.index, all[nth]!.index];
    put(state.transitions.map((each, index) => (index === above ? state.transitions[below]! : index === below ? state.transitions[above]! : each)));
  };
  return (
    <>
      <TemplateField id="in-input" label={t('f.input')} value={input} onChange={setInput} definition={definition} problem={problems.get('/properties/input')} />
      <fieldset className="field">
        <legend className="lab">{t('split.branches')}</legend>
        {all.map(({ transition, index }, nth) => {
          const name = t('split.branch', { n: nth + 1 });
          const conditions = transition.conditions ?? [];
          const setConditions = (next: Condition[], key?: string) => change(index, (each) => ({ ...each, conditions: next }), key);
          return (
            <div className="branch" key={index} role="group" aria-label={name}>
              <div className="row"><span className="m t13 grow">{name}</span>
                {nth > 0 && <button type="button" className="ib xs" aria-label={t('split.up', { n: nth + 1 })} onClick={() => swap(nth)}><Glyph name="up" size="s" /></button>}
                <button type="button" className="ib xs" aria-label={t('split.remove', { n: nth + 1 })} onClick={() => put(state.transitions.filter((_, other) => other !== index))}><Icon name="trash" size="s" /></button>
              </div>
              {conditions.map((condition, each) => (
                <ConditionFields
                  key={each} condition={condition} input={input} problems={problems} place={`/transitions/${index}/conditions/${each}`} id={`in-condition-${nth}-${each}`}
                  name={each === 0 ? name : `${name} ${t('split.and')} ${each + 1}`}
                  onChange={(next) => setConditions(conditions.map((old, other) => (other === each ? next : old)), `${state.name}.condition.${index}.${each}`)}
                  onRemove={conditions.length > 1 ? () => setConditions(conditions.filter((_, other) => other !== each)) : undefined}
                />
              ))}
              {problems.get(`/transitions/${index}/conditions`) && <p className="error-line"><Icon name="alert" size="xs" />{problems.get(`/transitions/${index}/conditions`)}</p>}
              <div className="row">
                <button type="button" className="link t12" onClick={() => setConditions([...conditions, fresh()])}>{t('split.addAnd')}<span className="vh"> {name}</span></button>
              </div>
              <Then definition={definition} at={at} transition={transition} index={index} word={name} problem={problems.get(`/transitions/${index}/next`)} onChange={onChange} onCreate={onCreate} />
            </div>
          );
        })}
        <span><button type="button" className="btn" onClick={() => put([...state.transitions, { event: 'match', conditions: [fresh()] }])}><Icon name="plus" size="s" />{t('split.add')}</button></span>
        <p className="help">{t('split.help')}</p>
      </fieldset>
    </>
  );
}
