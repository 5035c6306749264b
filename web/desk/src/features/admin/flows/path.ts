/** What a test conversation has passed, and its rows. Pure. */
import type { Tryout, TryoutLine, TryoutStep } from '../../../api/tryout';

/** The widgets and transitions ("widget" and "widget.event") of the steps, added to those known before. */
export function pathOf(tryout: Tryout, before: ReadonlySet<string> = new Set()): ReadonlySet<string> {
  const lit = new Set(before);
  for (const step of tryout.steps) {
    lit.add(step.transitioned_from);
    lit.add(`${step.transitioned_from}.${step.name}`);
  }
  if (tryout.status === 'active' && tryout.widget) lit.add(tryout.widget);
  return lit;
}

/** Where it stands; undefined after the end. */
export const standsAt = (tryout: Tryout): string | undefined => (tryout.status === 'active' ? tryout.widget || undefined : undefined);

export type Row = { kind: 'line'; line: TryoutLine } | { kind: 'step'; step: TryoutStep };

/** SIDs of one server tell the order in which things happened, whatever they name. */
const age = (sid: string) => sid.slice(2);

/** What was said is seen in what was said: a step that only sends or hears tells nothing more, unless it failed. */
const silent = new Set(['sent', 'incomingMessage', 'incomingConversationMessage', 'incomingRequest', 'incomingParent']);

/** The conversation from top to bottom: what was said, and the steps between. */
export function rowsOf({ lines, steps }: Pick<Tryout, 'lines' | 'steps'>): Row[] {
  const rows: (Row & { at: string })[] = [
    ...lines.map((line) => ({ kind: 'line' as const, line, at: age(line.sid) })),
    ...steps.filter((step) => step.error || !silent.has(step.name)).map((step) => ({ kind: 'step' as const, step, at: age(step.sid) })),
  ];
  return rows.sort((a, b) => (a.at < b.at ? -1 : 1));
}

/** Pauses between two looks, ms: quick at first, then slower. */
export const pause = (looks: number): number => Math.min(300 * 1.6 ** looks, 5_000);

/** True while the flow hears what a customer writes. */
export const hears = (tryout: Tryout): boolean => tryout.status === 'active' && ['message', 'return'].includes(tryout.waits?.for ?? '');

/** True while something happens by itself soon: an answer of another server is on its way. */
export const busy = (tryout: Tryout): boolean => tryout.status === 'active' && !hears(tryout) && tryout.waits?.for !== 'task';
