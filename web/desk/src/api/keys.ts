/** Every query key of the desk, in one place. */
export const keys = {
  work: ['work'] as const,
  worker: ['worker'] as const,
  activities: ['activities'] as const,
  workerChannels: ['worker-channels'] as const,
  conversation: (channel: string) => ['conversation', channel] as const,
  conversationError: (channel: string) => ['conversation-error', channel] as const,
  typing: (channel: string) => ['typing', channel] as const,
  flows: ['flex-flows'] as const,
  workers: ['workers'] as const,
  channelsOf: (worker: string) => ['worker-channels', worker] as const,
  people: ['people'] as const,
  queues: ['task-queues'] as const,
  workflows: ['workflows'] as const,
  taskChannels: ['task-channels'] as const,
  tasks: ['tasks'] as const,
  ready: ['ready'] as const,
};
