import { describe, expect, it } from 'vitest';
import { translatorOf } from '../../../i18n';
import { en } from '../../../i18n/flows/en';
import { ja } from '../../../i18n/flows/ja';
import { conditionName, newState, operators, palette, specOf, valuesOf, waysOf } from './catalog';
import { add, connect, duplicate, freeName, idsOf, indexOf, lead, move, nameProblem, offsetOf, reachable, readDefinition, remove, rename, renameInText, setProperty, type Definition } from './definition';
import { diff, equal } from './diff';
import { jsonProblem } from './fields';
import { graphOf, pathOf } from './graph';
import { begin, record, redo, undo } from './history';
import { unwrap } from './import-drawer';
import { arrange, freePlace, placesOf } from './layout';
import { lineOf, placeOf, syntaxProblem } from './pointer';
import { fromMistakes, marksOf, warningsOf, withinOf } from './problems';
import { templateOf } from './templates';

const text = translatorOf<Record<keyof typeof en, string>>(en, 'en');
/** The definitions that the engine's own tests run. */
const files = import.meta.glob<unknown>('../../../../../../internal/studio/engine/testdata/*.json', { eager: true, import: 'default' });
const samples = Object.entries(files).map(([path, raw]): [string, unknown] => [path.split('/').at(-1)!, raw]);
const menu = () => readDefinition(samples.find(([name]) => name === 'menu.json')![1])!;

const small = (): Definition => ({
  initial_state: 'Trigger', extra: 1,
  states: [
    { name: 'Trigger', type: 'trigger', transitions: [{ event: 'incomingMessage', next: 'ask', uuid: 'u' }], properties: { offset: { x: 0, y: 0 } } },
    { name: 'ask', type: 'send-and-wait-for-reply', transitions: [{ event: 'incomingMessage', next: 'say' }, { event: 'timeout', next: 'ask' }], properties: { body: 'Who?', from: 'f', timeout: '60', unknown: { kept: [1] } }, sid: 'FF1' },
    { name: 'say', type: 'send-message', transitions: [{ event: 'sent' }], properties: { body: 'Hi {{widgets.ask.inbound.Body}} and {{widgets["ask"].x}} of widgets.ask', to: 't' } },
  ],
});

