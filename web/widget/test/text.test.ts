import { describe, expect, it } from 'vitest';
import { initials, nameIn, nameOfIdentity, pieces, shortName, tone } from '../app/core/text.ts';

const links = (body: string) => pieces(body).flatMap((p) => (typeof p === 'string' ? [] : [p.text]));

describe('links', () => {
  it.each([
    ['see https://a.example/x.', ['https://a.example/x']],
    ['(https://a.example/x)', ['https://a.example/x']],
    ['https://a.example/x_(y)', ['https://a.example/x_(y)']],
    ['https://a.example/?q=1&r=2#s!', ['https://a.example/?q=1&r=2#s']],
    ['「https://a.example/パス」。', ['https://a.example/パス']],
    ['http://a.example and https://b.example', ['http://a.example', 'https://b.example']],
    ['HTTPS://A.EXAMPLE', ['HTTPS://A.EXAMPLE']],
    ['javascript:alert(1)', []],
    ['data:text/html,x', []],
    ['ftp://a.example', []],
    ['https://', []],
    ['https://bank.example@evil.example/', []],
    ['<img src=x onerror=alert(1)>', []],
  ])('%s', (body, want) => expect(links(body)).toEqual(want));

  it('loses no character', () => {
    for (const body of ['a https://a.example/x, b', 'https://a.example', '', 'x\n\ny https://[bad', '((https://a.example))'])
      expect(pieces(body).map((p) => (typeof p === 'string' ? p : p.text)).join('')).toBe(body);
  });

  it('gives only http and https addresses, whatever the text', () => {
    for (const p of pieces('https://a.example/"><script> http://x\u202E.example')) if (typeof p !== 'string') expect(p.href).toMatch(/^https?:\/\//);
  });
});

describe('names', () => {
  it.each([
    ['Mirela Popescu', 'MP', 'Mirela'],
    ['Mirela', 'M', 'Mirela'],
    ['田辺 ゆき', '田', '田辺'],
    ['  ana  maria pires ', 'AP', 'ana'],
    ['', '', ''],
    ['😀 Bo', '😀', '😀'],
  ])('%s', (name, letters, short) => {
    expect(initials(name)).toBe(letters);
    expect(shortName(name)).toBe(short);
  });

  it('makes a name of an identity', () => {
    expect(nameOfIdentity('mirela_2Epopescu_40shop_2Eexample')).toBe('Mirela Popescu');
    expect(nameOfIdentity('bo')).toBe('Bo');
    expect(nameOfIdentity('')).toBe('');
  });

  it('finds how the visitor wants to be called', () => {
    expect(nameIn({ friendlyName: ' Ana\nPires ' })).toBe('Ana Pires');
    expect(nameIn({ name: 'Bo' })).toBe('Bo');
    expect(nameIn({})).toBe('');
  });

  it('gives the same person the same ground', () => {
    expect(tone('a')).toBe(tone('a'));
    for (const seed of ['', 'a', 'b', '田']) expect([1, 2, 3, 4, 5]).toContain(tone(seed));
  });
});
