/** What two definitions differ in, widget by widget and property by property. Pure. */
import type { Definition, State, Transition } from './definition';

export interface Difference {
  /** Path within the widget, such as `properties.body` or `sent` of a transition. */
  what: string;
  kind: 'property' | 'way' | 'flow';
  before?: unknown;
  after?: unknown;
}

export interface WidgetDifference {
  name: string;
  type: string;
  kind: 'added' | 'removed' | 'changed' | 'moved';
  /** The name it had, when that is what changed. */
  was?: string;
  differences: Difference[];
}

export interface FlowDifference {
  widgets: WidgetDifference[];
  /** Of the flow itself: its description, its beginning, its flags. */
  flow: Difference[];
}

const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]));
};

/** True when two documents say the same, whatever the order of their keys. */
export const equal = same;

function fields(before: Record<string, unknown>, after: Record<string, unknown>, kind: Difference['kind'], skip: string[]): Difference[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !skip.includes(key));
  return keys.filter((key) => !same(before[key], after[key])).map((key) => ({ what: key, kind, before: before[key], after: after[key] }));
}

/** A way out in a few words that stay the same while its target changes. */
function wayKey(transition: Transition, nth: number): string {
  const condition = transition.conditions?.[0];
  return condition ? `${transition.event}: ${condition.friendly_name || `${condition.type} ${condition.value ?? ''}`}` : nth > 0 ? `${transition.event} ${nth + 1}` : transition.event;
}

function ways(before: Transition[], after: Transition[]): Difference[] {
  const index = (list: Transition[]) => {
    const out = new Map<string, Transition>();
    for (const each of list) {
      let nth = 0;
      while (out.has(wayKey(each, nth) + (nth > 0 && each.conditions?.length ? ` (${nth + 1})` : ''))) nth++;
      out.set(wayKey(each, nth) + (nth > 0 && each.conditions?.length ? ` (${nth + 1})` : ''), each);
    }
    return out;
  };
  const [old, now] = [index(before), index(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key): Difference[] => {
    const [a, b] = [old.get(key), now.get(key)];
    const out: Difference[] = [];
    if (!a || !b || (a.next ?? null) !== (b.next ?? null)) out.push({ what: key, kind: 'way', before: a && (a.next ?? ''), after: b && (b.next ?? '') });
    if (a && b && !same(a.conditions ?? [], b.conditions ?? [])) out.push({ what: key, kind: 'property', before: a.conditions, after: b.conditions });
    return out;
  });
}

function compare(before: State, after: State): WidgetDifference | undefined {
  const differences = [
    ...fields(before, after, 'property', ['name', 'properties', 'transitions']),
    ...fields(before.properties, after.properties, 'property', ['offset']),
    ...ways(before.transitions, after.transitions),
  ];
  const moved = !same(before.properties.offset, after.properties.offset);
  if (differences.length === 0 && !moved && before.name === after.name) return undefined;
  const kind = differences.length > 0 || before.name !== after.name ? 'changed' : 'moved';
  return { name: after.name, type: after.type, kind, was: before.name === after.name ? undefined : before.name, differences };
}

/**
 * Compares two definitions. Widgets are the same by name; one that is gone and one that is new, with the same type and
 * properties, is a widget with another name.
 */
export function diff(before: Definition, after: Definition): FlowDifference {
  const old = new Map(before.states.map((state) => [state.name, state]));
  const now = new Map(after.states.map((state) => [state.name, state]));
  const gone = before.states.filter((state) => !now.has(state.name));
  const renamed = new Map<string, State>();
  for (const state of after.states.filter((each) => !old.has(each.name))) {
    const at = gone.findIndex((each) => each.type === state.type && same(each.properties, state.properties));
    if (at >= 0) renamed.set(state.name, gone.splice(at, 1)[0]!);
  }
  const widgets = after.states.flatMap((state): WidgetDifference[] => {
    const was = old.get(state.name) ?? renamed.get(state.name);
    if (!was) return [{ name: state.name, type: state.type, kind: 'added', differences: [...fields({}, state.properties, 'property', ['offset']), ...ways([], state.transitions.filter((each) => each.next))] }];
    const difference = compare(was, state);
    return difference ? [difference] : [];
  });
  const removed = gone.map((state): WidgetDifference => ({ name: state.name, type: state.type, kind: 'removed', differences: [...fields(state.properties, {}, 'property', ['offset']), ...ways(state.transitions.filter((each) => each.next), [])] }));
  return { widgets: [...widgets, ...removed], flow: fields(before, after, 'flow', ['states']) };
}
