/** Deliveries of webhooks: what was sent where, and what came of it. Usher's own API, for administrators. */
import { call, listAll } from './http';

export const deliveryStates = ['pending', 'delivered', 'failed', 'refused', 'canceled', 'erased'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export interface Delivery {
  sid: string;
  kind: string;
  subject_sid: string;
  /** Scheme, host and port only. */
  target: string;
  method: string;
  state: DeliveryState;
  attempts: number;
  retries: number;
  replays: number;
  status: number | null;
  failure: string | null;
  reason: string | null;
  took_ms: number | null;
  date_attempted: string | null;
  date_created: string;
}

/** What a delivery sent and the beginning of what was answered; all null when it was erased with its contact. */
export interface DeliveryBody {
  address: string | null;
  form: Record<string, string[]> | null;
  body: string | null;
  content_type: string | null;
  answer: { body: string; content_type: string } | null;
}

const path = '/hooks/v1/Deliveries';
/** How many of the newest the list shows. */
export const deliveriesShown = 100;

export const deliveries = (state?: DeliveryState) => listAll<Delivery>(path, { State: state }, deliveriesShown);
export const delivery = (sid: string) => call<Delivery>('GET', `${path}/${sid}`);
export const deliveryBody = (sid: string) => call<DeliveryBody>('GET', `${path}/${sid}/Body`);
export const replayDelivery = (sid: string) => call<Delivery>('POST', `${path}/${sid}/Replays`, {});
/** Posts a sample of a message to the URL of an external Flex Flow. */
export const sendTest = (flow: string) => call<Delivery>('POST', path, { FlexFlowSid: flow });
