-- +goose Up
-- conversation_sid is the channel that the task's attributes name: a conversation must not end while another task waits for it.
alter table taskrouter_task add column conversation_sid {{text}};

create index taskrouter_task_conversation on taskrouter_task (conversation_sid) where live = 1 and conversation_sid is not null;
