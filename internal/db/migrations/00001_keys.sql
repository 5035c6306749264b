-- +goose Up
create table meta (
  name {{text}} primary key,
  value {{text}} not null
);

create table keyset (
  id {{id}},
  created_at bigint not null,
  wrapped {{bytes}} not null
);

create table data_key (
  id {{id}},
  account_id bigint not null,
  created_at bigint not null,
  wrapped {{bytes}} not null
);

create index data_key_account on data_key (account_id, id);

create table rekey (
  account_id bigint not null,
  name {{text}} not null,
  after_id bigint not null,
  primary key (account_id, name)
);