describe('a definition', () => {
  it.each(samples)('%s is read and drawn with nothing lost', (_, raw) => {
    const definition = readDefinition(raw)!;
    expect(JSON.stringify(definition)).toBe(JSON.stringify(raw)); // in the same order, too
    const { boxes, lines } = graphOf({ definition, text });
    expect(boxes.map((box) => box.id)).toEqual(definition.states.map((state) => state.name));
    for (const [at, box] of boxes.entries()) expect(box.place).toEqual(offsetOf(definition.states[at]!));
    const led = new Set(definition.states.flatMap((state) => state.transitions.flatMap((each) => (each.next ? [`${state.name} → ${each.next}`] : []))));
    expect(new Set(lines.map((line) => line.id))).toEqual(led);
  });

  it('reads what a draft may be', () => {
    expect(readDefinition([])).toBeUndefined();
    expect(readDefinition('x')).toBeUndefined();
    expect(readDefinition({})).toEqual({ states: [], initial_state: '' });
    const odd = readDefinition({ states: [null, 7, { name: 3, transitions: 'x', properties: [] }, { name: 'a' }, { name: 'a' }, {}], initial_state: 'a' })!;
    expect(idsOf(odd)).toEqual(['3', 'a', 'a#2', '#3']);
    expect(indexOf(odd, 'a#2')).toBe(2);
    expect(graphOf({ definition: odd, text }).boxes).toHaveLength(4);
  });

  it('survives whatever a draft may hold', () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const names = ['Trigger', 'a', 'b', '', '__proto__', 'constructor', 'a b'];
    const junk = (depth: number): unknown => {
      switch (random(depth > 3 ? 5 : 8)) {
        case 0: return null;
        case 1: return random(99);
        case 2: return names[random(names.length)];
        case 3: return '{{widgets.a.b}} {% if';
        case 4: return random(2) === 0;
        case 5: return Array.from({ length: random(4) }, () => junk(depth + 1));
        default: {
          const keys = ['name', 'type', 'transitions', 'properties', 'event', 'next', 'conditions', 'arguments', 'value', 'offset', 'x', 'variables', 'key', 'states', 'initial_state', '__proto__'];
          return Object.fromEntries(Array.from({ length: random(7) }, () => [keys[random(keys.length)], random(3) === 0 ? ['trigger', 'split-based-on', 'set-variables', 'match'][random(4)] : junk(depth + 1)]));
        }
      }
    };
    for (let round = 0; round < 3000; round++) {
      const definition = readDefinition({ states: Array.from({ length: random(5) }, () => junk(0)), initial_state: junk(3) })!;
      const { boxes, lines } = graphOf({ definition, text, lit: new Set(['a', 'a.match']) });
      expect(boxes).toHaveLength(definition.states.length);
      expect(new Set(boxes.map((box) => box.id)).size).toBe(boxes.length);
      for (const box of boxes) expect(Number.isFinite(box.place.x + box.place.y)).toBe(true);
      for (const line of lines) pathOf({ x: 0, y: 0 }, { x: 1, y: 1 }, line.data.side);
      warningsOf(definition, text);
      valuesOf(definition);
      diff(definition, arrange(definition).size > 0 ? rename(definition, 0, 'other') : definition);
      diff({ states: [], initial_state: '' }, remove(definition, new Set(idsOf(definition).slice(1))));
    }
  });

  it('shares what an act does not touch', () => {
    const before = small();
    const after = setProperty(before, 1, 'body', 'What?');
    expect([after.states[0], after.states[2], after.extra]).toEqual([before.states[0], before.states[2], 1]);
    expect(after.states[0]).toBe(before.states[0]);
    expect(after.states[1]).toMatchObject({ sid: 'FF1', properties: { body: 'What?', unknown: { kept: [1] } } });
    expect(setProperty(after, 1, 'body', undefined).states[1]!.properties).not.toHaveProperty('body');
    expect(before.states[1]!.properties.body).toBe('Who?');
  });

  it('connects and disconnects', () => {
    const before = small();
    expect(connect(before, 0, 0, 'say').states[0]!.transitions[0]).toEqual({ event: 'incomingMessage', next: 'say', uuid: 'u' });
    expect(connect(before, 0, 0, undefined).states[0]!.transitions[0]).toEqual({ event: 'incomingMessage', uuid: 'u' });
    expect(lead(before, 2, -1, 'failed', 'ask').states[2]!.transitions).toEqual([{ event: 'sent' }, { event: 'failed', next: 'ask' }]);
    expect(waysOf(before.states[2]!).map((way) => [way.transition.event, way.at])).toEqual([['sent', 0], ['failed', -1]]);
  });

  it('takes widgets away with what leads to them, but not its beginning', () => {
    const after = remove(small(), new Set(['say', 'Trigger']));
    expect(after.states.map((state) => state.name)).toEqual(['Trigger', 'ask']);
    expect(after.states[1]!.transitions).toEqual([{ event: 'incomingMessage' }, { event: 'timeout', next: 'ask' }]);
  });

  it('renames with everything that refers to the name', () => {
    const after = rename(small(), 1, 'who_1');
    expect(after.states[0]!.transitions[0]!.next).toBe('who_1');
    expect(after.states[1]!.transitions[1]!.next).toBe('who_1');
    expect(after.states[2]!.properties.body).toBe('Hi {{widgets.who_1.inbound.Body}} and {{widgets["who_1"].x}} of widgets.ask');
    expect(rename(small(), 0, 'Start').initial_state).toBe('Start');
    const choose = menu().states.findIndex((state) => state.name === 'menu');
    const renamed = rename(menu(), choose, 'first menu');
    const split = renamed.states.find((state) => state.name === 'choose')!;
    expect(split.transitions[1]!.conditions![0]!.arguments).toEqual(['{{widgets["first menu"].inbound.Body}}']);
    expect(JSON.stringify(renamed)).not.toContain('widgets.menu');
  });

  it('renames in templates only, and whole names only', () => {
    expect(renameInText('widgets.a {{ widgets.a.b }}{{widgets.ab}}{{widgets.a-b.c}}{% if widgets.a.x == 1 %}', 'a', 'z')).toBe('widgets.a {{ widgets.z.b }}{{widgets.ab}}{{widgets.a-b.c}}{% if widgets.z.x == 1 %}');
    expect(renameInText("{{widgets['a b'].c}}", 'a b', 'z')).toBe("{{widgets['z'].c}}");
    expect(renameInText('{{widgets.a}}', 'a', '$& x')).toBe('{{widgets["$& x"]}}');
  });

  it('says which names are free', () => {
    const definition = small();
    expect([freeName(definition, 'ask'), freeName(definition, 'new'), freeName(definition, 'Ended')]).toEqual(['ask_1', 'new', 'Ended_1']);
    expect(['', 'Ended', 'say', 'ask', 'fine name', 'a"b'].map((name) => nameProblem(definition, 1, name))).toEqual(['empty', 'ended', 'taken', undefined, undefined, 'letters']);
  });

  it('duplicates beside the first, sharing nothing', () => {
    const { definition, name } = duplicate(small(), 1, { x: 10, y: 20 });
    const copy = definition.states.at(-1)!;
    expect([name, copy.name, offsetOf(copy)]).toEqual(['ask_1', 'ask_1', { x: 50, y: 60 }]);
    expect(copy.properties.unknown).toEqual({ kept: [1] });
    expect(copy.properties.unknown).not.toBe(definition.states[1]!.properties.unknown);
  });

  it('moves by whole numbers and keeps what else an offset holds', () => {
    const definition = setProperty(small(), 1, 'offset', { x: 1, y: 2, z: 3 });
    expect(move(definition, new Map([['ask', { x: 10.4, y: -3.6 }]])).states[1]!.properties.offset).toEqual({ x: 10, y: -4, z: 3 });
  });

  it('knows what can be reached', () => {
    const lonely = add(small(), newState('send-message', 'lonely'));
    expect([...reachable(lonely)].sort()).toEqual(['Trigger', 'ask', 'say']);
  });
});

