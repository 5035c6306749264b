-- +goose Up
-- Files that people send. The bytes are in the blob store under the row's SID; the key that opens them, the name of the file and
-- who sent it stand in the sealed document. channel_id is 0 until a message carries the file.

create table media (
  {{row}},
  service_sid {{text}} not null,
  author_hash {{bytes}} not null,
  channel_id bigint not null,
  state bigint not null,
  size bigint not null
);
create index media_unattached on media (service_sid, author_hash) where state < 2;
create index media_channel on media (channel_id) where channel_id <> 0;
create index media_sweep on media (id) where state <> 2;

-- What a chat service takes, where it differs from the installation. The row's SID is the service's.
create table media_rules (
  {{row}}
);
