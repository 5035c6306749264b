/** The HTTP side of the made-up server. */
import { activityList, DAY, iso, me, MIN, sid, WK, workerRow, WS } from './data';
import type { Scenario } from './scenarios';
import type { FlexFlow, Person } from '../../src/api/types';

const people: Person[] = [
  { sid: sid('PE', 1), email: 'mirela@lantern.example', name: 'Mirela Popescu', role: 'admin', has_password: true, worker_sid: WK },
  { sid: sid('PE', 2), email: 'tom@lantern.example', name: 'Tom Adeyemi', role: 'supervisor', has_password: true, worker_sid: sid('WK', 2) },
  { sid: sid('PE', 3), email: 'yuki@lantern.example', name: 'Yuki Tanabe', role: 'agent', has_password: true, worker_sid: sid('WK', 3) },
  { sid: sid('PE', 4), email: 'ines@lantern.example', name: 'Inês Faria', role: 'agent', has_password: false, worker_sid: sid('WK', 4) },
];

const workerList = [
  workerRow(1, 'Mirela Popescu', 1, ['orders', 'português'], 42, 'mirela@lantern.example'), workerRow(2, 'Tom Adeyemi', 1, ['orders', 'first line'], 38, 'tom@lantern.example'),
  workerRow(3, 'Yuki Tanabe', 1, ['日本語', 'orders'], 20, 'yuki@lantern.example'), workerRow(4, 'Inês Faria', 2, ['returns'], 18, 'ines@lantern.example'), workerRow(5, 'Hamid Rezaei', 0, ['repairs'], 3000),
];

const flow = (n: number, name: string, type: FlexFlow['channel_type'], kind: FlexFlow['integration_type'], more: Partial<FlexFlow>): FlexFlow => ({
  sid: sid('FO', n), friendly_name: name, chat_service_sid: sid('IS', 1), channel_type: type, contact_identity: null, enabled: true, integration_type: kind,
  integration: kind === 'task' ? { workspace_sid: WS, workflow_sid: sid('WW', 1), channel: 'chat', timeout: 86400, priority: 0 } : null, long_lived: false, janitor_enabled: true,
  date_created: iso(40 * DAY), date_updated: iso(12 * DAY), ...more,
});

const flows = [
  flow(1, 'Shop chat', 'web', 'task', { long_lived: true }), flow(2, 'Order texts', 'sms', 'studio', { contact_identity: '+351 21 000 01 00', integration: { flow_sid: sid('FW', 1), retry_count: 3 }, long_lived: true }),
  flow(3, 'WhatsApp', 'whatsapp', 'task', { contact_identity: '+351 21 000 01 07' }), flow(4, 'Workshop kiosk', 'web', 'task', { janitor_enabled: false }),
  flow(5, 'Fleet partners', 'custom', 'external', { enabled: false, contact_identity: 'fleet-portal', integration: { url: 'https://fleet.example/messages', retry_count: 2 } }),
];

const queues = [
  { sid: sid('WQ', 1), friendly_name: 'Orders', target_workers: "routing.skills HAS 'orders'", task_order: 'FIFO', max_reserved_workers: 1 },
  { sid: sid('WQ', 2), friendly_name: 'Everyone', target_workers: '1==1', task_order: 'FIFO', max_reserved_workers: 1 },
];

const workflows = [{
  sid: sid('WW', 1), friendly_name: 'Assign to Anyone', task_reservation_timeout: 120, assignment_callback_url: null,
  configuration: JSON.stringify({ task_routing: { filters: [{ filter_friendly_name: 'Order questions', expression: "question=='Order status'", targets: [{ queue: sid('WQ', 1), timeout: 30 }, { queue: sid('WQ', 2) }] }], default_filter: { queue: sid('WQ', 2) } } }),
}];

const channelsOf = (n: number) => ['default', 'chat', 'sms'].map((name, at) => ({
  sid: sid('WC', n * 10 + at), task_channel_sid: sid('TC', at + 1), task_channel_unique_name: name, assigned_tasks: name === 'chat' ? 3 : 0, configured_capacity: name === 'chat' ? 4 : 1, available: true,
}));

