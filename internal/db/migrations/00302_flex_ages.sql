-- +goose Up
-- check_at is when the janitor looks at a channel again, 0 = never; closed_at is when the conversation ended, 0 = it has not.
-- keep_days is how long a flow's conversations are kept after they have ended, 0 = for ever.
alter table flex_channel add column check_at bigint not null default 0;
alter table flex_channel add column closed_at bigint not null default 0;
alter table flex_flow add column keep_days bigint not null default 0;

update flex_channel set check_at = 1 where open = 1;
update flex_channel set closed_at = updated_at where open = 0;

create index flex_channel_check on flex_channel (check_at) where check_at > 0;
create index flex_channel_closed on flex_channel (flow_id, closed_at) where closed_at > 0;
create index flex_channel_live on flex_channel (account_id, id) where open = 1;
create index flex_flow_keep on flex_flow (id) where keep_days > 0;
