-- +goose Up
-- By these the janitor finds the executions of a conversation, and those that have not moved for long.
create index studio_execution_contact on studio_execution (contact_hash) where active = 1;
create index studio_execution_quiet on studio_execution (updated_at, id) where active = 1;
