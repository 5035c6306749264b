import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, call, listAll, onSession, renew, session, setSession, withAttributes } from './http';
import type { Session } from './types';

const signedIn = (token: string) => ({ token, expires: '', person: {} }) as unknown as Session;
const json = (status: number, body: unknown, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers });
const calls: { url: string; auth: string; body?: string }[] = [];
let answers: ((url: string) => Response | undefined)[] = [];

beforeEach(() => {
  calls.length = 0;
  setSession(signedIn('old'));
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const auth = (init.headers as Record<string, string>).Authorization ?? '';
    calls.push({ url, auth: auth && atob(auth.slice(6)), body: init.body as string | undefined });
    const answer = answers.map((each) => each(url)).find(Boolean);
    return answer ? Promise.resolve(answer) : Promise.reject(new TypeError('network'));
  });
});
afterEach(() => {
  answers = [];
  vi.unstubAllGlobals();
});

describe('calls of the API', () => {
  it('renews a refused token once, together with others that wait', async () => {
    answers = [(url) => (url === '/signin/session' ? json(200, signedIn('new')) : undefined), () => (calls.at(-1)!.auth === 'token:new' ? json(200, { ok: true }) : json(401, { code: 20003, message: 'Authenticate' }))];
    await expect(Promise.all([call('GET', '/a'), call('GET', '/b')])).resolves.toEqual([{ ok: true }, { ok: true }]);
    expect(calls.filter((each) => each.url === '/signin/session')).toHaveLength(1);
    expect(session()?.token).toBe('new');
  });

  it('ends the session when it cannot be renewed', async () => {
    const heard: (Session | null)[] = [];
    const stop = onSession((next) => heard.push(next));
    answers = [() => json(401, { code: 20003, message: 'Authenticate' })];
    await expect(call('GET', '/a')).rejects.toMatchObject({ status: 401 });
    expect([session(), heard]).toEqual([null, [null]]);
    stop();
  });

  it('does not sign out because the network is gone', async () => {
    await expect(renew()).rejects.toMatchObject({ status: 0, message: 'network' });
    expect(session()?.token).toBe('old');
  });

  it('says what went wrong, and when to come again', async () => {
    answers = [() => json(429, { code: 20429, message: 'Too many' }, { 'Retry-After': '7' })];
    await expect(call('POST', '/a', { X: 1 })).rejects.toEqual(expect.objectContaining({ status: 429, code: 20429, retryAfter: 7 }) as ApiError);
    expect(calls[0]).toMatchObject({ url: '/a', body: 'X=1' });
    answers = [() => new Response('<html>', { status: 502, statusText: 'Bad Gateway' })];
    await expect(call('GET', '/a')).rejects.toMatchObject({ status: 502, message: 'Bad Gateway' });
  });

  it('follows pages by their query, never by their host', async () => {
    answers = [(url) => (url.includes('PageToken=t') ? json(200, { meta: { key: 'items', next_page_url: null }, items: [3] }) : json(200, { meta: { key: 'items', next_page_url: 'https://elsewhere.example/x?PageToken=t' }, items: [1, 2] }))];
    await expect(listAll('/list')).resolves.toEqual([1, 2, 3]);
    expect(calls.map((each) => each.url)).toEqual(['/list?PageSize=100', '/list?PageToken=t']);
  });

  it('decodes attributes, and reads broken ones as none', () => {
    expect([{ attributes: '{"a":1}' }, { attributes: '{' }, { attributes: '' }, {}, { attributes: { b: 2 } }].map((row) => withAttributes<{ attributes: unknown }>(row).attributes)).toEqual([{ a: 1 }, {}, {}, {}, { b: 2 }]);
  });
});
