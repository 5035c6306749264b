/** Widgets and their ways out in words. Pure. */
import type { FlowKey, FlowTranslator } from '../../../i18n/flows';
import { comparesWithValue, isOperator, specOf, waysOf } from './catalog';
import type { State, Transition } from './definition';

type T = Pick<FlowTranslator, 't' | 'plural'>;

const events: Record<string, FlowKey> = {
  incomingMessage: 'e.incomingMessage', incomingConversationMessage: 'e.incomingConversationMessage', incomingCall: 'e.incomingCall', incomingRequest: 'e.incomingRequest',
  incomingParent: 'e.incomingParent', sent: 'e.sent', failed: 'e.failed', fail: 'e.fail', timeout: 'e.timeout', deliveryFailure: 'e.deliveryFailure', noMatch: 'e.noMatch',
  match: 'e.match', next: 'e.next', success: 'e.success', completed: 'e.completed', callComplete: 'e.callComplete', failedToEnqueue: 'e.failedToEnqueue',
  callFailure: 'e.callFailure', return: 'e.return', handoff: 'e.handoff', done: 'e.done',
};

/** What a condition tests, in a few words: `1`, or `is blank`. */
function conditionWord(transition: Transition, { t }: T): string {
  const words = (transition.conditions ?? []).map(({ type, value }) => {
    if (!isOperator(type)) return value || type;
    if (!comparesWithValue(type)) return t(`op.${type}`);
    return type === 'equal_to' || type === 'matches_any_of' || type === 'contains' ? value ?? '' : `${t(`op.${type}`)} ${value ?? ''}`;
  });
  return words.filter(Boolean).join(` ${t('split.and')} `);
}

/** What has to happen for a way out to be taken. */
export function wayWord(state: State, transition: Transition, text: T): string {
  if (transition.event === 'match') return conditionWord(transition, text) || text.t('e.match');
  if (transition.event === 'incomingMessage' && state.type === 'send-and-wait-for-reply') return text.t('e.reply');
  const key = events[transition.event];
  return key ? text.t(key) : transition.event;
}

const said = (value: unknown) => (typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : '');

function place(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return host + (pathname === '/' ? '' : pathname);
  } catch {
    return url;
  }
}

/** The second line of a widget: what is special about this one. */
export function remark(state: State, text: T): string {
  const { t, plural } = text;
  const { properties } = state;
  const spec = specOf(state.type);
  if (spec.kind === 'voice') return t('ed.notForMessages');
  if (spec.kind === 'retired') return t('ed.retired');
  if (spec.kind === 'unknown') return state.type || t('ed.unknown');
  switch (state.type) {
    case 'trigger': {
      const used = state.transitions.filter((each) => each.next).map((each) => wayWord(state, each, text));
      return used.join(', ') || t('remark.nothing');
    }
    case 'send-message':
    case 'send-and-wait-for-reply':
      return said(properties.body) || t(spec.long!);
    case 'assistant':
      return said(properties.instructions) || t(spec.long!);
    case 'split-based-on':
      return plural('remark.ways', waysOf(state).length);
    case 'set-variables': {
      const list = (Array.isArray(properties.variables) ? properties.variables : []) as { key?: unknown; value?: unknown }[];
      return list.length === 1 ? `${said(list[0]?.key)} = ${said(list[0]?.value)}` : plural('remark.variables', list.length);
    }
    case 'make-http-request':
      return `${said(properties.method) || 'GET'} ${place(said(properties.url))}`.trim();
    case 'run-function':
    case 'add-twiml-redirect':
      return place(said(properties.url)) || t(spec.long!);
    default:
      return t(spec.long!);
  }
}
