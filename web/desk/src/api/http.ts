/**
 * One way to call the server: JSON answers, coded errors, the access token of the session as Basic `token:JWT`.
 * A refused token is renewed once per refusal, and calls that wait for the same renewal share it.
 */
import type { Form, Session } from './types';

/** A coded answer of the server, or a failure of the network (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
    /** Seconds to wait before trying again. */
    readonly retryAfter?: number,
    /** What the answer says beside its message, such as the places of mistakes. */
    readonly details?: unknown,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

const TIMEOUT = 15_000;
/** A request that outlives its page may carry 64 KB at most, all of them together; a definition can be longer. */
const KEEPALIVE = 16_000;

let current: Session | null = null;
let renewal: Promise<Session | null> | null = null;
const listeners = new Set<(session: Session | null) => void>();

/** The session as last answered by the server; null when signed out. */
export const session = () => current;

/** Hears every new session, and null when it ends. */
export function onSession(fn: (session: Session | null) => void): () => void {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Takes a session that a sign-in call answered. */
export function setSession(next: Session | null): void {
  current = next;
  listeners.forEach((fn) => fn(next));
}

async function send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Response> {
  try {
    return await fetch(path, { method, headers, body, credentials: 'same-origin', keepalive: method !== 'GET' && (body?.length ?? 0) < KEEPALIVE, signal: AbortSignal.timeout(TIMEOUT) });
  } catch (cause) {
    const timedOut = cause instanceof DOMException && cause.name === 'TimeoutError';
    throw new ApiError(0, 0, timedOut ? 'timeout' : 'network');
  }
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text();
  let data: unknown = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    // Not JSON: a proxy's page. The status says enough.
  }
  if (response.ok) return data as T;
  const fault = (data ?? {}) as { code?: number; message?: string; details?: unknown };
  const retry = Number(response.headers.get('Retry-After'));
  throw new ApiError(response.status, fault.code ?? 0, fault.message ?? response.statusText, retry > 0 ? retry : undefined, fault.details);
}

/** A sign-in call: JSON both ways, the cookie carries the session. */
export async function signinCall<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  return read<T>(await send(method, `/signin/${path}`, headers, body === undefined ? undefined : JSON.stringify(body)));
}

/** Asks the server who we are; null when nobody is signed in. */
export function renew(): Promise<Session | null> {
  renewal ??= signinCall<Session>('GET', 'session')
    .then(
      (next) => next,
      (error: ApiError) => {
        if (error.status === 401) return null;
        throw error;
      },
    )
    .then((next) => {
      setSession(next);
      return next;
    })
    .finally(() => {
      renewal = null;
    });
  return renewal;
}

/** The token of the session, renewed when it is about to end; fresh = the last one was refused. Rejects when signed out. */
export async function accessToken(fresh: boolean): Promise<string> {
  const stale = !current || Date.parse(current.expires) - Date.now() < 60_000;
  const valid = fresh || stale ? await renew() : current;
  if (!valid) throw new Error('signed out');
  return valid.token;
}

/** Form parameters of the public API: booleans as words, undefined left out. */
export function encode(form: Form): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) if (value !== undefined) out.set(name, String(value));
  return out.toString();
}

/** A call of the public REST API. */
export async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, form?: Form): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    // Usher-Details: with what the compatible wire has no field for.
    const headers: Record<string, string> = { Accept: 'application/json', 'Usher-Details': 'yes', Authorization: `Basic ${btoa(`token:${current?.token ?? ''}`)}` };
    let url = path;
    let body: string | undefined;
    if (form && method === 'GET') url += `?${encode(form)}`;
    else if (form) {
      headers['Content-Type'] = 'application/x-www-form-urlencoded';
      body = encode(form);
    }
    const response = await send(method, url, headers, body);
    if (response.status === 401 && attempt === 0 && (await renew())) continue;
    return read<T>(response);
  }
}

interface Meta {
  meta: { key: string; next_page_url: string | null };
}

/** Every item of a list, page by page, at most `limit`. */
export async function listAll<T>(path: string, form: Form = {}, limit = 1000): Promise<T[]> {
  const items: T[] = [];
  let query: Form = { PageSize: 100, ...form };
  for (;;) {
    const page = await call<Meta & Record<string, T[]>>('GET', path, query);
    const part = page[page.meta.key] ?? [];
    items.push(...part);
    const next = page.meta.next_page_url;
    if (!next || part.length === 0 || items.length >= limit) return items.slice(0, limit);
    query = Object.fromEntries(new URL(next, location.origin).searchParams);
  }
}

/** Decodes the `attributes` string of a REST answer; a broken document reads as empty. */
export function withAttributes<T>(row: unknown): T {
  const value = row as { attributes?: unknown };
  if (typeof value.attributes !== 'string') return { ...value, attributes: value.attributes ?? {} } as T;
  try {
    const parsed: unknown = JSON.parse(value.attributes || '{}');
    return { ...value, attributes: parsed && typeof parsed === 'object' ? parsed : {} } as T;
  } catch {
    return { ...value, attributes: {} } as T;
  }
}
