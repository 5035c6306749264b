-- +goose Up
-- A message to or from a customer by a carrier. Who wrote what to whom is in the sealed document, under the data key of the
-- customer's address (messaging_party); what lists filter by stands beside it as blind indexes.
create table messaging_message (
  {{row}},
  status {{text}} not null,
  inbound bigint not null,
  party_id bigint not null,
  from_hash {{bytes}},
  to_hash {{bytes}} not null,
  connection_sid {{text}} not null,
  service_sid {{text}} not null,
  sent_at bigint not null
);
create index messaging_message_account on messaging_message (account_id, id);
create index messaging_message_from on messaging_message (account_id, from_hash, id);
create index messaging_message_to on messaging_message (account_id, to_hash, id);
create index messaging_message_party on messaging_message (party_id, id);

-- The carriers' own names for messages, hashed: of what came, so that it comes once, and of what went, so that receipts find it.
create table messaging_carrier_id (
  connection_sid {{text}} not null,
  id_hash {{bytes}} not null,
  message_sid {{text}} not null,
  part bigint not null,
  created_at bigint not null,
  primary key (connection_sid, id_hash)
);

-- An address of a customer, the data key of all that was written with it, and what the loop guard counts.
create table messaging_party (
  {{row}},
  address_hash {{bytes}} not null,
  window_at bigint not null,
  replies bigint not null
);
create unique index messaging_party_address on messaging_party (account_id, address_hash);

-- The account's own addresses: phone numbers, short codes, alphanumeric senders, addresses of other channels.
create table messaging_number (
  {{row}},
  kind {{text}} not null,
  address_hash {{bytes}} not null,
  connection_sid {{text}} not null,
  service_sid {{text}} not null
);
create unique index messaging_number_address on messaging_number (account_id, address_hash);
create index messaging_number_account on messaging_number (account_id, kind, id);
create index messaging_number_service on messaging_number (service_sid, kind, id) where service_sid <> '';

create table messaging_application (
  {{row}}
);
create index messaging_application_account on messaging_application (account_id, id);

create table messaging_service (
  {{row}}
);
create index messaging_service_account on messaging_service (account_id, id);

-- Who wants no more messages of a sender: scope is the service's SID, or the number's when it is in none.
create table messaging_optout (
  account_id bigint not null,
  scope {{text}} not null,
  address_hash {{bytes}} not null,
  created_at bigint not null,
  primary key (account_id, scope, address_hash)
);

-- Which sender of a service a customer knows.
create table messaging_sticky (
  service_sid {{text}} not null,
  address_hash {{bytes}} not null,
  number_sid {{text}} not null,
  primary key (service_sid, address_hash)
);
