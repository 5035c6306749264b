/** Text in the viewer's language: one typed catalogue, plain placeholders, `**bold**` and plural forms by Intl. */
import { Fragment, useEffect, useMemo, type ReactNode } from 'react';
import { usePref } from '../ui/prefs';
import { en } from './en';
import { ja } from './ja';

export type Locale = 'en' | 'ja';
export type Catalogue = Record<keyof typeof en, string>;

/** Keys that are written with a count come as `name_one` and `name_other`. */
type PluralOf<Words> = { [K in keyof Words]: K extends `${infer Name}_other` ? Name : never }[keyof Words] & string;
export type PluralKey = PluralOf<typeof en>;
export type Key = keyof typeof en;
type Values = Record<string, string | number>;

const catalogues: Record<Locale, Catalogue> = { en, ja };

const fill = (text: string, values?: Values) =>
  values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole)) : text;

/** The functions that turn the keys of a catalogue into words. */
export function translatorOf<Words extends Record<string, string>>(words: Words, locale: Locale) {
  type Known = keyof Words & string;
  const rules = new Intl.PluralRules(locale);
  const t = (key: Known, values?: Values) => fill(words[key]!, values);
  const plural = (key: PluralOf<Words>, n: number, values?: Values) => {
    const form = words[`${key}_${rules.select(n)}`] ?? words[`${key}_other`];
    return fill(form!, { n, ...values });
  };
  /** Like t, with `**…**` as bold. Values are text, never markup. */
  const rich = (key: Known, values?: Values): ReactNode => {
    const parts = words[key]!.split('**');
    return parts.map((part, at) => (at % 2 ? <b key={at}>{fill(part, values)}</b> : <Fragment key={at}>{fill(part, values)}</Fragment>));
  };
  return { locale, t, plural, rich };
}

/** The functions for the desk's own catalogue. */
export const translator = (locale: Locale) => translatorOf<Catalogue>(catalogues[locale], locale);

export type Translator = ReturnType<typeof translator>;

const preferred = (): Locale => (navigator.languages?.some((tag) => tag.startsWith('ja')) && !navigator.language.startsWith('en') ? 'ja' : 'en');

/** Words and formats of the chosen language. */
export function useText(): Translator & { setLocale: (locale: Locale) => void } {
  const [chosen, choose] = usePref('locale', preferred());
  const locale: Locale = chosen === 'ja' ? 'ja' : 'en';
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  return useMemo(() => ({ ...translators[locale], setLocale: choose }), [locale]);
}

const translators: Record<Locale, Translator> = { en: translator('en'), ja: translator('ja') };
