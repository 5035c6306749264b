-- +goose Up
-- Connections to carriers. Their names, settings and addresses are in the sealed document; an address is found by its blind index.
create table messaging_connection (
  {{row}},
  kind {{text}} not null,
  enabled bigint not null
);
create index messaging_connection_account on messaging_connection (account_id, id);

-- Which connection carries an address: one row for each, and for each channel whose other addresses it carries.
create table messaging_address (
  account_id bigint not null,
  address_hash {{bytes}} not null,
  connection_id bigint not null,
  primary key (account_id, address_hash)
);
create index messaging_address_connection on messaging_address (connection_id);

-- How a connection stands, and which process keeps its link: words of the program, no address and no text.
create table messaging_link (
  connection_id bigint primary key,
  owner {{text}} not null,
  lease_until bigint not null,
  up bigint not null,
  since bigint not null,
  problem {{text}} not null
);
