/** Connections to carriers, and a message sent to try one. Usher's own API, for administrators; the message is the Messages API's. */
import { call, listAll } from './http';
import type { Delivery } from './types';

/** One setting of a kind, as its form shows it. */
export interface CarrierField {
  name: string;
  label: string;
  help: string;
  secret: boolean;
  required: boolean;
  default: string;
  choices: string[];
}

export interface CarrierKind {
  name: string;
  channels: string[];
  fields: CarrierField[];
}

/** Secrets are named, and never told. */
export interface CarrierConnection {
  sid: string;
  account_sid: string;
  kind: string;
  friendly_name: string;
  enabled: boolean;
  settings: Record<string, string>;
  secrets: string[];
  addresses: string[];
  /** Messages a second; 0 is as many as come. */
  rate: number;
  /** What becomes of a message when the link was cut before the carrier's answer. */
  unknown: 'resend' | 'fail';
  /** The address that the carrier calls. */
  entrance: string;
}

export interface CarrierHealth {
  status: 'up' | 'down' | 'unknown';
  since: string | null;
  problem: string | null;
}

/** What is saved: settings that are left out stay, an empty text takes one away. */
export interface CarrierInput {
  kind: string;
  friendly_name: string;
  settings: Record<string, string>;
  addresses: string[];
  rate: number;
  unknown: 'resend' | 'fail';
}

const path = '/carriers/v1/Connections';

export const carrierKinds = () => call<{ kinds: CarrierKind[] }>('GET', '/carriers/v1/Kinds').then(({ kinds }) => kinds);
export const carriers = () => listAll<CarrierConnection>(path);
export const carrierHealth = (sid: string) => call<CarrierHealth>('GET', `${path}/${sid}/Health`);
export const saveCarrier = (sid: string | undefined, input: CarrierInput) =>
  call<CarrierConnection>('POST', sid ? `${path}/${sid}` : path, {
    Kind: sid ? undefined : input.kind, FriendlyName: input.friendly_name, Settings: JSON.stringify(input.settings),
    Addresses: JSON.stringify(input.addresses), Rate: input.rate, Unknown: input.unknown,
  });
export const switchCarrier = (sid: string, on: boolean) => call<CarrierConnection>('POST', `${path}/${sid}`, { Enabled: on });
export const deleteCarrier = (sid: string) => call<void>('DELETE', `${path}/${sid}`);

/** A message of the Messages API, as far as a test shows it. */
export interface CarrierMessage {
  sid: string;
  status: string;
  error_code: number | null;
  error_message: string | null;
}

const messages = (account: string) => `/api/2010-04-01/Accounts/${account}/Messages`;

export const sendMessage = (account: string, From: string, To: string, Body: string) =>
  call<CarrierMessage>('POST', `${messages(account)}.json`, { From, To, Body });
export const readMessage = (account: string, sid: string) => call<CarrierMessage>('GET', `${messages(account)}/${sid}.json`);

/** How many of a channel's newest messages say what became of them. */
const FOLLOWED = 100;

/** What became of a channel's newest messages, for channels that a carrier carries. */
export const deliveriesOf = (channel: string) => listAll<Delivery>(`/carriers/v1/Channels/${channel}/Deliveries`, {}, FOLLOWED);
