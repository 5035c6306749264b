/** The types of widgets: what they look like, which ways out they have, what the inspector asks. Pure. */
import type { FlowKey } from '../../../i18n/flows';
import type { Condition, Definition, Properties, State, Transition } from './definition';
import type { GlyphName } from './glyphs';

/** How the inspector asks for a property. */
export type FieldKind =
  | 'text' | 'template' | 'long' | 'number' | 'switch' | 'json' | 'pairs' | 'variables'
  | 'workflow' | 'taskChannel' | 'flow' | 'revision' | 'method' | 'contentType';

export interface FieldSpec {
  property: string;
  kind: FieldKind;
  label: FlowKey;
  help?: FlowKey;
  /** Shares its line with the next one. */
  half?: boolean;
  /** Shown only then. */
  when?: (properties: Properties) => boolean;
}

export type Kind = 'messaging' | 'voice' | 'retired' | 'unknown';

export interface WidgetSpec {
  type: string;
  kind: Kind;
  icon: GlyphName;
  /** Short and long word for it; the type itself where there is none. */
  short?: FlowKey;
  long?: FlowKey;
  /** Ways out of a new one, the first is the good end. */
  events: string[];
  /** Ways out that say that something went wrong. */
  failures: string[];
  properties: Properties;
  /** What a new one is called. */
  stem: string;
  fields: FieldSpec[];
  /** Fields that few need: folded. */
  more: FieldSpec[];
}

const chat: Properties = { service: '{{trigger.message.InstanceSid}}', channel: '{{trigger.message.ChannelSid}}', from: '{{flow.channel.address}}' };
const isJson = (properties: Properties) => String(properties.content_type ?? '').includes('json');

const messageFields: FieldSpec[] = [
  { property: 'media_url', kind: 'template', label: 'f.media_url' },
  { property: 'from', kind: 'template', label: 'f.from' },
  { property: 'service', kind: 'template', label: 'f.service' },
  { property: 'channel', kind: 'template', label: 'f.channel' },
  { property: 'attributes', kind: 'json', label: 'f.attributes' },
  { property: 'messaging_service_sid', kind: 'template', label: 'f.messaging_service_sid' },
  { property: 'content_sid', kind: 'template', label: 'f.content_sid' },
];

