-- +goose Up
-- What became of chat messages that went out by a carrier: a row has the chat message's SID.
create table chat_delivery (
  {{row}},
  channel_id bigint not null,
  position bigint not null
);
create index chat_delivery_channel on chat_delivery (channel_id, position);

-- A customer's open conversations, by whatever flow they were opened.
create index flex_channel_contact on flex_channel (contact_id) where open = 1;