describe('history', () => {
  it('undoes and redoes, joins what belongs together, and forgets the future', () => {
    let history = begin('a');
    history = record(history, 'ab', 1000, 'name');
    history = record(history, 'abc', 1500, 'name');
    history = record(history, 'abcd', 9000, 'name');
    expect(undo(history).present).toBe('abc');
    expect(undo(undo(history)).present).toBe('a');
    expect(undo(undo(undo(history))).present).toBe('a');
    expect(redo(undo(history)).present).toBe('abcd');
    const other = record(undo(history), 'x', 9100, 'name');
    expect([other.present, other.past, redo(other).present]).toEqual(['x', ['a', 'abc'], 'x']);
    expect(record(history, 'abcd', 9001)).toBe(history);
  });

  it('keeps a bounded past', () => {
    let history = begin(0);
    for (let n = 1; n <= 500; n++) history = record(history, n, n * 10_000);
    expect(history.past).toHaveLength(200);
    expect(history.past.at(-1)).toBe(499);
  });
});

describe('layout', () => {
  it('puts every widget somewhere else, the beginning on top', () => {
    for (const [, raw] of samples) {
      const places = [...arrange(readDefinition(raw)!).values()];
      expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(places.length);
      expect(Math.min(...places.map((place) => place.y))).toBe(0);
    }
  });

  it('keeps the places that there are and fills in the others below', () => {
    const places = placesOf(small());
    expect(places.get('Trigger')).toEqual({ x: 0, y: 0 });
    expect(places.get('ask')!.y).toBeGreaterThan(60);
    expect(freePlace(small(), { x: 3, y: 3 }).y).toBeGreaterThan(80);
  });

  it('draws lines down as curves, up around the side', () => {
    expect(pathOf({ x: 0, y: 0 }, { x: 10, y: 100 }).path).toBe('M0 0C0 50 10 50 10 100');
    expect(pathOf({ x: 0, y: 200 }, { x: 0, y: 100 }, 150)).toMatchObject({ label: { x: 150 } });
  });
});