const specs: WidgetSpec[] = [
  {
    type: 'trigger', kind: 'messaging', icon: 'trigger', short: 'w.trigger', long: 'wl.trigger', stem: 'Trigger', failures: [],
    events: ['incomingMessage', 'incomingCall', 'incomingConversationMessage', 'incomingRequest', 'incomingParent'], properties: {}, fields: [], more: [],
  },
  {
    type: 'send-message', kind: 'messaging', icon: 'say', short: 'w.send-message', long: 'wl.send-message', stem: 'send_message', failures: [],
    events: ['sent', 'failed'], properties: { ...chat, to: '{{contact.channel.address}}', body: '' },
    fields: [{ property: 'body', kind: 'long', label: 'f.body', help: 'f.body.help' }],
    more: [{ property: 'to', kind: 'template', label: 'f.to' }, ...messageFields],
  },
  {
    type: 'send-and-wait-for-reply', kind: 'messaging', icon: 'ask', short: 'w.send-and-wait-for-reply', long: 'wl.send-and-wait-for-reply', stem: 'ask', failures: [],
    events: ['incomingMessage', 'timeout', 'deliveryFailure'], properties: { ...chat, body: '', timeout: '3600' },
    fields: [{ property: 'body', kind: 'long', label: 'f.body', help: 'f.body.help' }, { property: 'timeout', kind: 'number', label: 'f.timeout', help: 'f.timeout.help' }],
    more: messageFields,
  },
  {
    type: 'split-based-on', kind: 'messaging', icon: 'split', short: 'w.split-based-on', long: 'wl.split-based-on', stem: 'split', failures: [],
    events: ['noMatch'], properties: { input: '' }, fields: [{ property: 'input', kind: 'template', label: 'f.input' }], more: [],
  },
  {
    type: 'set-variables', kind: 'messaging', icon: 'set', short: 'w.set-variables', long: 'wl.set-variables', stem: 'set_variables', failures: [],
    events: ['next'], properties: { variables: [] }, fields: [{ property: 'variables', kind: 'variables', label: 'f.variables', help: 'f.variables.help' }], more: [],
  },
  {
    type: 'make-http-request', kind: 'messaging', icon: 'http', short: 'w.make-http-request', long: 'wl.make-http-request', stem: 'http_request', failures: ['failed'],
    events: ['success', 'failed'], properties: { method: 'GET', url: '', content_type: 'application/x-www-form-urlencoded;charset=utf-8', parameters: [] },
    fields: [
      { property: 'method', kind: 'method', label: 'f.method', half: true },
      { property: 'content_type', kind: 'contentType', label: 'f.content_type' },
      { property: 'url', kind: 'template', label: 'f.url' },
      { property: 'body', kind: 'long', label: 'f.requestBody', when: (properties) => isJson(properties) || Boolean(properties.body) },
      { property: 'parameters', kind: 'pairs', label: 'f.parameters', when: (properties) => !isJson(properties) || Array.isArray(properties.parameters) && properties.parameters.length > 0 },
    ],
    more: [{ property: 'add_twilio_auth', kind: 'switch', label: 'f.add_twilio_auth' }],
  },
  {
    type: 'run-function', kind: 'messaging', icon: 'function', short: 'w.run-function', long: 'wl.run-function', stem: 'run_function', failures: ['fail'],
    events: ['success', 'fail'], properties: { url: '', parameters: [] },
    fields: [{ property: 'url', kind: 'template', label: 'f.functionUrl', help: 'f.functionUrl.help' }, { property: 'parameters', kind: 'pairs', label: 'f.parameters' }],
    more: [{ property: 'service_sid', kind: 'text', label: 'f.service_sid' }, { property: 'environment_sid', kind: 'text', label: 'f.environment_sid' }, { property: 'function_sid', kind: 'text', label: 'f.function_sid' }],
  },
  {
    type: 'run-subflow', kind: 'messaging', icon: 'subflow', short: 'w.run-subflow', long: 'wl.run-subflow', stem: 'run_subflow', failures: ['failed'],
    events: ['completed', 'failed'], properties: { flow_sid: '', flow_revision: 'LatestPublished', parameters: [] },
    fields: [{ property: 'flow_sid', kind: 'flow', label: 'f.flow_sid' }, { property: 'flow_revision', kind: 'revision', label: 'f.flow_revision' }, { property: 'parameters', kind: 'pairs', label: 'f.parameters' }], more: [],
  },
  {
    type: 'send-to-flex', kind: 'messaging', icon: 'agent', short: 'w.send-to-flex', long: 'wl.send-to-flex', stem: 'agent', failures: [],
    events: ['callComplete', 'failedToEnqueue', 'callFailure'], properties: { workflow: '', channel: '', attributes: '{\n  "name": "{{trigger.message.ChannelAttributes.from}}",\n  "channelSid": "{{trigger.message.ChannelSid}}"\n}' },
    fields: [
      { property: 'workflow', kind: 'workflow', label: 'f.workflow' },
      { property: 'channel', kind: 'taskChannel', label: 'f.taskChannel', half: true },
      { property: 'priority', kind: 'number', label: 'f.priority' },
      { property: 'attributes', kind: 'json', label: 'f.taskAttributes', help: 'f.taskAttributes.help' },
    ],
    more: [{ property: 'timeout', kind: 'number', label: 'f.taskTimeout', help: 'f.taskTimeout.help' }],
  },
  {
    type: 'add-twiml-redirect', kind: 'messaging', icon: 'redirect', short: 'w.add-twiml-redirect', long: 'wl.add-twiml-redirect', stem: 'redirect', failures: ['fail'],
    events: ['return', 'timeout', 'fail'], properties: { method: 'POST', url: '', timeout: '14400' },
    fields: [{ property: 'method', kind: 'method', label: 'f.method', half: true }, { property: 'timeout', kind: 'number', label: 'f.redirectTimeout' }, { property: 'url', kind: 'template', label: 'f.redirectUrl' }], more: [],
  },  {
    type: 'assistant', kind: 'messaging', icon: 'assistant', short: 'w.assistant', long: 'wl.assistant', stem: 'assistant', failures: ['failed'],
    events: ['handoff', 'done', 'timeout', 'failed'], properties: { instructions: '', timeout: '3600' },
    fields: [
      { property: 'instructions', kind: 'long', label: 'f.instructions', help: 'f.instructions.help' },
      { property: 'handoff_words', kind: 'text', label: 'f.handoff_words', help: 'f.handoff_words.help' },
      { property: 'turns', kind: 'number', label: 'f.turns', half: true }, { property: 'timeout', kind: 'number', label: 'f.timeout' },
    ],
    more: [{ property: 'model', kind: 'text', label: 'f.model' }, { property: 'from', kind: 'template', label: 'f.from' }],
  },
];

