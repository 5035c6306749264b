-- +goose Up
create table event (
  id {{id}},
  account_id bigint not null,
  stream_kind bigint not null,
  stream_id bigint not null,
  stream_sid {{text}} not null,
  stream_offset bigint not null,
  kind {{text}} not null,
  key_id bigint not null,
  relayed bigint not null,
  created_at bigint not null,
  doc {{bytes}} not null
);

create unique index event_stream on event (stream_kind, stream_id, stream_offset);

create index event_unrelayed on event (id) where relayed = 0;
