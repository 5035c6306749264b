/** Puts the made-up server in place of fetch and WebSocket. */
import { me, sid } from './data';
import { fakeRest } from './rest';
import { scenarios, type Scenario } from './scenarios';

type Frame = Record<string, unknown> & { type: string; id?: number };

function socketOf(scene: Scenario) {
  let dead = false;
  return class FakeSocket {
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;

    constructor() {
      setTimeout(() => (dead ? this.onclose?.({ code: 1006, reason: '' }) : this.onopen?.()), 10);
      if (scene.cut) {
        setTimeout(() => {
          dead = true;
          this.onclose?.({ code: 1006, reason: '' });
        }, 900);
      }
    }

    private say(frame: object) {
      setTimeout(() => this.onmessage?.({ data: JSON.stringify(frame) }), 15);
    }

    send(text: string) {
      const frame = JSON.parse(text) as Frame;
      const chat = scene.chats.find((each) => each.channel.sid === frame.channel);
      switch (frame.type) {
        case 'hello':
          return this.say({ type: 'welcome', id: frame.id, identity: me, account_sid: sid('AC', 1), epoch: 'e', expires: '', heartbeat: 25 });
        case 'subscribe':
          this.say({ type: 'subscribed', id: frame.id, streams: (frame.streams as { stream: string; offset?: number }[]).map((each) => ({ stream: each.stream, epoch: 'e', offset: each.offset ?? 5, resumed: true })) });
          if (scene.typing) setInterval(() => this.say({ type: 'typing', channel: sid('CH', 4), identity: 'web_bo', name: 'Bo' }), 1000);
          if (scene.typing) setInterval(() => this.say({ type: 'typing', channel: sid('CH', 2), identity: 'web_9f1c2a', name: 'Ana' }), 1000);
          return undefined;
        case 'history': {
          if (scene.history === 'slow') return undefined;
          if (scene.history === 'error' || !chat) return this.say({ type: 'error', id: frame.id, code: 20404, status: 404, message: 'not found' });
          const before = (frame.before as number | null) ?? Infinity;
          const messages = chat.messages.filter((message) => message.index < before).slice(-(frame.limit as number));
          return this.say({ type: 'history', id: frame.id, channel: chat.channel, members: chat.members, messages, epoch: 'e', offset: 5 });
        }
        case 'send': {
          if (scene.cut) return undefined;
          const index = chat!.messages.length;
          const message = {
            sid: sid('IM', 7000 + index), channel_sid: frame.channel, index, author: me, member_sid: null, body: frame.body, attributes: {}, type: 'text', media: null,
            date_created: new Date().toISOString(), date_updated: new Date().toISOString(), last_updated_by: null, was_edited: false, client_id: frame.client_id,
          };
          chat!.messages.push(message as never);
          return this.say({ type: 'sent', id: frame.id, message, repeated: false });
        }
        default:
          return frame.id !== undefined ? this.say({ type: 'ok', id: frame.id }) : undefined;
      }
    }

    close() {
      this.onclose = null;
    }
  };
}

export function installFake(name: string): void {
  const scene = (scenarios[name] ?? scenarios.desk!)();
  const key = `usher.desk.outgoing.${me}`;
  if (scene.queued) {
    localStorage.setItem(key, JSON.stringify(scene.queued.map((body, at) => ({ client_id: `q${at}`, channel: sid('CH', 2), body, at: Date.now() + at, status: 'queued' }))));
    scene.cut = true;
  } else localStorage.removeItem(key);
  window.fetch = fakeRest(scene);
  window.WebSocket = socketOf(scene) as unknown as typeof WebSocket;
}
