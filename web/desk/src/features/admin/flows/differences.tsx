/** What two definitions differ in, widget by widget. */
import { useFlowText } from '../../../i18n/flows';
import { specOf } from './catalog';
import type { Difference, FlowDifference, WidgetDifference } from './diff';
import { Glyph } from './glyphs';

const tag = { added: 'green', removed: 'red', changed: 'acc', moved: '' } as const;
const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function Value({ side, value, way }: { side: 'before' | 'after'; value: unknown; way: boolean }) {
  const { t } = useFlowText();
  const text = value === undefined ? t('diff.nothing') : way && value === '' ? t('in.end') : shown(value) || '\u00a0';
  const Mark = side === 'before' ? 'del' : 'ins';
  return <Mark className={value === undefined ? 'dv none' : 'dv'}><span className="vh">{t(`diff.${side}`)} </span><span dir="auto">{text}</span></Mark>;
}

function Line({ difference, only }: { difference: Difference; only?: 'before' | 'after' }) {
  const { t } = useFlowText();
  const way = difference.kind === 'way';
  return (
    <div className="dl">
      <dt>{way ? t('diff.way', { event: difference.what }) : <code className="mono" dir="ltr">{difference.what}</code>}</dt>
      <dd>
        {only !== 'after' && <Value side="before" value={difference.before} way={way} />}
        {only !== 'before' && <Value side="after" value={difference.after} way={way} />}
      </dd>
    </div>
  );
}

function Widget({ widget }: { widget: WidgetDifference }) {
  const { t } = useFlowText();
  const spec = specOf(widget.type);
  const only = widget.kind === 'added' ? 'after' : widget.kind === 'removed' ? 'before' : undefined;
  return (
    <article className="dw" aria-label={widget.name}>
      <header className="row"><span className="ni"><Glyph name={spec.icon} /></span>
        <span className="grow"><b>{widget.name}</b> <span className="c3 t12">{spec.long ? t(spec.long) : widget.type}{widget.was !== undefined && ` · ${t('diff.was', { name: widget.was })}`}</span></span>
        <span className={`tag ${tag[widget.kind]}`}>{t(`diff.${widget.kind}`)}</span>
      </header>
      {widget.differences.length > 0 && <dl>{widget.differences.map((each, at) => <Line key={at} difference={each} only={only} />)}</dl>}
    </article>
  );
}

export function Differences({ changes }: { changes: FlowDifference }) {
  const { t } = useFlowText();
  const { widgets, flow } = changes;
  if (widgets.length === 0 && flow.length === 0) return <p className="c2">{t('rev.same')}</p>;
  const n = (kind: string) => widgets.filter((each) => each.kind === kind).length;
  return (
    <>
      <p className="c2 t13">{t('diff.summary', { added: n('added'), removed: n('removed'), changed: n('changed') })}</p>
      {flow.length > 0 && <article className="dw" aria-label={t('diff.flow')}><header className="row"><span className="ni"><Glyph name="subflow" /></span><b className="grow">{t('diff.flow')}</b></header><dl>{flow.map((each, at) => <Line key={at} difference={each} />)}</dl></article>}
      {widgets.map((widget) => <Widget key={`${widget.kind} ${widget.name}`} widget={widget} />)}
    </>
  );
}
