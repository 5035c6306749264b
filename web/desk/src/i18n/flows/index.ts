/** The words of the flow editor: a catalogue of their own, loaded with it. */
import { translatorOf, useText, type Locale } from '../index';
import { en } from './en';
import { ja } from './ja';

export type FlowKey = keyof typeof en;
export type FlowCatalogue = Record<FlowKey, string>;

const translators: Record<Locale, ReturnType<typeof make>> = { en: make(en, 'en'), ja: make(ja, 'ja') };

function make(words: FlowCatalogue, locale: Locale) {
  return translatorOf<FlowCatalogue>(words, locale);
}

export type FlowTranslator = ReturnType<typeof make>;

/** Words of the editor in the chosen language. */
export const useFlowText = (): FlowTranslator => translators[useText().locale];
