/** What a new flow begins with. Pure. */
import { newState } from './catalog';
import type { Definition, State } from './definition';

export type Template = 'blank' | 'webchat' | 'menu';

/** SIDs that hand over to an agent; '' is filled in by hand. */
export interface Handover {
  workflow: string;
  channel: string;
}

const attributes = '{"name": "{{trigger.message.ChannelAttributes.from}}", "channelType": "{{trigger.message.ChannelAttributes.channel_type}}", "channelSid": "{{trigger.message.ChannelSid}}"}';

function state(type: string, name: string, x: number, y: number, properties: State['properties'] = {}, ways: Record<string, string> = {}): State {
  const made = newState(type, name);
  const transitions = made.transitions.map((each) => (ways[each.event] ? { ...each, next: ways[each.event] } : each));
  return { ...made, transitions, properties: { offset: { x, y }, ...made.properties, ...properties } };
}

const flow = (description: string, states: State[]): Definition => ({ description, states, initial_state: 'Trigger', flags: { allow_concurrent_calls: true } });

export function templateOf(template: Template, name: string, { workflow, channel }: Handover): Definition {
  const agent = (x: number, y: number, more = attributes) => state('send-to-flex', 'SendToAgent', x, y, { workflow, channel, attributes: more });
  if (template === 'blank') return flow(name, [state('trigger', 'Trigger', 0, 0)]);
  if (template === 'webchat') return flow(name, [state('trigger', 'Trigger', 0, 0, {}, { incomingMessage: 'SendToAgent' }), agent(0, 140)]);
  const input = '{{widgets.ask_topic.inbound.Body}}';
  const match = (value: string, next: string) => ({ event: 'match', next, conditions: [{ friendly_name: `If value matches_any_of ${value}`, arguments: [input], type: 'matches_any_of', value }] });
  const topic = state('split-based-on', 'topic', 0, 280, { input }, { noMatch: 'ask_topic' });
  const set = (key: string, x: number) => state('set-variables', `set_${key}`, x, 420, { variables: [{ key: 'topic', value: key, type: 'string' }] }, { next: 'SendToAgent' });
  const handed = attributes.replace(/\}$/, ', "topic": "{{flow.variables.topic}}"}');
  return flow(name, [
    state('trigger', 'Trigger', 0, 0, {}, { incomingMessage: 'ask_topic' }),
    state('send-and-wait-for-reply', 'ask_topic', 0, 140, { body: 'Hello! Is it about 1 an order or 2 a repair?' }, { incomingMessage: 'topic', timeout: 'SendToAgent', deliveryFailure: 'SendToAgent' }),
    { ...topic, transitions: [...topic.transitions, match('1, order', 'set_order'), match('2, repair', 'set_repair')] },
    set('order', -140), set('repair', 140),
    agent(0, 560, handed),
  ]);
}
