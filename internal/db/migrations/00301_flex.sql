-- +goose Up
create table flex_flow (
  {{row}},
  enabled bigint not null,
  channel_type {{text}} not null,
  integration_type {{text}} not null,
  contact_hash {{bytes}}
);

create index flex_flow_account on flex_flow (account_id, id);

create index flex_flow_contact on flex_flow (account_id, channel_type, contact_hash) where contact_hash is not null;

create table flex_contact (
  {{row}},
  identity_hash {{bytes}} not null
);

create unique index flex_contact_identity on flex_contact (account_id, identity_hash);

create table flex_channel (
  {{row}},
  flow_id bigint not null,
  contact_id bigint not null,
  web bigint not null,
  open bigint not null,
  task_sid {{text}}
);

create index flex_channel_account on flex_channel (account_id, web, id);

create unique index flex_channel_open on flex_channel (flow_id, contact_id) where open = 1;

create index flex_channel_task on flex_channel (task_sid) where task_sid is not null;

create table flex_configuration (
  {{row}}
);

create unique index flex_configuration_account on flex_configuration (account_id);
