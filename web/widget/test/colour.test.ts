import { describe, expect, it } from 'vitest';
import { brandTokens, contrast, fromOklch, parseHex, toHex, toOklch, type Rgb } from '../app/core/colour.ts';

const rgb = (hex: string) => parseHex(hex)!;

describe('arithmetic', () => {
  it('reads colours', () => {
    expect(parseHex('#fff')).toEqual([1, 1, 1]);
    expect(toHex(rgb('#0B6974'))).toBe('#0b6974');
    for (const bad of ['', 'red', '#ff', '#gggggg', 'url(x)', '#fff;x']) expect(parseHex(bad)).toBeUndefined();
  });

  it('goes to OKLCH and back', () => {
    for (const hex of ['#0b6974', '#ff0000', '#00ff00', '#0000ff', '#808080', '#ffffff', '#000000', '#f5c518']) expect(toHex(fromOklch(toOklch(rgb(hex))))).toBe(hex);
  });

  it('knows the known values', () => {
    const [l, c, h] = toOklch(rgb('#ff0000'));
    expect([l, c, (h * 180) / Math.PI]).toEqual([expect.closeTo(0.628, 2), expect.closeTo(0.2577, 2), expect.closeTo(29.23, 0)]);
    expect(contrast(rgb('#000000'), rgb('#ffffff'))).toBeCloseTo(21);
    expect(contrast(rgb('#777777'), rgb('#ffffff'))).toBeCloseTo(4.48, 1);
  });

  it('stays among the colours that a screen has', () => {
    for (const v of fromOklch([0.7, 0.4, 2])) expect(v >= 0 && v <= 1).toBe(true);
  });
});

describe('brand', () => {
  const brands = ['#0b6974', '#ffff00', '#ffffff', '#000000', '#ff00ff', '#00e5ff', '#808080', '#1db954', '#e60023', '#f7c6d9', '#001f3f', '#fc0'];
  const grounds: Record<'light' | 'dark', Rgb[]> = { light: ['#ffffff', '#f5f5f2', '#e8e8e3'].map(rgb), dark: ['#131312', '#1a1a18', '#31302d'].map(rgb) };

  for (const scheme of ['light', 'dark'] as const)
    it.each(brands)(`%s can be read, ${scheme}`, (brand) => {
      const t = brandTokens(brand, scheme)!;
      const of = (name: string) => rgb(t[name]!);
      for (const g of [...grounds[scheme], of('accent-soft')]) expect(contrast(of('accent'), g)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(of('on-accent'), of('accent'))).toBeGreaterThanOrEqual(4.5);
      expect(contrast(of('on-me'), of('bubble-me'))).toBeGreaterThanOrEqual(4.5);
    });

  it('keeps a colour that is good already', () => {
    expect(brandTokens('#0b6974', 'light')!.accent).toBe('#0b6974');
  });

  it('keeps the hue', () => {
    const hue = (hex: string) => toOklch(rgb(hex))[2];
    for (const scheme of ['light', 'dark'] as const) expect(hue(brandTokens('#e60023', scheme)!.accent!)).toBeCloseTo(hue('#e60023'), 0);
  });

  it('is nothing when it is no colour', () => expect(brandTokens('tomato', 'light')).toBeUndefined());
});
