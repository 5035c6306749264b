import type { Choice, FieldSpec } from './api.ts';

// The pre-engagement form's rules, apart from how it is drawn.

export type Problem = { kind: 'empty' } | { kind: 'no-at' } | { kind: 'nothing-before' } | { kind: 'incomplete'; after: string } | { kind: 'not-a-number' };

export const choicesOf = (f: FieldSpec): Choice[] => f.options ?? f.attributes.options ?? [];

/** Few and short choices are drawn as chips, others as a list. */
export function areChips(f: FieldSpec): boolean {
  const all = choicesOf(f);
  return f.type === 'SelectItem' && all.length <= 4 && all.every((c) => (c.label ?? c.value).length <= 20);
}

export function firstValue(f: FieldSpec, remembered: Record<string, string> | undefined): string {
  return remembered?.[f.attributes.name] ?? f.attributes.value ?? choicesOf(f).find((c) => c.selected)?.value ?? '';
}

function email(value: string): Problem | undefined {
  const at = value.lastIndexOf('@');
  if (at < 0) return { kind: 'no-at' };
  if (at === 0) return { kind: 'nothing-before' };
  const domain = value.slice(at + 1);
  return /^[^\s.@]+(\.[^\s.@]+)+$/.test(domain) && !/\s/.test(value) ? undefined : { kind: 'incomplete', after: domain || '@' };
}

export function problem(f: FieldSpec, value: string): Problem | undefined {
  const text = value.trim();
  if (!text) return f.attributes.required ? { kind: 'empty' } : undefined;
  if (f.attributes.type === 'email') return email(text);
  if (f.attributes.type === 'number' && !Number.isFinite(Number(text))) return { kind: 'not-a-number' };
  return undefined;
}

/** What a browser may fill in by itself. */
export function autocomplete(f: FieldSpec): string {
  if (f.attributes.type === 'email') return 'email';
  if (f.attributes.type === 'tel') return 'tel';
  return /^(friendlyName|name|fullName)$/.test(f.attributes.name) ? 'name' : 'on';
}
