-- +goose Up
-- Accounts, their keys, and the people who sign in. Names, e-mail addresses, tokens, secrets and password hashes are in
-- the sealed documents; *_hash of a person is a blind index, of a session and a link the SHA-256 of a random secret.

create table account (
  {{row}},
  owner_id bigint not null,
  owner_sid {{text}} not null,
  status {{text}} not null
);
create index account_owner on account (owner_id, id);

-- The one account that the installation began with.
create table account_main (
  name {{text}} primary key,
  account_id bigint not null
);

create table account_key (
  {{row}},
  kind bigint not null
);
create index account_key_account on account_key (account_id, id);

create table account_person (
  {{row}},
  email_hash {{bytes}} not null,
  worker_sid {{text}} not null,
  token_epoch bigint not null
);
create unique index account_person_email on account_person (account_id, email_hash);
create index account_person_account on account_person (account_id, id);

create table account_session (
  {{row}},
  person_id bigint not null,
  secret_hash {{bytes}} not null,
  by_link bigint not null,
  seen_at bigint not null,
  expires_at bigint not null
);
create unique index account_session_secret on account_session (secret_hash);
create index account_session_person on account_session (person_id, id);
create index account_session_seen on account_session (seen_at);

create table account_link (
  {{row}},
  person_id bigint not null,
  secret_hash {{bytes}} not null,
  expires_at bigint not null
);
create unique index account_link_secret on account_link (secret_hash);
create index account_link_person on account_link (person_id, id);
create index account_link_expires on account_link (expires_at);
