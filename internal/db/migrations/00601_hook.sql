-- +goose Up
-- Deliveries of webhooks. What is sent, and the address with its query, stand in hook_body under the contact's data key and
-- the delivery's SID; a delivery's own document is sealed under the account's keyset, so it outlives the contact.

create table hook_delivery (
  {{row}},
  unique_key {{text}},
  subject_sid {{text}} not null,
  state {{text}} not null,
  status bigint not null,
  attempts bigint not null,
  took_us bigint not null,
  attempted_at bigint not null
);
create index hook_delivery_account on hook_delivery (account_id, id);
create index hook_delivery_state on hook_delivery (account_id, state, id);
create index hook_delivery_subject on hook_delivery (subject_sid, id);
create unique index hook_delivery_unique on hook_delivery (account_id, unique_key) where unique_key is not null;

create table hook_body (
  {{leaf}}
);
