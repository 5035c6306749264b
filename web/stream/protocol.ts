// The JSON of the stream, as docs/realtime.md writes it down: snake_case names, dates in ISO 8601 (milliseconds, Z),
// attributes as objects. Types only; nothing here reaches the bundle.

export type Attributes = Record<string, unknown>

/** A place in a stream. A snapshot and the events after it meet here. */
export interface Position {
  epoch: string
  offset: number
}

/** A coded failure: status as in HTTP, code from the catalogue, retry_after in seconds. */
export interface Fault {
  code: number
  status: number
  message: string
  retry_after?: number
}

/** A file that a message carries. */
export interface Media {
  sid: string
  filename: string | null
  /** As the server found it, not as the file called itself. */
  content_type: string
  /** In bytes. */
  size: number
}

export interface Message {
  sid: string
  channel_sid: string
  /** Gapless in its channel, from 0. */
  index: number
  author: string
  member_sid: string | null
  body: string | null
  attributes: Attributes
  type: string
  media: Media | null
  date_created: string
  date_updated: string
  last_updated_by: string | null
  was_edited: boolean
  /** Set when the writer gave one: pairs the message with the entry of the writer's own queue. */
  client_id?: string
}

export interface Member {
  sid: string
  channel_sid: string
  identity: string
  friendly_name: string | null
  role_sid: string
  attributes: Attributes
  last_consumed_message_index: number | null
  last_consumption_timestamp: string | null
  date_created: string
  date_updated: string
  kind: 'customer' | 'agent' | 'system'
}

export interface Channel {
  sid: string
  service_sid: string
  friendly_name: string | null
  unique_name: string | null
  type: string
  attributes: Attributes
  created_by: string
  date_created: string
  date_updated: string
  members_count: number
  messages_count: number
  /** -1 in an empty channel. */
  last_index: number
}

export interface Task {
  sid: string
  workspace_sid: string
  workflow_sid: string | null
  task_queue_sid: string | null
  task_queue_friendly_name?: string | null
  task_channel_sid: string
  task_channel_unique_name: string
  assignment_status: 'pending' | 'reserved' | 'assigned' | 'wrapping' | 'completed' | 'canceled'
  attributes: Attributes
  priority: number
  age: number
  reason: string | null
  timeout: number
  date_created: string
  date_updated: string
  version?: number
  [more: string]: unknown
}

export interface Reservation {
  sid: string
  workspace_sid: string
  task_sid: string
  worker_sid: string
  worker_name?: string
  reservation_status: 'pending' | 'accepted' | 'rejected' | 'timeout' | 'canceled' | 'rescinded' | 'wrapping' | 'completed'
  date_created: string
  date_updated: string
  /** Seconds, and the moment, while it is pending. */
  timeout?: number
  expires?: string
  version?: number
  [more: string]: unknown
}

export interface Worker {
  sid: string
  workspace_sid: string
  friendly_name: string
  activity_sid: string
  activity_name: string
  available: boolean
  attributes: Attributes
  date_created: string
  date_updated: string
  date_status_changed: string | null
  version?: number
  [more: string]: unknown
}

/** What became of a message that goes out by a carrier; `status` in the words of the Messages API. */
export interface Delivery {
  message_sid: string
  channel_sid: string
  index: number
  status: 'accepted' | 'scheduled' | 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'undelivered' | 'failed' | 'canceled'
  error_code: number | null
  /** The carrier's own word. */
  reason: string | null
  /** What it went out as. */
  messages: string[]
  date_updated: string
}

type Kind<K extends string, D> = {
  [P in K]: { stream: string; epoch: string; offset: number; kind: P; at: string; data: D }
}[K]

/** Everything that a stream tells, told apart by kind. */
export type Event =
  | Kind<'message.added' | 'message.updated' | 'message.removed', Message>
  | Kind<'message.delivery', Delivery>
  | Kind<'member.added' | 'member.updated' | 'member.removed', Member>
  | Kind<'channel.updated' | 'channel.removed', Channel>
  | Kind<
      | 'reservation.created'
      | 'reservation.accepted'
      | 'reservation.rejected'
      | 'reservation.timeout'
      | 'reservation.canceled'
      | 'reservation.rescinded'
      | 'reservation.wrapup'
      | 'reservation.completed',
      { reservation: Reservation; task: Task }
    >
  | Kind<'task.created' | 'task.updated' | 'task.canceled' | 'task.wrapup' | 'task.completed' | 'task.deleted', { task: Task }>
  | Kind<'worker.created' | 'worker.updated' | 'worker.activity.updated' | 'worker.deleted', { worker: Worker }>
  | Kind<'worker.channel.updated', { channel: Record<string, unknown> }>
  | Kind<'user.updated' | 'userchannel.added' | 'userchannel.updated' | 'userchannel.removed', Record<string, unknown>>

export type EventKind = Event['kind']

/** A page of a channel's past, ascending, together with the position at which it was true. */
export interface History extends Position {
  channel: Channel
  members: Member[]
  messages: Message[]
}

/** Somebody writes. Ends after five seconds or at that member's next message. */
export interface Typing {
  channel: string
  identity: string
  name: string
}
