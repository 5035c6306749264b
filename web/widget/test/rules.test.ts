import { describe, expect, it } from 'vitest';
import type { FieldSpec } from '../app/core/api.ts';
import { areChips, autocomplete, choicesOf, firstValue, problem } from '../app/core/form.ts';
import { orderIn, pageAddress } from '../app/core/host.ts';
import { readToken } from '../app/core/jwt.ts';
import { transcript } from '../app/core/transcript.ts';
import { openClock } from '../app/core/when.ts';
import { en } from '../app/i18n/en.ts';
import { openTongue } from '../app/i18n/index.ts';
import { ja } from '../app/i18n/ja.ts';

const field = (attributes: Partial<FieldSpec['attributes']>, more: Partial<FieldSpec> = {}): FieldSpec => ({ label: 'L', type: 'InputItem', ...more, attributes: { name: 'n', ...attributes } });

describe('form', () => {
  it.each([
    ['ana@correio.pt', undefined],
    ['ana.pires+shop@mail.correio.pt', undefined],
    ['ana', 'no-at'],
    ['@correio.pt', 'nothing-before'],
    ['ana@correio', 'incomplete'],
    ['ana@', 'incomplete'],
    ['ana@correio.', 'incomplete'],
    ['a na@correio.pt', 'incomplete'],
    ['', undefined],
  ])('email %s', (value, kind) => expect(problem(field({ type: 'email' }), value)?.kind).toBe(kind));

  it('wants what is required', () => {
    expect(problem(field({ required: true }), '  ')).toEqual({ kind: 'empty' });
    expect(problem(field({ required: true, type: 'email' }), '')).toEqual({ kind: 'empty' });
  });

  it('knows numbers', () => {
    expect(problem(field({ type: 'number' }), '12.5')).toBeUndefined();
    expect(problem(field({ type: 'number' }), 'a dozen')).toEqual({ kind: 'not-a-number' });
  });

  it('draws few short choices as chips', () => {
    const options = (n: number) => Array.from({ length: n }, (_, i) => ({ value: 'v' + i }));
    expect(areChips(field({ options: options(4) }, { type: 'SelectItem' }))).toBe(true);
    expect(areChips(field({}, { type: 'SelectItem', options: options(5) }))).toBe(false);
    expect(areChips(field({}, { type: 'InputItem' }))).toBe(false);
    expect(choicesOf(field({ options: options(1) }))).toEqual([{ value: 'v0' }]);
  });

  it('remembers answers', () => {
    const f = field({ value: 'given' }, { options: [{ value: 'chosen', selected: true }] });
    expect(firstValue(f, { n: 'mine' })).toBe('mine');
    expect(firstValue(f, undefined)).toBe('given');
    expect(firstValue(field({}, f.options && { options: f.options }), {})).toBe('chosen');
  });

  it('lets browsers fill in', () => {
    expect(autocomplete(field({ type: 'email' }))).toBe('email');
    expect(autocomplete(field({ name: 'friendlyName' }))).toBe('name');
    expect(autocomplete(field({ name: 'order' }))).toBe('on');
  });
});

describe('messages from the page', () => {
  it.each([[null], ['open'], [{}], [{ usher: 2, do: 'open' }], [{ usher: 1, do: 'eval', v: 'x' }], [{ usher: 1, do: 'sendMessage', v: {} }], [{ usher: 1, do: 'setContext', v: 'x' }], [{ usher: 1, do: 'setContext', v: [] }], [{ usher: 1, do: 'boot' }], [{ usher: 1, do: 'identify' }], [{ usher: 1, do: 'constructor' }]])('%j is not one', (data) =>
    expect(orderIn(data)).toBeUndefined(),
  );

  it.each([[{ usher: 1, do: 'open' }], [{ usher: 1, do: 'endChat' }], [{ usher: 1, do: 'sendMessage', v: 'hi' }], [{ usher: 1, do: 'setContext', v: { a: 1 } }], [{ usher: 1, do: 'boot', v: {} }]])('%j is one', (data) =>
    expect(orderIn(data)).toEqual(data),
  );

  it('tells the page without its query', () => {
    expect(pageAddress('https://shop.example/cart?token=x#y')).toBe('https://shop.example/cart');
    expect(pageAddress(undefined)).toBeUndefined();
  });
});

it('reads tokens', () => {
  const body = Buffer.from(JSON.stringify({ grants: { identity: 'añá' }, exp: 100 })).toString('base64url');
  expect(readToken(`x.${body}.y`)).toEqual({ token: `x.${body}.y`, identity: 'añá', expires: 100_000 });
  expect(readToken('nonsense')).toBeUndefined();
});

describe('times', () => {
  const now = new Date(2026, 3, 14, 9, 5).getTime();
  const day = 86_400_000;
  const words = { today: 'Today', yesterday: 'Yesterday' };
  const british = openClock('en-GB');

  it.each([
    [0, 'Today'],
    [day, 'Yesterday'],
    [2 * day, 'Sunday 12 April'],
    [42 * day, '3 March'],
    [400 * day, '10 March 2025'],
  ])('%d before', (before, want) => expect(british.day(now - before, now, words)).toBe(want));

  it('writes the clock as the place does', () => {
    expect(british.time(now)).toBe('09:05');
    expect(openClock('en-US').time(now)).toMatch(/^9:05\sAM$/);
    expect(openClock('ja-JP').time(now)).toBe('09:05');
  });
});

describe('languages', () => {
  it('takes the first that there is', async () => {
    expect((await openTongue([undefined, 'pt-PT', 'ja-JP', 'en'])).locale).toBe('ja-JP');
    expect((await openTongue(['pt'])).locale).toBe('en');
  });

  it('says everything in every language', () => {
    const empty = (o: object): string[] => Object.entries(o).flatMap(([k, v]) => (typeof v === 'object' ? empty(v) : v ? [] : [k]));
    expect(empty(ja)).toEqual([]);
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
  });

  it('counts', () => {
    expect(en.offline(1)).toBe('Offline: 1 message queued');
    expect(en.offline(2)).toBe('Offline: 2 messages queued');
    expect(en.online(3)).toBe('Back online: 3 new messages');
  });
});

it('writes a transcript', () => {
  const m = (author: string, body: string) => ({ author, body, date_created: '2026-04-14T10:00:00.000Z' }) as Parameters<typeof transcript>[1][0];
  expect(transcript('Chat', [m('a', 'hello'), m('b', 'two\nlines')], (n) => n.toUpperCase(), () => '10:00', () => 'PDF, 2 MB')).toBe('Chat\n\n10:00  A\nhello\n\n10:00  B\ntwo\nlines\n');
  const media = { sid: 'ME1', filename: 'guide.pdf', content_type: 'application/pdf', size: 2_000_000 };
  expect(transcript('Chat', [{ ...m('a', ''), media }, { ...m('b', 'see'), media }], (n) => n, () => '10:00', () => 'PDF, 2 MB')).toBe(
    'Chat\n\n10:00  a\n[guide.pdf, PDF, 2 MB]\n\n10:00  b\nsee\n[guide.pdf, PDF, 2 MB]\n',
  );
});
