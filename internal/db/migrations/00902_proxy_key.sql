-- +goose Up
-- By this the interactions of a customer are found when the customer is erased.
create index proxy_interaction_key on proxy_interaction (key_id) where key_id > 0;
