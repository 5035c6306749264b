-- +goose Up
-- Routing. Names, attributes, expressions and configurations are in the sealed documents; *_hash are blind indexes.
-- live is 1 while a task or a reservation is not in a final state; the partial indexes follow it.

create table taskrouter_workspace (
  {{row}},
  account_sid {{text}} not null,
  name_hash {{bytes}} not null,
  default_activity_id bigint not null,
  timeout_activity_id bigint not null,
  multi_task bigint not null,
  lifo_first bigint not null,
  head bigint not null default 0
);
create index taskrouter_workspace_account on taskrouter_workspace (account_id, id);

create table taskrouter_activity (
  {{row}},
  workspace_id bigint not null,
  name_hash {{bytes}} not null,
  available bigint not null
);
create index taskrouter_activity_workspace on taskrouter_activity (workspace_id, id);

create table taskrouter_channel (
  {{row}},
  workspace_id bigint not null,
  unique_hash {{bytes}} not null,
  optimized bigint not null
);
create unique index taskrouter_channel_name on taskrouter_channel (workspace_id, unique_hash);

create table taskrouter_queue (
  {{row}},
  workspace_id bigint not null,
  name_hash {{bytes}} not null,
  lifo bigint not null,
  max_reserved bigint not null,
  reservation_activity_id bigint not null,
  assignment_activity_id bigint not null,
  head bigint not null default 0
);
create unique index taskrouter_queue_name on taskrouter_queue (workspace_id, name_hash);

create table taskrouter_workflow (
  {{row}},
  workspace_id bigint not null,
  name_hash {{bytes}} not null,
  reservation_timeout bigint not null
);
create index taskrouter_workflow_workspace on taskrouter_workflow (workspace_id, id);

create table taskrouter_worker (
  {{row}},
  workspace_id bigint not null,
  name_hash {{bytes}} not null,
  activity_id bigint not null,
  status_at bigint not null,
  idle_at bigint not null,
  head bigint not null default 0
);
create unique index taskrouter_worker_name on taskrouter_worker (workspace_id, name_hash);
create index taskrouter_worker_workspace on taskrouter_worker (workspace_id, id);

create table taskrouter_worker_channel (
  {{row}},
  workspace_id bigint not null,
  worker_id bigint not null,
  channel_id bigint not null,
  capacity bigint not null,
  available bigint not null
);
create unique index taskrouter_worker_channel_of on taskrouter_worker_channel (worker_id, channel_id);

create table taskrouter_task (
  {{row}},
  workspace_id bigint not null,
  workflow_id bigint not null,
  queue_id bigint not null,
  channel_id bigint not null,
  status {{text}} not null,
  live bigint not null,
  filter bigint not null,
  target bigint not null,
  priority bigint not null,
  start_at bigint not null,
  expires_at bigint not null,
  due_at bigint not null,
  queued_at bigint not null,
  ended_at bigint not null,
  target_worker_id bigint not null,
  ignore_capacity bigint not null,
  rejections bigint not null,
  watched bigint not null
);
create index taskrouter_task_workspace on taskrouter_task (workspace_id, id);
create index taskrouter_task_live on taskrouter_task (workspace_id, id) where live = 1;
create index taskrouter_task_ended on taskrouter_task (ended_at) where ended_at > 0;

-- A task has one live reservation per worker, and one that is accepted.
create table taskrouter_reservation (
  {{row}},
  workspace_id bigint not null,
  task_id bigint not null,
  worker_id bigint not null,
  channel_id bigint not null,
  status {{text}} not null,
  live bigint not null,
  expires_at bigint not null
);
create unique index taskrouter_reservation_live on taskrouter_reservation (task_id, worker_id) where live = 1;
create unique index taskrouter_reservation_taken on taskrouter_reservation (task_id) where status in ('accepted', 'wrapping');
create index taskrouter_reservation_task on taskrouter_reservation (task_id, id);
create index taskrouter_reservation_worker on taskrouter_reservation (worker_id, id);
