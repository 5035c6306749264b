-- +goose Up
-- Conversations. Names, identities, bodies and attributes are in the sealed documents; *_hash are blind indexes.

create table chat_service (
  {{row}},
  removed bigint not null,
  read_status bigint not null,
  role_epoch bigint not null
);
create index chat_service_account on chat_service (account_id, id);
create index chat_service_removed on chat_service (id) where removed = 1;

create table chat_role (
  {{row}},
  service_id bigint not null,
  permissions bigint not null
);
create index chat_role_service on chat_role (service_id, id);

create table chat_user (
  {{row}},
  service_id bigint not null,
  identity_hash {{bytes}} not null,
  role_id bigint not null,
  channel_count bigint not null,
  head bigint not null default 0
);
create unique index chat_user_identity on chat_user (service_id, identity_hash);
create index chat_user_service on chat_user (service_id, id);
create index chat_user_role on chat_user (role_id);

create table chat_channel (
  {{row}},
  service_id bigint not null,
  unique_hash {{bytes}},
  private bigint not null,
  removed bigint not null,
  watched bigint not null,
  head bigint not null default 0,
  last_index bigint not null,
  message_count bigint not null,
  member_count bigint not null,
  member_epoch bigint not null
);
create unique index chat_channel_unique on chat_channel (service_id, unique_hash) where unique_hash is not null;
create index chat_channel_service on chat_channel (service_id, id);
create index chat_channel_removed on chat_channel (id) where removed = 1;

create table chat_member (
  {{row}},
  channel_id bigint not null,
  user_id bigint not null,
  identity_hash {{bytes}} not null,
  role_id bigint not null,
  last_read bigint not null,
  last_read_at bigint not null,
  muted bigint not null
);
create unique index chat_member_identity on chat_member (channel_id, identity_hash);
create index chat_member_user on chat_member (user_id, id);
create index chat_member_role on chat_member (role_id);

-- Nothing refers to a message by its integer key.
create table chat_message (
  {{leaf}},
  channel_id bigint not null,
  idx bigint not null,
  client_key {{bytes}}
);
create unique index chat_message_index on chat_message (channel_id, idx);
create unique index chat_message_client on chat_message (channel_id, client_key) where client_key is not null;
