/** Routing: workers, their reservations and tasks, and what an administrator reads of queues and workflows. */
import { call, listAll, session, withAttributes } from './http';
import type { Activity, Attributes, Form, Reservation, Task, TaskChannel, TaskQueue, Work, Worker, WorkerChannel, Workflow } from './types';

const base = () => `/taskrouter/v1/Workspaces/${session()?.workspace_sid ?? ''}`;

export const activities = () => listAll<Activity>(`${base()}/Activities`);
export const taskChannels = () => listAll<TaskChannel>(`${base()}/TaskChannels`);
export const taskQueues = () => listAll<TaskQueue>(`${base()}/TaskQueues`);
export const workflows = () => listAll<Workflow>(`${base()}/Workflows`);

export const worker = async (sid: string) => withAttributes<Worker>(await call('GET', `${base()}/Workers/${sid}`));
export const workers = async () => (await listAll<Worker>(`${base()}/Workers`)).map((row) => withAttributes<Worker>(row));
export const workerChannels = (sid: string) => listAll<WorkerChannel>(`${base()}/Workers/${sid}/Channels`);

export const setActivity = async (sid: string, activity: string) =>
  withAttributes<Worker>(await call('POST', `${base()}/Workers/${sid}`, { ActivitySid: activity }));

export const updateWorker = async (sid: string, change: { attributes?: Attributes; name?: string; activity?: string }) =>
  withAttributes<Worker>(await call('POST', `${base()}/Workers/${sid}`, {
    Attributes: change.attributes && JSON.stringify(change.attributes),
    FriendlyName: change.name,
    ActivitySid: change.activity,
  }));

export const setCapacity = (sid: string, channel: string, capacity: number) =>
  call<WorkerChannel>('POST', `${base()}/Workers/${sid}/Channels/${channel}`, { Capacity: capacity });

const open = new Set(['pending', 'accepted', 'wrapping']);

/** Everything this worker has in hand: pending, accepted and wrapping reservations with their tasks. */
export async function work(sid: string): Promise<Work[]> {
  const path = `${base()}/Workers/${sid}/Reservations`;
  const lists = await Promise.all([...open].map((status) => listAll<Reservation>(path, { ReservationStatus: status })));
  const reservations = lists.flat().filter((reservation, at, all) =>
    open.has(reservation.reservation_status) && all.findIndex((other) => other.sid === reservation.sid) === at);
  return Promise.all(reservations.map(async (reservation) => ({ reservation, task: await task(reservation.task_sid) })));
}

export const task = async (sid: string) => withAttributes<Task>(await call('GET', `${base()}/Tasks/${sid}`));
export const tasks = async (form: Form = {}, limit = 200) =>
  (await listAll<Task>(`${base()}/Tasks`, form, limit)).map((row) => withAttributes<Task>(row));

export const answerReservation = (taskSid: string, sid: string, status: 'accepted' | 'rejected' | 'wrapping' | 'completed') =>
  call<Reservation>('POST', `${base()}/Tasks/${taskSid}/Reservations/${sid}`, { ReservationStatus: status });

/** Ends the work on a task. The outcome is kept as the reason, outcome and notes also in the task's attributes. */
export async function completeTask(sid: string, reason: string, attributes?: Attributes): Promise<Task> {
  if (attributes) await call('POST', `${base()}/Tasks/${sid}`, { Attributes: JSON.stringify(attributes) });
  return withAttributes<Task>(await call('POST', `${base()}/Tasks/${sid}`, { AssignmentStatus: 'completed', Reason: reason || undefined }));
}
