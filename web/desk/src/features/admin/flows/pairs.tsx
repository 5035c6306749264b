/** A list of keys and values: variables, parameters. What else an entry holds survives. */
import { useFlowText, type FlowKey } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';

type Pair = Record<string, unknown>;

interface Props {
  label: string;
  /** What one entry is called. */
  one: string;
  value: unknown;
  /** Entries say what their value becomes. */
  typed: boolean;
  onChange: (value: Pair[]) => void;
  help?: string;
  problem?: string;
}

const isPair = (value: unknown): value is Pair => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value));
const types: { value: string; label: FlowKey }[] = [
  { value: 'string', label: 'f.type.string' }, { value: 'number', label: 'f.type.number' }, { value: 'boolean', label: 'f.type.boolean' }, { value: 'json', label: 'f.type.document' },
];

const typeOf = (pair: Pair): string => {
  if (pair.parse_as_json === true || pair.parse_as_json === 'true') return 'json';
  if (typeof pair.value === 'number' || pair.type === 'number' || pair.type === 'integer') return 'number';
  return typeof pair.value === 'boolean' || pair.type === 'boolean' ? 'boolean' : 'string';
};

function withType(pair: Pair, type: string): Pair {
  const { type: _, parse_as_json: __, ...rest } = pair;
  const value = text(rest.value);
  return type === 'json' ? { ...rest, value, parse_as_json: true } : { ...rest, value, type };
}

export function Pairs({ label, one, value, typed, onChange, help, problem }: Props) {
  const { t } = useFlowText();
  const pairs = Array.isArray(value) ? value.filter(isPair) : [];
  const put = (at: number, pair: Pair) => onChange(pairs.map((each, other) => (other === at ? pair : each)));
  const name = (at: number) => t('in.pair', { what: one, n: at + 1 });
  return (
    <fieldset className="field pairs">
      <legend className="lab">{label}</legend>
      {pairs.map((pair, at) => (
        <div className="pair" key={at}>
          <input className="input" dir="auto" aria-label={`${name(at)}: ${t('in.key')}`} placeholder={t('in.key')} value={text(pair.key)} onChange={({ target }) => put(at, { ...pair, key: target.value })} />
          <button type="button" className="ib sm" aria-label={t('in.removePair', { name: name(at) })} onClick={() => onChange(pairs.filter((_, other) => other !== at))}><Icon name="close" size="s" /></button>
          <input className="input" dir="auto" aria-label={`${name(at)}: ${t('in.value')}`} placeholder={t('in.value')} value={text(pair.value)} onChange={({ target }) => put(at, { ...pair, value: target.value })} />
          {typed && (
            <select className="input" aria-label={`${name(at)}: ${t('in.type')}`} value={typeOf(pair)} onChange={({ target }) => put(at, withType(pair, target.value))}>
              {types.map((each) => <option key={each.value} value={each.value}>{t(each.label)}</option>)}
            </select>
          )}
        </div>
      ))}
      <span><button type="button" className="btn" onClick={() => onChange([...pairs, typed ? { key: '', value: '', type: 'string' } : { key: '', value: '' }])}><Icon name="plus" size="s" />{t('in.addPair')}<span className="vh"> {one}</span></button></span>
      {problem ? <p className="error-line"><Icon name="alert" size="xs" />{problem}</p> : help && <p className="help">{help}</p>}
    </fieldset>
  );
}
