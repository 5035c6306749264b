-- +goose Up
-- Test conversations. test_at is when the operator last did something in one; 0 = an execution of a customer's.
alter table studio_execution add column test_at bigint not null default 0;
create index studio_execution_test on studio_execution (test_at) where test_at > 0;

-- What was said in a test conversation, and the tasks that it would have made, sealed; of the execution that it began with.
create table studio_test_line (
  {{row}},
  execution_id bigint not null
);
create index studio_test_line_execution on studio_test_line (execution_id, id);
