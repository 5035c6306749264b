-- +goose Up
-- By this the janitor goes through the sessions that are active.
create index proxy_session_active on proxy_session (id) where ended_at = 0;
