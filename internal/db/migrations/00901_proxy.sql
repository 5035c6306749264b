-- +goose Up
-- Masked conversations. Identifiers, proxy numbers and unique names stand in the documents; the columns hold their blind indexes.

create table proxy_service (
  {{row}},
  name_hash {{bytes}} not null,
  chat_sid {{text}}
);
create index proxy_service_account on proxy_service (account_id, id);
create unique index proxy_service_name on proxy_service (account_id, name_hash);
create unique index proxy_service_chat on proxy_service (account_id, chat_sid) where chat_sid is not null;

create table proxy_number (
  {{row}},
  service_id bigint not null,
  short bigint not null,
  reserved bigint not null,
  address_hash {{bytes}} not null
);
create index proxy_number_service on proxy_number (service_id, id);
create unique index proxy_number_address on proxy_number (account_id, address_hash);

create table proxy_session (
  {{row}},
  service_id bigint not null,
  name_hash {{bytes}},
  status {{text}} not null,
  expires_at bigint not null,
  ended_at bigint not null
);
create index proxy_session_service on proxy_session (service_id, id);
create unique index proxy_session_name on proxy_session (service_id, name_hash) where name_hash is not null;
create index proxy_session_expires on proxy_session (expires_at) where expires_at > 0;
create index proxy_session_ended on proxy_session (ended_at) where ended_at > 0;

-- active is set while the session is active: then a pair of identifier and number leads to one participant.
create table proxy_participant (
  {{row}},
  service_id bigint not null,
  session_id bigint not null,
  number_id bigint not null,
  identifier_hash {{bytes}} not null,
  active bigint not null,
  removed_at bigint not null
);
create index proxy_participant_session on proxy_participant (session_id, id);
create unique index proxy_participant_pair on proxy_participant (number_id, identifier_hash) where active = 1;
create index proxy_participant_known on proxy_participant (service_id, identifier_hash, id);
create index proxy_participant_active on proxy_participant (identifier_hash) where active = 1;

create table proxy_interaction (
  {{row}},
  session_id bigint not null,
  told_id bigint not null,
  inbound_sid {{text}},
  outbound_sid {{text}}
);
create index proxy_interaction_session on proxy_interaction (session_id, id);
create index proxy_interaction_told on proxy_interaction (told_id, id) where told_id > 0;
create unique index proxy_interaction_inbound on proxy_interaction (inbound_sid) where inbound_sid is not null;
create index proxy_interaction_outbound on proxy_interaction (outbound_sid) where outbound_sid is not null;
