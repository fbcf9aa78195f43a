-- +goose Up
-- Registered models of one name may be in several workspaces.
ALTER TABLE salesctl_alias_log ADD COLUMN workspace VARCHAR(63) NOT NULL DEFAULT 'default';
DROP INDEX salesctl_alias_log_name;
CREATE INDEX salesctl_alias_log_name ON salesctl_alias_log (workspace, name, id);
