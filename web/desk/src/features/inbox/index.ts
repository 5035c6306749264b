export { Inbox } from './inbox';
export { useNotifications } from './status-menu';
export { markOf, orderActivities, useStatus } from './use-status';