export function fakeRest(scene: Scenario) {
  const state = { ...scene };
  const session = () => ({
    token: 'fake.token', expires: new Date(Date.now() + 3_600_000).toISOString(),
    person: { ...people[0]!, role: scene.role ?? 'admin', has_password: state.hasPassword },
    identity: me, account_sid: sid('AC', 1), workspace_sid: WS, worker_sid: WK, chat_service_sid: sid('IS', 1),
  });
  const self = () => ({ ...workerList[0]!, activity_sid: activityList[state.activity]!.sid, activity_name: activityList[state.activity]!.friendly_name, available: activityList[state.activity]!.available, date_status_changed: iso(14 * MIN + 32_000) });
  const page = (key: string, items: unknown[]) => ({ meta: { key, next_page_url: null }, [key]: items });
  const text = (row: object) => ({ ...row, attributes: JSON.stringify((row as { attributes?: unknown }).attributes ?? {}) });

  function signin(path: string, body: Record<string, unknown>): [number, unknown] {
    if (path === 'session') return state.signedIn ? [200, session()] : [401, { code: 20003, message: 'Authenticate' }];
    if (path === 'password' && body.email === 'slow@x.y') return [429, { code: 20429, message: 'Too many' }];
    if (path === 'password' && body.password !== 'correct horse') return [401, { code: 20003, message: 'Authenticate' }];
    if (path === 'password' || path === 'once') { state.signedIn = true; return [200, session()]; }
    if (path === 'password/change') { state.hasPassword = true; return [204, null]; }
    if (path === 'out') { state.signedIn = false; return [204, null]; }
    if (path === 'people') return body.email ? [200, { link: `${location.origin}/desk/signin#once=Zm9vYmFy` }] : [200, { people: scene.empty ? people.slice(0, 1) : people }];
    return [200, { link: `${location.origin}/desk/signin#once=Zm9vYmFy` }];
  }

  function taskrouter(path: string, form: URLSearchParams, post: boolean): [number, unknown] {
    const parts = path.split('/').slice(5);
    const [kind, id, sub, subId] = parts;
    if (kind === 'Activities') return [200, page('activities', activityList)];
    if (kind === 'TaskQueues') return [200, page('task_queues', queues)];
    if (kind === 'Workflows') return [200, page('workflows', workflows)];
    if (kind === 'TaskChannels') return [200, page('channels', ['default', 'chat', 'sms'].map((name, at) => ({ sid: sid('TC', at + 1), friendly_name: name, unique_name: name })))];
    if (kind === 'Workers' && sub === 'Reservations') return [200, page('reservations', state.work.map((item) => item.reservation).filter((r) => r.reservation_status === form.get('ReservationStatus')))];
    if (kind === 'Workers' && sub === 'Channels') return [200, page('channels', channelsOf(workerList.findIndex((row) => row.sid === id)))];
    if (kind === 'Workers' && id === WK) {
      if (post && form.get('ActivitySid')) state.activity = activityList.findIndex((a) => a.sid === form.get('ActivitySid'));
      return [200, text(self())];
    }
    if (kind === 'Workers') return [200, page('workers', (scene.empty ? workerList.slice(0, 1) : workerList).map(text))];
    if (kind === 'Tasks' && sub === 'Reservations') {
      const item = state.work.find((each) => each.reservation.sid === subId)!;
      item.reservation = { ...item.reservation, reservation_status: form.get('ReservationStatus') as 'accepted', date_updated: new Date().toISOString() };
      return [200, item.reservation];
    }
    if (kind === 'Tasks' && id) return [200, text(state.work.find((item) => item.task.sid === id)!.task)];
    return [200, page('tasks', state.work.map((item) => text(item.task)))];
  }

  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input), location.origin);
    const post = init?.method === 'POST';
    const raw = typeof init?.body === 'string' ? init.body : '';
    const answer = (status: number, data: unknown) => new Response(status === 204 ? null : JSON.stringify(data), { status, headers: { 'Content-Type': 'application/json', 'Retry-After': '30' } });
    await new Promise((done) => setTimeout(done, 20));
    if (url.pathname === '/readyz') return answer(200, {});
    if (url.pathname.startsWith('/signin/')) return answer(...signin(url.pathname.slice(8), raw ? (JSON.parse(raw) as Record<string, unknown>) : {}));
    if (scene.rest === 'slow') return new Promise(() => undefined);
    if (scene.rest === 'error') return answer(503, { code: 20503, message: 'down' });
    const form = post ? new URLSearchParams(raw) : url.searchParams;
    if (url.pathname.startsWith('/flex-api')) return answer(200, url.pathname.endsWith('FlexFlows') && !post ? page('flex_flows', scene.empty ? [] : flows) : { ...flows[0], friendly_name: form.get('FriendlyName') ?? 'Shop chat' });
    return answer(...taskrouter(url.pathname, form, post));
  };
}
