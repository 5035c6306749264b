// The widget's few calls over HTTP. Everything else goes over the stream.

/** One question of the pre-engagement form, as the Flex Flow or the old widget's configuration writes it. */
export interface FieldSpec {
  label: string;
  type: 'InputItem' | 'SelectItem' | 'TextareaItem';
  attributes: {
    name: string;
    type?: string;
    required?: boolean;
    placeholder?: string;
    value?: string;
    readOnly?: boolean;
    options?: Choice[];
  };
  options?: Choice[];
}

export interface Choice {
  value: string;
  label?: string;
  selected?: boolean;
}

export interface Branding {
  /** Any opaque colour as #rgb or #rrggbb; corrected for contrast. */
  color?: string;
  /** Heading of the form and of an empty conversation. */
  greeting?: string;
  /** Second line of the header, after the name: "replies in a minute". */
  tagline?: string;
  privacy_url?: string;
  /** One sentence under the form: how long the chat is kept. */
  notice?: string;
}

export interface Config {
  account_sid: string;
  flow_sid: string;
  chat_service_sid: string;
  name: string;
  locale: string | null;
  branding: Branding | null;
  pre_engagement: { description?: string; fields: FieldSpec[]; submit_label?: string } | null;
  online: boolean;
  /** False: the page has taken away what attaches files. */
  attachments?: boolean;
}

export interface Token {
  identity: string;
  token: string;
  /** ms since 1970 */
  expires: number;
  /** Secret by which the server knows this visitor again after the token has ended. */
  visitor?: string;
}

/** A refused call; status 0 = no answer came. */
export class CallError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The app lives in <root>/widget/, whatever the root is. */
const root = new URL('..', document.baseURI);

/** Address of the stream. */
export function streamUrl(): string {
  const url = new URL('stream', root);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(new URL(path, root), { ...init, signal: AbortSignal.timeout(20000) });
  } catch {
    throw new CallError(0, 0, '');
  }
  const body = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new CallError(answer.status, body?.code ?? 0, body?.message ?? '');
  return body as T;
}

const post = <T>(path: string, body: BodyInit, headers: Record<string, string>) => call<T>(path, { method: 'POST', body, headers });

export function getConfig(flow: string): Promise<Config> {
  return call('widget/config' + (flow ? '?flow=' + encodeURIComponent(flow) : ''));
}

interface TokenAnswer {
  identity: string;
  expiration: string | number;
  token: string;
  visitor?: string;
}

async function tokens(account: string, path: string, body: object): Promise<Token> {
  const t = await post<TokenAnswer>(`iam/v1/Accounts/${account}/Tokens${path}`, JSON.stringify(body), { 'Content-Type': 'application/json' });
  const at = typeof t.expiration === 'number' ? t.expiration * 1000 : Date.parse(t.expiration);
  return { identity: t.identity, token: t.token, expires: at || Date.now() + 60_000, visitor: t.visitor };
}

/** A token for a visitor nobody knows yet, or for the one whom the secret names. */
export const newToken = ({ account_sid, flow_sid }: Config, visitor?: string) => tokens(account_sid, '', { products: ['flex'], flow_sid, visitor });

export const refreshToken = ({ account_sid }: Config, token: string) => tokens(account_sid, '/refresh', { token });

function form(path: string, token: string, fields: Record<string, string>): Promise<{ sid: string }> {
  return post(path, new URLSearchParams(fields), { Authorization: 'Basic ' + btoa('token:' + token) });
}

/** Opens the visitor's conversation, or finds it. */
export function openChannel(token: Token, flow: string, name: string, answers: Record<string, unknown>): Promise<{ sid: string }> {
  return form('flex-api/v1/WebChannels', token.token, {
    FlexFlowSid: flow,
    Identity: token.identity,
    CustomerFriendlyName: name,
    ChatFriendlyName: 'Web chat',
    PreEngagementData: JSON.stringify(answers),
  });
}

export const endChannel = (token: string, channel: string) => form(`flex-api/v1/WebChannels/${channel}`, token, { ChatStatus: 'inactive' });
