/** Places for widgets that have none: rows by the shortest way from the beginning, in each row near what leads there. Pure. */
import { idsOf, offsetOf, type Definition, type Point } from './definition';

export const nodeWidth = 200;
export const nodeHeight = 60;
const columnStep = 240;
const rowStep = 140;

/** A place for every widget, by id, as if none had one. */
export function arrange(definition: Definition): Map<string, Point> {
  const ids = idsOf(definition);
  const byName = new Map<string, number>();
  definition.states.forEach((state, at) => byName.has(state.name) || byName.set(state.name, at));
  const rows: number[][] = [];
  const rowOf = new Map<number, number>();
  const put = (at: number, row: number) => {
    rowOf.set(at, row);
    (rows[row] ??= []).push(at);
  };
  const walk = (start: number, row: number) => {
    put(start, row);
    for (let open = [start]; open.length > 0;) {
      const next: number[] = [];
      for (const at of open) {
        for (const transition of definition.states[at]!.transitions) {
          const to = transition.next ? byName.get(transition.next) : undefined;
          if (to === undefined || rowOf.has(to)) continue;
          put(to, rowOf.get(at)! + 1);
          next.push(to);
        }
      }
      open = next;
    }
  };
  const first = byName.get(definition.initial_state);
  if (first !== undefined) walk(first, 0);
  definition.states.forEach((_, at) => rowOf.has(at) || walk(at, rows.length)); // What nothing leads to stands below.

  const x = new Map<number, number>();
  const parents = new Map<number, number[]>();
  definition.states.forEach((state, at) => state.transitions.forEach(({ next }) => {
    const to = next ? byName.get(next) : undefined;
    if (to !== undefined && rowOf.get(to)! > rowOf.get(at)!) parents.set(to, [...(parents.get(to) ?? []), at]);
  }));
  rows.forEach((row) => {
    const wish = (at: number) => {
      const above = (parents.get(at) ?? []).map((each) => x.get(each)).filter((each) => each !== undefined);
      return above.length > 0 ? above.reduce((sum, each) => sum + each, 0) / above.length : 0;
    };
    const wishes = new Map(row.map((at) => [at, wish(at)]));
    const ordered = row.map((at, order) => ({ at, order })).sort((a, b) => wishes.get(a.at)! - wishes.get(b.at)! || a.order - b.order);
    const centre = ordered.reduce((sum, { at }) => sum + wishes.get(at)!, 0) / ordered.length;
    ordered.forEach(({ at }, order) => x.set(at, centre + (order - (ordered.length - 1) / 2) * columnStep));
  });
  return new Map(ids.map((id, at) => [id, { x: Math.round(x.get(at) ?? 0), y: rowOf.get(at)! * rowStep }]));
}

/** Where every widget is drawn: its own place, or one of `arrange` below what has places. */
export function placesOf(definition: Definition): Map<string, Point> {
  const ids = idsOf(definition);
  const own = definition.states.map(offsetOf);
  if (own.every((place) => place)) return new Map(ids.map((id, at) => [id, own[at]!]));
  const made = arrange(definition);
  const given = own.filter((place) => place !== undefined);
  const below = given.length > 0 ? Math.max(...given.map((place) => place.y)) + rowStep : 0;
  const top = Math.min(...ids.filter((_, at) => !own[at]).map((id) => made.get(id)!.y));
  return new Map(ids.map((id, at) => {
    const place = made.get(id)!;
    return [id, own[at] ?? { x: place.x, y: place.y - (given.length > 0 ? top - below : 0) }];
  }));
}

/** A free place near a wished one: further down until nothing is in the way. */
export function freePlace(definition: Definition, wished: Point): Point {
  const taken = [...placesOf(definition).values()];
  const place = { x: Math.round(wished.x), y: Math.round(wished.y) };
  while (taken.some((other) => Math.abs(other.x - place.x) < nodeWidth + 16 && Math.abs(other.y - place.y) < nodeHeight + 56)) place.y += 70;
  return place;
}
