-- +goose Up
-- Who an alias pointed at, and which stage a version was in, at any time.
CREATE TABLE salesctl_alias_log (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	at BIGINT NOT NULL,
	name VARCHAR(256) NOT NULL,
	kind VARCHAR(8) NOT NULL CHECK (kind IN ('alias', 'stage')),
	subject VARCHAR(256) NOT NULL,
	old VARCHAR(64),
	new VARCHAR(64)
);
CREATE INDEX salesctl_alias_log_name ON salesctl_alias_log (name, id);
