-- +goose Up
-- What is said in a carried channel goes out to its customer by a carrier.
alter table chat_channel add column carried bigint not null default 0;
