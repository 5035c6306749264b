/** What is wrong with a flow, and where: the server's mistakes and our own warnings. Pure. */
import type { Mistake } from '../../../api/studio';
import type { FlowTranslator } from '../../../i18n/flows';
import { specOf, waysOf } from './catalog';
import { idsOf, reachable, type Definition } from './definition';
import { foreign, type Severity } from './graph';
import { placeOf } from './pointer';
import { wayWord } from './words';

export interface Problem {
  severity: Severity;
  /** The widget's id; none is the flow itself. */
  id?: string;
  /** JSON pointer within the widget. */
  within: string;
  message: string;
}

/** The server's mistakes by widget: the definition is the one that was sent. */
export function fromMistakes(mistakes: readonly Mistake[], definition: Definition): Problem[] {
  const ids = idsOf(definition);
  return mistakes.map(({ message, property_path }) => {
    const { state, within } = placeOf(property_path);
    return { severity: 'mistake', id: state === undefined ? undefined : ids[state], within, message };
  });
}

/** What would work, and hardly as it was meant. */
export function warningsOf(definition: Definition, text: Pick<FlowTranslator, 't' | 'plural'>): Problem[] {
  const ids = idsOf(definition);
  const reached = reachable(definition);
  return definition.states.flatMap((state, at): Problem[] => {
    const id = ids[at]!;
    const spec = specOf(state.type);
    if (spec.kind === 'unknown') return []; // The server says so.
    if (!reached.has(state.name)) return state.type === 'trigger' ? [] : [{ severity: 'warning', id, within: '', message: text.t('ed.notReached') }];
    if (foreign(state)) return [{ severity: 'warning', id, within: '/type', message: text.t(spec.kind === 'retired' ? 'ed.retired' : 'ed.notForMessages') }];
    return waysOf(state).filter(({ transition }) => spec.failures.includes(transition.event) && !transition.next).map(({ transition }) => ({
      severity: 'warning', id, within: `/transitions/${transition.event}`, message: text.t('ed.noWayOut', { event: wayWord(state, transition, text) }),
    }));
  });
}

/** The worst of each widget, with the words that its box shows. */
export function marksOf(problems: readonly Problem[]): Map<string, { severity: Severity; note?: string }> {
  const marks = new Map<string, { severity: Severity; note?: string }>();
  for (const { id, severity, message } of problems) {
    if (id === undefined || marks.get(id)?.severity === 'mistake') continue;
    if (severity === 'mistake' || !marks.has(id)) marks.set(id, { severity, note: message });
  }
  return marks;
}

/** The mistakes of one widget by the pointer within it. */
export const withinOf = (problems: readonly Problem[], id: string | undefined): ReadonlyMap<string, string> =>
  new Map(problems.filter((each) => each.severity === 'mistake' && each.id === id).map((each) => [each.within, each.message]));
