import { describe, expect, it } from 'vitest';
import type { CarrierConnection, CarrierKind } from '../../api/carriers';
import { addressesOf, formOf, inputOf, isAddress, problemsOf } from './number-form';

const field = (name: string, more = {}) => ({ name, label: name, help: '', secret: false, required: false, default: '', choices: [], ...more });
const kind: CarrierKind = {
  name: 'smpp', channels: ['sms'],
  fields: [field('address', { required: true }), field('password', { secret: true, required: true, default: 'never' }), field('encoding', { default: 'gsm', choices: ['gsm', 'latin1'] })],
};
const row: CarrierConnection = {
  sid: 'CN1', account_sid: 'AC1', kind: 'smpp', friendly_name: 'Link', enabled: true, settings: { address: 'smsc:2775', encoding: 'latin1' },
  secrets: ['password'], addresses: ['+15005550100', '12345'], rate: 5, unknown: 'fail', entrance: '',
};

describe('the form of a connection', () => {
  it('begins with defaults, but for secrets', () => {
    expect(formOf(kind).settings).toEqual({ address: '', password: '', encoding: 'gsm' });
    expect(formOf(undefined).kind).toBe('');
  });
  it('says what is missing', () => {
    expect(problemsOf(formOf(undefined), undefined)).toEqual({ kind: 'numbers.needKind' });
    expect(problemsOf(formOf(kind), kind)).toEqual({ 'settings.address': 'numbers.needed', 'settings.password': 'numbers.needed' });
    expect(problemsOf(formOf(kind, row), kind, row)).toEqual({});
    expect(problemsOf({ ...formOf(kind, row), addresses: '+15005550100\n0043 1' }, kind, row)).toEqual({ addresses: 'numbers.badAddress' });
  });
  it('keeps a secret that nobody wrote', () => {
    const form = formOf(kind, row);
    expect(inputOf(form, kind)).toEqual({
      kind: 'smpp', friendly_name: 'Link', settings: { address: 'smsc:2775', encoding: 'latin1' }, addresses: ['+15005550100', '12345'], rate: 5, unknown: 'fail',
    });
    expect(inputOf({ ...form, settings: { ...form.settings, password: 'new', address: '' } }, kind).settings).toEqual({ address: '', password: 'new', encoding: 'latin1' });
  });
  it('knows addresses', () => {
    for (const good of ['+4366412345678', '12345', 'Lantern', 'whatsapp:+15005550100', 'line:U0123', 'custom:any-thing', '*', 'whatsapp:*']) expect(isAddress(good), good).toBe(true);
    for (const bad of ['004366412345678', '+0123', '+', 'a name that is too long', 'whatsapp:', 'a:b c', '+123456789012345678']) expect(isAddress(bad), bad).toBe(false);
    expect(addressesOf(' +1 \n\n+1\n+2 ')).toEqual(['+1', '+2']);
  });
});