const voice = [
  'say-play', 'gather-input-on-call', 'connect-call-to', 'connect-virtual-agent', 'connect-virtual-agent-v2', 'record-call', 'record-voicemail', 'enqueue-call',
  'make-outgoing-call', 'make-outgoing-call-v2', 'capture-payments', 'fork-stream',
];
const byType = new Map(specs.map((spec) => [spec.type, spec]));

/** What can be added, in the order of the palette. */
export const palette = specs.filter((spec) => spec.type !== 'trigger');

/** What is known of a type; unknown ones have no fields of their own. */
export function specOf(type: string): WidgetSpec {
  const known = byType.get(type);
  if (known) return known;
  const kind = voice.includes(type) ? 'voice' : type === 'send-to-auto-pilot' ? 'retired' : 'unknown';
  return { type, kind, icon: kind === 'voice' ? 'voice' : 'unknown', events: [], failures: [], properties: {}, stem: type, fields: [], more: [] };
}

/** A new widget of a type, with its ways out leading to the end. */
export const newState = (type: string, name: string): State => {
  const spec = specOf(type);
  return { name, type, transitions: spec.events.map((event) => ({ event })), properties: structuredClone(spec.properties) };
};

/** The ways out of a widget with those that its type has and the document does not mention; `at` is -1 for these. */
export function waysOf(state: State): { transition: Transition; at: number }[] {
  const own = state.transitions.map((transition, at) => ({ transition, at }));
  const missing = specOf(state.type).events.filter((event) => !state.transitions.some((each) => each.event === event));
  return [...own, ...missing.map((event) => ({ transition: { event }, at: -1 }))];
}

export const operators = [
  'equal_to', 'not_equal_to', 'matches_any_of', 'does_not_match_any_of', 'contains', 'does_not_contain', 'starts_with', 'does_not_start_with', 'is_blank', 'is_not_blank',
  'regex', 'less_than', 'greater_than', 'is_before_date', 'is_after_date', 'is_before_time', 'is_after_time',
] as const;

export type Operator = (typeof operators)[number];

export const isOperator = (type: string): type is Operator => (operators as readonly string[]).includes(type);

/** Blank or not needs no value to compare with. */
export const comparesWithValue = (type: string): boolean => type !== 'is_blank' && type !== 'is_not_blank';

/** The name that the original gives a condition. */
export const conditionName = (condition: Condition): string => `If value ${condition.type} ${comparesWithValue(condition.type) ? condition.value ?? '' : ''}`.trim();

/** Values that a template may hold at all, from what the flow's widgets leave behind. */
export function valuesOf({ states }: Definition): string[] {
  const path = (name: string) => (/^[A-Za-z_][\w-]*$/.test(name) ? `widgets.${name}` : `widgets["${name}"]`);
  const own = states.flatMap((state) => {
    switch (state.type) {
      case 'send-and-wait-for-reply': return [`${path(state.name)}.inbound.Body`];
      case 'make-http-request': case 'run-function': return [`${path(state.name)}.parsed.`, `${path(state.name)}.status_code`];
      case 'assistant': return [`${path(state.name)}.answer`, `${path(state.name)}.reason`, `${path(state.name)}.inbound.Body`];
      case 'send-to-flex': return [`${path(state.name)}.sid`];
      case 'set-variables': return (Array.isArray(state.properties.variables) ? state.properties.variables : []).flatMap((each: unknown) => {
        const key = (each as { key?: unknown } | null)?.key;
        return typeof key === 'string' && key ? [`flow.variables.${key}`] : [];
      });
      default: return [];
    }
  });
  return [...new Set(['trigger.message.Body', ...own, 'contact.channel.address', 'flow.channel.address', 'trigger.message.ChannelAttributes.from', 'trigger.message.ChannelSid', 'flow.data.', 'flow.sid'])];
}
