-- +goose Up
-- Flows of Studio. Names, definitions, addresses, contexts and the names of widgets are in the sealed documents;
-- contact_hash is a blind index of the contact's address.

-- latest is the number of the newest revision, published that of the newest one that is published; 0 = none.
create table studio_flow (
  {{row}},
  latest bigint not null,
  published bigint not null
);
create index studio_flow_account on studio_flow (account_id, id);

create table studio_revision (
  {{row}},
  flow_id bigint not null,
  number bigint not null,
  published bigint not null,
  valid bigint not null
);
create unique index studio_revision_number on studio_revision (flow_id, number);

-- wake_at is when the wait of an active execution is over; 0 = it does not wait for a time.
create table studio_execution (
  {{row}},
  flow_id bigint not null,
  revision bigint not null,
  contact_hash {{bytes}} not null,
  active bigint not null,
  wake_at bigint not null,
  ended_at bigint not null,
  parent_id bigint not null
);
create index studio_execution_flow on studio_execution (flow_id, id);
create unique index studio_execution_active on studio_execution (flow_id, contact_hash) where active = 1;
create index studio_execution_wake on studio_execution (wake_at) where wake_at > 0;
create index studio_execution_parent on studio_execution (parent_id) where parent_id > 0;
create index studio_execution_ended on studio_execution (ended_at) where ended_at > 0;

create table studio_step (
  {{row}},
  execution_id bigint not null
);
create index studio_step_execution on studio_step (execution_id, id);