describe('differences', () => {
  it('finds none where there are none, whatever the order of keys', () => {
    for (const [, raw] of samples) expect(diff(readDefinition(raw)!, readDefinition(structuredClone(raw))!)).toEqual({ widgets: [], flow: [] });
    expect(equal({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBe(true);
    expect([equal([1, 2], [2, 1]), equal({ a: undefined }, {}), equal(null, {}), equal([], {})]).toEqual([false, false, false, false]);
  });

  it('names what was added, removed, changed, moved and renamed', () => {
    const before = small();
    let after = setProperty(before, 1, 'body', 'What?');
    after = connect(after, 1, 1, undefined);
    after = remove(after, new Set(['say']));
    after = add(after, newState('send-to-flex', 'agent'));
    after = move(after, new Map([['Trigger', { x: 9, y: 9 }]]));
    after = { ...after, description: 'new' };
    const { widgets, flow } = diff(before, after);
    expect(widgets.map((each) => [each.name, each.kind])).toEqual([['Trigger', 'moved'], ['ask', 'changed'], ['agent', 'added'], ['say', 'removed']]);
    expect(widgets[1]!.differences).toEqual([
      { what: 'body', kind: 'property', before: 'Who?', after: 'What?' },
      { what: 'incomingMessage', kind: 'way', before: 'say', after: '' },
      { what: 'timeout', kind: 'way', before: 'ask', after: '' },
    ]);
    expect(flow).toEqual([{ what: 'description', kind: 'flow', before: undefined, after: 'new' }]);
    expect(diff(before, rename(before, 1, 'who')).widgets.map((each) => [each.name, each.kind, each.was])).toContainEqual(['who', 'changed', 'ask']);
  });

  it('tells the conditions of a split apart', () => {
    const before = menu();
    const at = before.states.findIndex((state) => state.name === 'choose');
    const { widgets } = diff(before, connect(before, at, 2, 'agent'));
    expect(widgets).toEqual([{ name: 'choose', type: 'split-based-on', kind: 'changed', was: undefined, differences: [{ what: 'match: If value matches_any_of 2, two, support', kind: 'way', before: 'support', after: 'agent' }] }]);
  });
});

describe('places of mistakes', () => {
  const source = '{\n  "a~/b": 1,\n  "states": [\n    {"name": "x, \\"}"},\n    {\n      "name": "y",\n      "properties": {"body": [1, {"c": 2}],\n        "to": ""}\n    }\n  ]\n}';

  it('leads to lines', () => {
    expect(['#/states/1/name', '#/states/1/properties/to', '#/states/0', '#/states/1/properties/missing', '#', '#/a~0~1b', '#/states/9'].map((path) => lineOf(source, path))).toEqual([6, 8, 4, 7, 1, 2, 3]);
    expect(lineOf('{', '#')).toBeUndefined();
    expect(syntaxProblem('{}')).toBeUndefined();
    expect(syntaxProblem('{\n"a": }')).toMatchObject({ why: expect.any(String) });
  });

  it('takes the definition out of what an API answers', () => {
    const flow = { states: [], initial_state: '' };
    expect([JSON.stringify(flow), JSON.stringify({ definition: flow }), JSON.stringify({ definition: JSON.stringify(flow) })].map((source) => JSON.parse(unwrap(source)) as unknown)).toEqual([flow, flow, flow]);
    expect(['{', '7', 'null', '{"definition":7}'].map(unwrap)).toEqual(['{', '7', 'null', '{"definition":7}']);
  });

  it('says whether attributes become JSON', () => {
    expect(['', '{}', '{"a": "{{x}}", "b": {{widgets.a.parsed.n}}}', '{"a": {% if x %}1{% endif %}}'].map(jsonProblem)[2]).toBeUndefined();
    expect([jsonProblem(''), jsonProblem('{}'), jsonProblem('[1]'), jsonProblem('7')]).toEqual([undefined, undefined, { shape: true }, { shape: true }]);
    expect(jsonProblem('{"a": }')).toMatchObject({ why: expect.any(String) });
  });

  it('belong to widgets', () => {
    expect(placeOf('#/states/3/properties/body')).toEqual({ state: 3, within: '/properties/body' });
    expect(placeOf('#/initial_state')).toEqual({ within: '/initial_state' });
    const definition = small();
    const problems = fromMistakes([{ message: 'm', property_path: '#/states/1/properties/body' }, { message: 'f', property_path: '#' }], definition);
    expect(problems).toEqual([{ severity: 'mistake', id: 'ask', within: '/properties/body', message: 'm' }, { severity: 'mistake', id: undefined, within: '', message: 'f' }]);
    expect(withinOf(problems, 'ask').get('/properties/body')).toBe('m');
    expect(marksOf([{ severity: 'warning', id: 'ask', within: '', message: 'w' }, ...problems]).get('ask')).toEqual({ severity: 'mistake', note: 'm' });
  });

  it('warns of what hardly works', () => {
    let definition = add(small(), newState('make-http-request', 'look'));
    expect(warningsOf(definition, text)).toEqual([{ severity: 'warning', id: 'look', within: '', message: 'Nothing leads here' }]);
    definition = connect(definition, 1, 0, 'look');
    expect(warningsOf(definition, text).map((each) => each.message)).toEqual(['Failed: no way out', 'Nothing leads here'].reverse());
    expect(warningsOf(readDefinition(samples.find(([name]) => name === 'call.json')![1])!, text)).toMatchObject([{ id: 'talk', message: 'Not for messages' }]);
  });
});

describe('the path of a test conversation', () => {
  it('lights widgets, and of two ways out of the same event the one that was taken', () => {
    const lit = new Set(['Trigger', 'Trigger.incomingMessage', 'menu', 'menu.incomingMessage', 'choose', 'choose.match', 'support']);
    const { boxes, lines } = graphOf({ definition: menu(), text, lit, at: 'menu' });
    expect(lines.filter((line) => line.data.lit).map((line) => line.id)).toEqual(['Trigger → menu', 'menu → choose', 'choose → support']);
    expect(boxes.filter((box) => box.data.lit).map((box) => box.id)).toEqual(['Trigger', 'menu', 'choose', 'support']);
    expect(boxes.find((box) => box.data.waits)!.id).toBe('menu');
  });
});

describe('the catalogue of widgets', () => {
  it('has words for everything, in every language', () => {
    for (const spec of palette) expect([en[spec.short!], en[spec.long!]].every(Boolean)).toBe(true);
    expect(operators).toHaveLength(17);
    for (const operator of operators) expect(en[`op.${operator}`]).toBeTruthy();
    expect(specOf('say-play').kind).toBe('voice');
    expect(specOf('send-pigeon').kind).toBe('unknown');
    const holes = (words: string) => [...words.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join();
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(holes(ja[key]), key).toBe(holes(en[key]));
    expect(conditionName({ type: 'equal_to', value: '1' })).toBe('If value equal_to 1');
    expect(conditionName({ type: 'is_blank', value: '1' })).toBe('If value is_blank');
  });

  it('knows what a template could say', () => {
    expect(valuesOf(menu())).toEqual(expect.arrayContaining(['widgets.menu.inbound.Body', 'flow.variables.team', 'trigger.message.Body']));
  });

  it('makes templates whose ways all lead somewhere', () => {
    for (const template of ['blank', 'webchat', 'menu'] as const) {
      const definition = templateOf(template, 'n', { workflow: 'WW', channel: 'TC' });
      const names = new Set(definition.states.map((state) => state.name));
      expect(reachable(definition)).toEqual(names);
      for (const state of definition.states) for (const { next } of state.transitions) expect(!next || names.has(next)).toBe(true);
    }
  });
});
