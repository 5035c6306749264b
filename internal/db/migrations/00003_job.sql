-- +goose Up
create table job (
  id {{id}},
  account_id bigint not null,
  queue {{text}} not null,
  unique_key {{text}},
  order_key {{text}} not null,
  key_id bigint not null,
  state bigint not null,
  attempts bigint not null,
  run_at bigint not null,
  lease_until bigint not null,
  created_at bigint not null,
  failure {{text}} not null,
  doc {{bytes}} not null
);

create unique index job_unique on job (queue, unique_key) where unique_key is not null;

create index job_due on job (queue, state, run_at, id);

create index job_order on job (queue, order_key, id);
