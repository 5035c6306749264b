/**
 * A flow's definition and everything that the editor does to it. Pure: each act answers a new value and shares what it did not
 * touch, so that properties nobody here knows survive.
 */

export interface Condition {
  friendly_name?: string;
  arguments?: string[];
  type: string;
  value?: string;
  [other: string]: unknown;
}

export interface Transition {
  event: string;
  /** Name of the widget that follows; none ends the flow. */
  next?: string | null;
  conditions?: Condition[];
  [other: string]: unknown;
}

export type Properties = Record<string, unknown>;

/** One widget. */
export interface State {
  name: string;
  type: string;
  transitions: Transition[];
  properties: Properties;
  [other: string]: unknown;
}

export interface Definition {
  description?: string;
  states: State[];
  initial_state: string;
  [other: string]: unknown;
}

export interface Point {
  x: number;
  y: number;
}

/** Where every flow ends; no widget may be called so. */
export const ended = 'Ended';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value));

/** A way out that can be drawn, whatever the draft says it is. */
function readTransition(raw: Record<string, unknown>): Transition {
  // The order of keys stays: what is not changed goes out as it came in.
  const out = { ...raw, event: text(raw.event) } as Transition;
  if (typeof raw.next === 'object' && raw.next !== null) delete out.next;
  else if ('next' in raw && raw.next !== null) out.next = text(raw.next);
  if (!('conditions' in raw)) return out;
  out.conditions = (Array.isArray(raw.conditions) ? raw.conditions : []).filter(isObject).map((each) => {
    const condition: Condition = { ...each, type: text(each.type) };
    if ('arguments' in each && !Array.isArray(each.arguments)) delete condition.arguments;
    return condition;
  });
  return out;
}

/** Makes a kept document something that can be drawn: drafts may be anything. Undefined when it is no document at all. */
export function readDefinition(value: unknown): Definition | undefined {
  if (!isObject(value)) return undefined;
  const states = (Array.isArray(value.states) ? value.states : []).filter(isObject).map((state): State => ({
    ...state,
    name: text(state.name),
    type: text(state.type),
    transitions: (Array.isArray(state.transitions) ? state.transitions : []).filter(isObject).map(readTransition),
    properties: isObject(state.properties) ? state.properties : {},
  }));
  return { ...value, states, initial_state: text(value.initial_state) };
}

/** One id per widget: its name, made unique where a draft has it twice. */
export function idsOf({ states }: Definition): string[] {
  const seen = new Set<string>();
  return states.map(({ name }, at) => {
    const id = seen.has(name) || name === '' ? `${name}#${at}` : name;
    seen.add(id);
    return id;
  });
}

export const indexOf = (definition: Definition, id: string | undefined): number => (id === undefined ? -1 : idsOf(definition).indexOf(id));

/** The place that a widget keeps in `properties.offset`. */
export function offsetOf(state: State): Point | undefined {
  const { offset } = state.properties;
  if (!isObject(offset)) return undefined;
  const x = Number(offset.x);
  const y = Number(offset.y);
  return Number.isFinite(x) && Number.isFinite(y) ? { x, y } : undefined;
}

function change(definition: Definition, at: number, fn: (state: State) => State): Definition {
  return { ...definition, states: definition.states.map((state, each) => (each === at ? fn(state) : state)) };
}

/** Sets one property; undefined takes it away. */
export function setProperty(definition: Definition, at: number, name: string, value: unknown): Definition {
  return change(definition, at, (state) => {
    const properties = { ...state.properties };
    if (value === undefined) delete properties[name];
    else properties[name] = value;
    return { ...state, properties };
  });
}

export const setProperties = (definition: Definition, at: number, properties: Properties): Definition =>
  change(definition, at, (state) => ({ ...state, properties }));

export const setTransitions = (definition: Definition, at: number, transitions: Transition[]): Definition =>
  change(definition, at, (state) => ({ ...state, transitions }));

/** Leads a transition to a widget, or to the end when `next` is undefined. */
export function connect(definition: Definition, at: number, transition: number, next: string | undefined): Definition {
  return change(definition, at, (state) => ({
    ...state,
    transitions: state.transitions.map((each, other) => {
      if (other !== transition) return each;
      if (next !== undefined) return { ...each, next };
      const { next: _, ...rest } = each;
      return rest;
    }),
  }));
}

/** Like connect for a way out that the document may not mention yet (`transition` -1): it is added. */
export function lead(definition: Definition, at: number, transition: number, event: string, next: string | undefined): Definition {
  if (transition >= 0) return connect(definition, at, transition, next);
  return change(definition, at, (state) => ({ ...state, transitions: [...state.transitions, next === undefined ? { event } : { event, next }] }));
}

export function move(definition: Definition, places: ReadonlyMap<string, Point>): Definition {
  const ids = idsOf(definition);
  return {
    ...definition,
    states: definition.states.map((state, at) => {
      const place = places.get(ids[at]!);
      const offset = place && { ...(isObject(state.properties.offset) ? state.properties.offset : {}), x: Math.round(place.x), y: Math.round(place.y) };
      return offset ? { ...state, properties: { ...state.properties, offset } } : state;
    }),
  };
}

