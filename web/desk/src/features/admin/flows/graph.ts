/** A definition as boxes and lines. Pure. */
import type { FlowTranslator } from '../../../i18n/flows';
import { specOf, waysOf } from './catalog';
import { idsOf, type Definition, type Point, type State } from './definition';
import { nodeHeight, nodeWidth, placesOf } from './layout';
import { remark, wayWord } from './words';

/** How bad it is: a mistake keeps the flow from being published, a warning does not. */
export type Severity = 'mistake' | 'warning';

export interface Way {
  /** Position in `waysOf`, which names the handle. */
  handle: string;
  word: string;
  led: boolean;
  lit: boolean;
}

export interface BoxData extends Record<string, unknown> {
  state: State;
  remark: string;
  ways: Way[];
  /** Nothing follows: the flow ends here. */
  ends: boolean;
  severity?: Severity;
  note?: string;
  lit: boolean;
  /** The test conversation waits here. */
  waits: boolean;
  first: boolean;
}

export interface Box {
  id: string;
  place: Point;
  data: BoxData;
}

export interface LineData extends Record<string, unknown> {
  word: string;
  lit: boolean;
  /** Where a line runs up or down that goes around other widgets; none is drawn straight. */
  side?: number;
}

export interface Line {
  id: string;
  source: string;
  target: string;
  handle: string;
  data: LineData;
}

export interface GraphInput {
  definition: Definition;
  text: Pick<FlowTranslator, 't' | 'plural'>;
  /** Worst problem per widget id, and the words for the box. */
  marks?: ReadonlyMap<string, { severity: Severity; note?: string }>;
  lit?: ReadonlySet<string>;
  at?: string;
}

/** Ways out that say nothing new when they are the only one taken. */
const quiet = new Set(['next', 'sent', 'incomingMessage', 'incomingConversationMessage']);

export function graphOf({ definition, text, marks, lit, at }: GraphInput): { boxes: Box[]; lines: Line[] } {
  const ids = idsOf(definition);
  const places = placesOf(definition);
  const byName = new Map<string, string>();
  definition.states.forEach(({ name }, index) => byName.has(name) || byName.set(name, ids[index]!));
  const boxes = definition.states.map((state, index): Box => {
    const id = ids[index]!;
    const ways = waysOf(state).map(({ transition }, handle): Way => ({
      handle: String(handle), word: wayWord(state, transition, text), led: Boolean(transition.next), lit: taken(state, transition.event, transition.next, lit),
    }));
    const mark = marks?.get(id);
    return {
      id, place: places.get(id)!,
      data: {
        state, ways, remark: remark(state, text), ends: !ways.some((way) => way.led), severity: mark?.severity, note: mark?.note,
        lit: Boolean(lit?.has(state.name)), waits: at === state.name, first: state.name === definition.initial_state && state.type === 'trigger',
      },
    };
  });
  const lines = definition.states.flatMap((state, index) => linesOf(state, ids[index]!, { byName, text, lit }));
  return { boxes, lines: around(lines, places) };
}

const taken = (state: State, event: string, next: string | null | undefined, lit?: ReadonlySet<string>) =>
  Boolean(lit?.has(`${state.name}.${event}`) && (!next || lit.has(next)));

interface Around {
  byName: Map<string, string>;
  text: GraphInput['text'];
  lit?: ReadonlySet<string>;
}

/** One line per pair of widgets, however many ways out lead there. */
function linesOf(state: State, id: string, { byName, text, lit }: Around): Line[] {
  const groups = new Map<string, { handle: string; words: string[]; lit: boolean; event: string }>();
  let led = 0;
  waysOf(state).forEach(({ transition }, handle) => {
    const target = transition.next ? byName.get(transition.next) : undefined;
    if (!target) return;
    led++;
    const group = groups.get(target) ?? { handle: String(handle), words: [], lit: false, event: transition.event };
    group.words.push(wayWord(state, transition, text));
    group.lit ||= taken(state, transition.event, transition.next, lit);
    groups.set(target, group);
  });
  return [...groups].map(([target, group]): Line => ({
    id: `${id} → ${target}`, source: id, target, handle: group.handle, data: { word: led === 1 && quiet.has(group.event) ? '' : group.words.join(', '), lit: group.lit },
  }));
}

