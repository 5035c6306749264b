/** Where a way out leads: a choice of widgets, so that everything can be connected by keyboard. */
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';
import { palette } from './catalog';
import { lead, type Definition, type Transition } from './definition';

interface Props {
  definition: Definition;
  /** Index of the widget, and of the way out among its transitions (-1: not mentioned yet). */
  at: number;
  index: number;
  transition: Transition;
  /** What has to happen. */
  word: string;
  problem?: string;
  onChange: (definition: Definition) => void;
  /** Makes a widget of a type and leads there. */
  onCreate: (way: number, event: string, type: string) => void;
}

const fresh = '\u0000';

export function Then({ definition, at, index, transition, word, problem, onChange, onCreate }: Props) {
  const { t } = useFlowText();
  const next = transition.next ?? '';
  const names = [...new Set(definition.states.filter((state) => state.type !== 'trigger' && state.name).map((state) => state.name))];
  return (
    <div className="then">
      <span className={`dot ${next ? 'acc-dot' : 'hollow'}`} />
      <span className="grow ell" title={transition.event}>{word}</span>
      <select
        className="input" aria-label={t('in.thenGo', { event: word })} value={next} aria-invalid={Boolean(problem)}
        onChange={({ target }) => (target.value.startsWith(fresh) ? onCreate(index, transition.event, target.value.slice(1)) : onChange(lead(definition, at, index, transition.event, target.value || undefined)))}
      >
        <option value="">{t('in.end')}</option>
        {next && !names.includes(next) && <option value={next}>{t('in.missing', { name: next })}</option>}
        <optgroup label={t('add.widgets')}>{names.map((name) => <option key={name} value={name}>{name}</option>)}</optgroup>
        <optgroup label={t('add.new')}>{palette.map((spec) => <option key={spec.type} value={fresh + spec.type}>+ {t(spec.long!)}</option>)}</optgroup>
      </select>
      {problem && <p className="error-line"><Icon name="alert" size="xs" />{problem}</p>}
    </div>
  );
}
