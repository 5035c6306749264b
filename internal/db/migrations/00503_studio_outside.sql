-- +goose Up
-- What flows ask outside. What is mapped to which address, and the assistant's endpoint with its key, are in the sealed documents.

create table studio_function (
  {{row}}
);
create index studio_function_account on studio_function (account_id, id);

-- At most one per account.
create table studio_assistant (
  {{row}}
);
create unique index studio_assistant_account on studio_assistant (account_id);
