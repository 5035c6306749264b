/** The form of a connection to a carrier: what it begins with, and what is wrong with it. Pure. */
import type { CarrierConnection, CarrierInput, CarrierKind } from '../../api/carriers';
import type { Key } from '../../i18n';

/** What the form holds; addresses as they are typed, one a line. */
export interface NumberForm extends Omit<CarrierInput, 'addresses'> {
  addresses: string;
}

export type NumberProblems = Partial<Record<'kind' | 'addresses' | `settings.${string}`, Key>>;

/** All of a channel's that no other connection names. */
const all = /^(?:[a-z]+:)?\*$/;
const word = /^(?:[a-z]+):\S+$/;
const phone = /^\+[1-9]\d{1,14}$/;
const shortCode = /^\d{3,8}$/;
const sender = /^(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}$/;

/** An address that a carrier could carry: a number, a short code, a sender's name, or one of another channel with its prefix. */
export const isAddress = (text: string): boolean => [phone, shortCode, sender, word, all].some((each) => each.test(text));

export const addressesOf = (text: string): string[] => [...new Set(text.split('\n').map((line) => line.trim()).filter(Boolean))];

/** The form of a new connection, or of one that is there. Secrets begin empty: they are never told. */
export function formOf(kind: CarrierKind | undefined, row?: CarrierConnection): NumberForm {
  const settings: Record<string, string> = {};
  for (const field of kind?.fields ?? []) settings[field.name] = row?.settings[field.name] ?? (row || field.secret ? '' : field.default);
  return {
    kind: kind?.name ?? '', friendly_name: row?.friendly_name ?? '', settings, addresses: (row?.addresses ?? []).join('\n'),
    rate: row?.rate ?? 0, unknown: row?.unknown ?? 'resend',
  };
}

export function problemsOf(form: NumberForm, kind: CarrierKind | undefined, row?: CarrierConnection): NumberProblems {
  const out: NumberProblems = {};
  if (!kind) out.kind = 'numbers.needKind';
  for (const field of kind?.fields ?? []) {
    const kept = field.secret && row?.secrets.includes(field.name);
    if (field.required && !kept && !form.settings[field.name]?.trim()) out[`settings.${field.name}`] = 'numbers.needed';
  }
  if (!addressesOf(form.addresses).every(isAddress)) out.addresses = 'numbers.badAddress';
  return out;
}

/** What is saved: a secret that was left empty stays as it is. */
export function inputOf(form: NumberForm, kind: CarrierKind): CarrierInput {
  const settings: Record<string, string> = {};
  for (const { name, secret } of kind.fields) {
    const value = (form.settings[name] ?? '').trim();
    if (!secret || value) settings[name] = value;
  }
  return { ...form, kind: kind.name, friendly_name: form.friendly_name.trim(), settings, addresses: addressesOf(form.addresses) };
}
