import { describe, expect, it, vi } from 'vitest';
import { encode } from '../api/http';
import { withOutcome } from '../api/acts';
import { plainIdentity } from '../api/queries';
import { contextFacts, formFacts, humanize } from '../features/customer/facts';
import type { Conversation } from '../api/reduce';
import type { Work } from '../api/types';
import { translator } from '../i18n';
import { en } from '../i18n/en';
import { ja } from '../i18n/ja';
import { clockOrDate, duration, hoursMinutes, shortSid } from '../i18n/format';
import { filterCommands } from '../shell/palette';
import { initials } from './avatar';
import { chooseKeys, combination, keysOf, matches, ownerOf, shortcuts, type Shortcut } from './shortcuts';

const key = (init: KeyboardEventInit) => new KeyboardEvent('keydown', init);

describe('shortcuts', () => {
  it('tells combinations apart', () => {
    expect(matches(key({ key: 'a' }), 'a')).toBe(true);
    expect(matches(key({ key: 'A', shiftKey: true }), 'a')).toBe(false);
    expect(matches(key({ key: 'a', ctrlKey: true }), 'a')).toBe(false);
    expect(matches(key({ key: 'k', metaKey: true }), 'mod+k')).toBe(true);
    expect(matches(key({ key: '∆', code: 'KeyJ', altKey: true }), 'alt+j')).toBe(true);
    expect(matches(key({ key: '?', shiftKey: true }), '?')).toBe(true);
    expect(matches(key({ key: 'd' }), 'g d', 'g')).toBe(true);
    expect(matches(key({ key: 'd' }), 'g d', 'x')).toBe(false);
  });

  it('can be given other keys, and reads what was pressed', () => {
    expect(combination(key({ key: 'Y' }))).toBe('y');
    expect(combination(key({ key: '∆', code: 'KeyJ', altKey: true }))).toBe('alt+j');
    expect([key({ key: 'Escape' }), key({ key: 'k', ctrlKey: true }), key({ key: 'F5' })].map(combination)).toEqual([undefined, undefined, undefined]);
    chooseKeys('accept', 'y');
    expect([keysOf('accept'), ownerOf('y'), ownerOf('a')]).toEqual([['y'], 'accept', undefined]);
    chooseKeys('accept', null);
    expect(keysOf('accept')).toContain('a');
  });

  it('gives no two acts the same key', () => {
    const all = (shortcuts as readonly Shortcut[]).flatMap((shortcut) => shortcut.keys);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('words', () => {
  it('has the same placeholders and plural forms in every language', () => {
    for (const name of Object.keys(en) as (keyof typeof en)[]) {
      const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
      expect([name, ...new Set(holes(ja[name]))]).toEqual([name, ...new Set(holes(en[name]))]);
      expect([name, ja[name].split('**').length % 2]).toEqual([name, 1]);
    }
  });

  it('fills and counts', () => {
    const { t, plural } = translator('en');
    expect(t('td.done', { n: 2, max: 7 })).toBe('2 of 7 done');
    expect(plural('link.offlineQueued', 1)).toBe('Offline: 1 message queued');
    expect(plural('link.offlineQueued', 2)).toBe('Offline: 2 messages queued');
    expect(translator('ja').plural('inbox.unread', 1)).toBe('未読 1 件');
  });
});

describe('formats', () => {
  it('says durations and SIDs as people do', () => {
    expect([duration(42), duration(725), duration(4360), duration(-1)]).toEqual(['0:42', '12:05', '1:12:40', '0:00']);
    expect(hoursMinutes(2460)).toBe('0:41');
    expect(shortSid(`WT${'7f'.repeat(16)}`)).toBe('WT7f…7f7f');
    const now = new Date(2030, 3, 14, 12).getTime();
    expect(clockOrDate(now - 3_600_000, now, 'en')).toBe('11:00');
    expect(clockOrDate(now - 86_400_000, now, 'en')).toBe('13 Apr');
  });

  it('makes initials in any script', () => {
    expect(['Ana Pires', '大西 遥', 'خالد', 'tom@x.y', ''].map(initials)).toEqual(['AP', '大', 'خ', 'TY', '?']);
  });
});

describe('facts of the customer', () => {
  it('reads the form as object or text, and does not repeat it', () => {
    const chat = (data: unknown) => ({ channel: { attributes: { pre_engagement_data: data } } }) as unknown as Conversation;
    expect(formFacts(chat({ orderNumber: 'SL-1', empty: '' }))).toEqual([{ label: 'Order number', value: 'SL-1' }]);
    expect(formFacts(chat('{"email":"a@b"}'))).toEqual([{ label: 'Email', value: 'a@b' }]);
    expect(formFacts(chat('{'))).toEqual([]);
    const item = { task: { attributes: { channelSid: 'CH', email: 'a@b', cameFrom: '/x', nested: {} } } } as unknown as Work;
    expect(contextFacts(item, [{ label: 'Email', value: 'a@b' }])).toEqual([{ label: 'Came from', value: '/x' }]);
    expect(humanize('order_number')).toBe('Order number');
  });
});

describe('small things', () => {
  it('encodes forms, identities and outcomes', () => {
    expect(encode({ A: true, B: undefined, C: 0 })).toBe('A=true&C=0');
    expect(plainIdentity('mirela_40lantern_2Eexample')).toBe('mirela@lantern.example');
    expect(withOutcome({ conversations: { queue: 'x' }, a: 1 }, { outcome: 'Solved', notes: ' ok ' })).toEqual({ a: 1, conversations: { queue: 'x', outcome: 'Solved', content: 'ok' } });
  });

  it('filters commands without accents, beginnings first', () => {
    vi.stubGlobal('x', 0);
    const list = ['Open the chat with Inês', 'Chat above', 'End'].map((text) => ({ text }));
    expect(filterCommands(list, 'chat').map((each) => each.text)).toEqual(['Chat above', 'Open the chat with Inês']);
    expect(filterCommands(list, 'ines open')).toHaveLength(1);
  });
});
