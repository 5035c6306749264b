/** The checklist of the test drive, from facts that the server tells. Pure. */
import type { FlexFlow, Person, Task, Worker } from '../../api/types';
import type { Key } from '../../i18n';

export interface Facts {
  hasPassword: boolean;
  flows: FlexFlow[];
  tasks: Task[];
  worker?: Worker;
  people: Person[];
}

export type StepId = 'signin' | 'channel' | 'available' | 'chat' | 'answer' | 'complete' | 'team';

export interface Step {
  id: StepId;
  text: Key;
  done: boolean;
}

const web = (task: Task) => task.attributes.channelType === 'web';
const taken = new Set(['assigned', 'wrapping', 'completed']);

/** The steps in the order in which they make sense. */
export function stepsOf({ hasPassword, flows, tasks, worker, people }: Facts): Step[] {
  const chats = tasks.filter(web);
  const answered = chats.some((task) => taken.has(task.assignment_status));
  return [
    { id: 'signin', text: 'td.step.signin', done: hasPassword },
    { id: 'channel', text: 'td.step.channel', done: flows.some((flow) => flow.channel_type === 'web' && flow.enabled) },
    { id: 'available', text: 'td.step.available', done: Boolean(worker?.available) || answered },
    { id: 'chat', text: 'td.step.chat', done: chats.length > 0 },
    { id: 'answer', text: 'td.step.answer', done: answered },
    { id: 'complete', text: 'td.step.complete', done: chats.some((task) => task.assignment_status === 'completed') },
    { id: 'team', text: 'td.step.team', done: people.length > 1 },
  ];
}
