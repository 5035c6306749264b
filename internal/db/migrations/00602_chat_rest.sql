-- +goose Up
-- What completes Programmable Chat: invites, webhooks of channels, and what push notifications need. hooks says which of a
-- service's webhooks are configured (bits: 1 before, 2 after); a service that had addresses before this migration keeps them,
-- and they are called from its next change on.

alter table chat_service add column hooks bigint not null default 0;
alter table chat_channel add column webhooks bigint not null default 0;

create table chat_invite (
  {{row}},
  channel_id bigint not null,
  user_id bigint not null,
  identity_hash {{bytes}} not null,
  role_id bigint not null
);
create unique index chat_invite_identity on chat_invite (channel_id, identity_hash);
create index chat_invite_user on chat_invite (user_id, id);
create index chat_invite_role on chat_invite (role_id);

-- Credentials of push services, and the devices that take notifications. Both documents are secret.
create table chat_credential (
  {{row}}
);
create index chat_credential_account on chat_credential (account_id, id);

create table chat_binding (
  {{row}},
  service_id bigint not null,
  user_id bigint not null,
  endpoint_hash {{bytes}} not null,
  kind bigint not null
);
create unique index chat_binding_endpoint on chat_binding (user_id, endpoint_hash);
create index chat_binding_service on chat_binding (service_id, id);

-- Webhooks of a channel outlive it for a while: they are told of its end.
create table chat_webhook (
  {{row}},
  channel_id bigint not null,
  removed bigint not null
);
create index chat_webhook_channel on chat_webhook (channel_id, id);
create index chat_webhook_removed on chat_webhook (removed) where removed > 0;
