/** What the desk reads and writes, in the names of the public API. Attributes are decoded: objects, never strings. */
import type { Attributes, Reservation, Task, Worker } from '../../../stream/index.ts';

export type { Attributes, Channel, Delivery, Event, Fault, Member, Message, Outgoing, Reservation, Task, Worker } from '../../../stream/index.ts';

/** Role of a person who signs in; a visitor never does. */
export type Role = 'admin' | 'supervisor' | 'agent';

/** A person as the sign-in endpoints answer it. */
export interface Person {
  sid: string;
  email: string;
  name: string;
  role: Role;
  has_password: boolean;
  worker_sid?: string | null;
  disabled?: boolean;
  date_created?: string;
}

/** The signed-in session. `token` is a short-lived access token, good for REST (Basic `token:JWT`) and the stream. */
export interface Session {
  token: string;
  /** ISO 8601. */
  expires: string;
  person: Person;
  /** Chat identity of this person. */
  identity: string;
  account_sid: string;
  workspace_sid: string;
  worker_sid: string;
  chat_service_sid: string;
}

export interface Activity {
  sid: string;
  friendly_name: string;
  available: boolean;
}

/** How many tasks of one task channel a worker takes at a time. */
export interface WorkerChannel {
  sid: string;
  task_channel_sid: string;
  task_channel_unique_name: string;
  assigned_tasks: number;
  configured_capacity: number;
  available: boolean;
}

export interface TaskChannel {
  sid: string;
  friendly_name: string;
  unique_name: string;
}

export interface TaskQueue {
  sid: string;
  friendly_name: string;
  target_workers: string | null;
  task_order: string;
  max_reserved_workers: number;
}

export interface StudioFlow {
  sid: string;
  friendly_name: string;
  /** Of the newest revision. */
  status: 'draft' | 'published';
  /** Number of the newest revision, from 1. */
  revision: number;
  date_created: string;
  date_updated: string | null;
}

export interface Workflow {
  sid: string;
  friendly_name: string;
  /** The routing document as JSON text. */
  configuration: string;
  task_reservation_timeout: number;
  assignment_callback_url: string | null;
}

export type ChannelType = 'web' | 'sms' | 'facebook' | 'whatsapp' | 'line' | 'custom';
export type IntegrationType = 'studio' | 'external' | 'task';

/** What happens after a message arrives; which fields count depends on the integration type. */
export interface Integration {
  flow_sid?: string;
  url?: string;
  workspace_sid?: string;
  workflow_sid?: string;
  channel?: string;
  timeout?: number;
  priority?: number;
  creation_on_message?: boolean;
  retry_count?: number;
}

export interface FlexFlow {
  sid: string;
  friendly_name: string;
  chat_service_sid: string;
  channel_type: ChannelType;
  contact_identity: string | null;
  enabled: boolean;
  integration_type: IntegrationType | null;
  integration: Integration | null;
  long_lived: boolean;
  janitor_enabled: boolean;
  date_created: string;
  date_updated: string;
}

/** A reservation of this worker with its task: one entry of the task list. */
export interface Work {
  reservation: Reservation;
  task: Task;
}

/** Worker as the list of workers shows it. */
export type WorkerRow = Worker;

export type Form = Record<string, string | number | boolean | undefined>;

export type AttributesOf = Attributes;
