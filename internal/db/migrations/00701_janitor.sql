-- +goose Up
-- What the janitor decided, and why: SIDs and words of the program, nothing that a person wrote.
create table janitor_verdict (
  id {{id}},
  account_id bigint not null,
  at bigint not null,
  channel_sid {{text}} not null,
  flow_sid {{text}} not null,
  task_sid {{text}} not null,
  execution_sid {{text}} not null,
  verdict {{text}} not null,
  reason {{text}} not null
);
create index janitor_verdict_account on janitor_verdict (account_id, id);

-- When the installation's janitor last swept, and the time that it could not watch.
create table janitor_clock (
  name {{text}} primary key,
  seen_at bigint not null,
  history {{text}} not null
);
