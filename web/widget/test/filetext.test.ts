import { expect, it } from 'vitest';
import { isPicture, kindText, sizeText } from '../../shared/filetext.ts';

it('says sizes as people do', () => {
  expect(sizeText(1, 'en')).toBe('1 byte');
  expect(sizeText(900, 'en')).toBe('900 bytes');
  expect(sizeText(1024, 'en')).toBe('1 KB');
  expect(sizeText(5000, 'en')).toBe('5 KB');
  expect(sizeText(2_516_582, 'en')).toBe('2.4 MB');
  expect(sizeText(16 * 1024 * 1024, 'de')).toBe('16 MB');
  expect(sizeText(3 * 1024 ** 3, 'en')).toBe('3 GB');
});

it('says what kind a file is', () => {
  expect(kindText('guide.pdf', 'application/pdf', 2_516_582, 'en')).toBe('PDF, 2.4 MB');
  expect(kindText(null, 'image/png', 2048, 'en')).toBe('PNG, 2 KB');
  expect(kindText('no end', 'application/x-zip', 2048, 'en')).toBe('ZIP, 2 KB');
  expect(kindText('README', 'odd', 1, 'en')).toBe('1 byte');
});

it('knows what is shown small', () => {
  expect(['image/png', 'image/jpeg', 'image/gif', 'image/webp'].every(isPicture)).toBe(true);
  expect(['image/svg+xml', 'image/pngx', 'text/html', ''].some(isPicture)).toBe(false);
});