const gap = 28;
const lane = 16;
const bottom = (place: Point): Point => ({ x: place.x + nodeWidth / 2, y: place.y + nodeHeight });
const top = (place: Point): Point => ({ x: place.x + nodeWidth / 2, y: place.y });
const leadsUp = (from: Point, to: Point) => to.y <= from.y + 16;

/** Where the curve between two widgets is, from 0 to 1. */
function curve(from: Point, to: Point, part: number): Point {
  const bend = bendOf(from, to);
  const [a, b, c, d] = [(1 - part) ** 3, 3 * part * (1 - part) ** 2, 3 * part ** 2 * (1 - part), part ** 3];
  return { x: (a + b) * from.x + (c + d) * to.x, y: a * from.y + b * (from.y + bend) + c * (to.y - bend) + d * to.y };
}

const bendOf = (from: Point, to: Point) => Math.max(24, (to.y - from.y) / 2);

/** More boxes than this and lines are drawn straight: looking for a way around each would take too long. */
const manyBoxes = 400;

/** Leads lines up on the end side, and lines that would run through other widgets down on the start side, each in a lane of its own. */
function around(lines: Line[], places: Map<string, Point>): Line[] {
  const all = [...places];
  const lanes = { up: 0, down: 0 };
  return lines.map((line): Line => {
    const [source, target] = [places.get(line.source)!, places.get(line.target)!];
    const [from, to] = [bottom(source), top(target)];
    const up = leadsUp(from, to);
    if (!up && all.length > manyBoxes) return line;
    const others = all.length > manyBoxes ? [] : all.filter(([id]) => id !== line.source && id !== line.target).map(([, place]) => place);
    const hits = (place: Point) => [0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85].some((part) => {
      const { x, y } = curve(from, to, part);
      return x > place.x - 6 && x < place.x + nodeWidth + 6 && y > place.y - 6 && y < place.y + nodeHeight + 6;
    });
    if (!up && !others.some(hits)) return line;
    const [low, high] = [Math.max(from.y, to.y) + nodeHeight, Math.min(from.y, to.y) - nodeHeight];
    const [left, right] = [Math.min(source.x, target.x), Math.max(source.x, target.x) + nodeWidth];
    const near = others.filter((place) => place.y + nodeHeight > high && place.y < low && place.x + nodeWidth > left - 2 * gap && place.x < right + 2 * gap);
    const side = up ? Math.max(right, ...near.map((place) => place.x + nodeWidth)) + gap + (lanes.up++ % 6) * lane : Math.min(left, ...near.map((place) => place.x)) - gap - (lanes.down++ % 6) * lane;
    return { ...line, data: { ...line.data, side } };
  });
}

/** The path of a line, and where its words stand. */
export function pathOf(from: Point, to: Point, side?: number): { path: string; label: Point; outward?: 'left' | 'right' } {
  const up = leadsUp(from, to);
  if (side === undefined && !up) {
    const bend = bendOf(from, to);
    return { path: `M${from.x} ${from.y}C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`, label: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
  }
  const x = side ?? Math.max(from.x, to.x) + nodeWidth / 2 + gap;
  const low = from.y + 20;
  const high = to.y - 22;
  return { path: rounded([from, { x: from.x, y: low }, { x, y: low }, { x, y: high }, { x: to.x, y: high }, to], 12), label: { x, y: (low + high) / 2 }, outward: x < from.x ? 'left' : 'right' };
}

function rounded(points: Point[], most: number): string {
  const toward = (a: Point, b: Point, by: number): Point => {
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const part = Math.min(by, length / 2) / length;
    return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part };
  };
  const at = ({ x, y }: Point) => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
  const middle = points.slice(1, -1).map((corner, index) => `L${at(toward(corner, points[index]!, most))}Q${at(corner)} ${at(toward(corner, points[index + 2]!, most))}`);
  return `M${at(points[0]!)}${middle.join('')}L${at(points.at(-1)!)}`;
}

/** What is drawn, as a rectangle. */
export function boundsOf(boxes: readonly Box[]): { x: number; y: number; width: number; height: number } {
  const xs = boxes.map((box) => box.place.x);
  const ys = boxes.map((box) => box.place.y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) + nodeWidth - x, height: Math.max(...ys) + nodeHeight - y };
}

/** True for a widget that has nothing to do in a conversation of messages. */
export const foreign = (state: State): boolean => specOf(state.type).kind !== 'messaging';
