import { describe, expect, it } from 'vitest';
import type { PhoneMessage } from '../../api/phone';
import { mergePhone, phoneNumber, spaced } from './phone-log';

const message = (sid: string, status = 'received') => ({ sid, status }) as PhoneMessage;

describe('the phone on the screen', () => {
  it('keeps the order, and what was heard last of each message', () => {
    const old = [message('SM01'), message('MM03', 'queued')];
    expect(mergePhone(old, [message('SM02'), message('MM03', 'delivered')]).map((each) => [each.sid, each.status])).toEqual([['SM01', 'received'], ['SM02', 'received'], ['MM03', 'delivered']]);
    expect(mergePhone(old, [])).toBe(old);
  });
  it('has a number of its own', () => {
    for (const at of [0, 0.5, 0.99999]) expect(phoneNumber(() => at)).toMatch(/^\+1555555[1-8]\d{3}$/);
    expect(spaced('+15005550100')).toBe('+1 500 555 0100');
    expect(spaced('12345')).toBe('12345');
  });
});
