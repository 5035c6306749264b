import { describe, expect, it } from 'vitest';
import { segmentsOf } from './segments';

describe('segmentsOf', () => {
  it.each([
    ['', 0, 160, false],
    ['a'.repeat(160), 1, 0, false],
    ['a'.repeat(161), 2, 145, false],
    ['a'.repeat(306), 2, 0, false],
    ['a'.repeat(307), 3, 152, false],
    ['€'.repeat(80), 1, 0, false],
    // A character of two places is not cut: one place at the end of the first part stays empty.
    ['a'.repeat(152) + '€'.repeat(5), 2, 143, false],
    ['é'.repeat(160), 1, 0, false],
    ['ê', 1, 69, true],
    ['文'.repeat(70), 1, 0, true],
    ['文'.repeat(71), 2, 63, true],
    ['😀'.repeat(35), 1, 0, true],
    // 67 places hold 33 of two.
    ['😀'.repeat(36), 2, 61, true],
  ])('%j', (text, n, left, wide) => expect(segmentsOf(text)).toEqual({ n, left, wide }));
});