/** A name that no widget has: the wanted one, or it with a number. */
export function freeName({ states }: Definition, wanted: string): string {
  const taken = new Set(states.map((state) => state.name).concat(ended));
  if (!taken.has(wanted)) return wanted;
  const stem = wanted.replace(/_\d+$/, '');
  for (let n = 1; ; n++) if (!taken.has(`${stem}_${n}`)) return `${stem}_${n}`;
}

export const add = (definition: Definition, state: State): Definition => ({ ...definition, states: [...definition.states, state] });

/** Takes widgets away; what led to them leads to the end. The trigger that the flow begins with stays. */
export function remove(definition: Definition, ids: ReadonlySet<string>): Definition {
  const all = idsOf(definition);
  const goes = (at: number) => ids.has(all[at]!) && definition.states[at]!.name !== definition.initial_state;
  const kept = definition.states.filter((_, at) => !goes(at));
  const names = new Set(kept.map((state) => state.name));
  const gone = new Set(definition.states.filter((state, at) => goes(at) && !names.has(state.name)).map((state) => state.name));
  return {
    ...definition,
    states: kept.map((state) => {
      if (!state.transitions.some((each) => each.next && gone.has(each.next))) return state;
      const transitions = state.transitions.map((each) => {
        if (!each.next || !gone.has(each.next)) return each;
        const { next: _, ...rest } = each;
        return rest;
      });
      return { ...state, transitions };
    }),
  };
}

/** A copy of a widget beside it, under a name of its own; it leads where the first one leads. */
export function duplicate(definition: Definition, at: number, place: Point): { definition: Definition; name: string } {
  const state = definition.states[at]!;
  const name = freeName(definition, state.name);
  const copy = { ...structuredClone(state), name };
  copy.properties = { ...copy.properties, offset: { x: Math.round(place.x + 40), y: Math.round(place.y + 40) } };
  return { definition: add(definition, copy), name };
}

const identifier = /^[A-Za-z_][\w-]*$/;
const escaped = (name: string) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Makes the templates of a text say the new name: `widgets.old.…` and `widgets["old"]`, within `{{ }}` and `{% %}` only. */
export function renameInText(source: string, from: string, to: string): string {
  if (!source.includes('widgets')) return source;
  const dotted = new RegExp(`(\\bwidgets\\s*)\\.\\s*${escaped(from)}(?![\\w-])`, 'g');
  const indexed = new RegExp(`(\\bwidgets\\s*\\[\\s*)(["'])${escaped(from)}\\2`, 'g');
  return source.replace(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, (tag) => tag
    .replace(dotted, (_, head: string) => (identifier.test(to) ? `${head}.${to}` : `${head}["${to}"]`))
    .replace(indexed, (_, head: string, quote: string) => `${head}${quote}${to}${quote}`));
}

function everyText<T>(value: T, fn: (text: string) => string): T {
  if (typeof value === 'string') return fn(value) as T;
  if (Array.isArray(value)) {
    const next = value.map((each) => everyText(each as unknown, fn));
    return (next.some((each, at) => each !== value[at]) ? next : value) as T;
  }
  if (!isObject(value)) return value;
  const next = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, everyText(each, fn)]));
  return (Object.keys(next).some((key) => next[key] !== value[key]) ? next : value) as T;
}

/** Gives a widget another name; transitions, the beginning and templates follow. */
export function rename(definition: Definition, at: number, to: string): Definition {
  const from = definition.states[at]!.name;
  if (from === to) return definition;
  const twin = definition.states.some((state, other) => other !== at && state.name === from);
  const named = change(definition, at, (state) => ({ ...state, name: to }));
  if (twin || from === '') return named; // What leads to the name leads to the other one.
  return {
    ...named,
    initial_state: named.initial_state === from ? to : named.initial_state,
    states: named.states.map((state) => {
      const transitions = state.transitions.some((each) => each.next === from) ? state.transitions.map((each) => (each.next === from ? { ...each, next: to } : each)) : state.transitions;
      const next = transitions === state.transitions ? state : { ...state, transitions };
      const properties = everyText(next.properties, (source) => renameInText(source, from, to));
      const followed = everyText(next.transitions, (source) => renameInText(source, from, to));
      return properties === next.properties && followed === next.transitions ? next : { ...next, properties, transitions: followed };
    }),
  };
}

/** Why a widget cannot be called so, if it cannot. */
export function nameProblem(definition: Definition, at: number, name: string): 'empty' | 'taken' | 'ended' | 'letters' | undefined {
  if (!name) return 'empty';
  if (name === ended) return 'ended';
  if (/["'{}%\n]/.test(name)) return 'letters';
  return definition.states.some((state, other) => other !== at && state.name === name) ? 'taken' : undefined;
}

/** The names of widgets that can be come to from the beginning. */
export function reachable(definition: Definition): Set<string> {
  const byName = new Map(definition.states.map((state) => [state.name, state]));
  const seen = new Set<string>();
  const open = [definition.initial_state];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const state = byName.get(name);
    if (!state || seen.has(name)) continue;
    seen.add(name);
    for (const { next } of state.transitions) if (next) open.push(next);
  }
  return seen;
}
