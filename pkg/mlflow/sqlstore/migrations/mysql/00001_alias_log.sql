-- +goose Up
-- Who an alias pointed at, and which stage a version was in, at any time.
CREATE TABLE IF NOT EXISTS salesctl_alias_log (
	id BIGINT PRIMARY KEY AUTO_INCREMENT,
	at BIGINT NOT NULL,
	name VARCHAR(256) NOT NULL,
	kind VARCHAR(8) NOT NULL CHECK (kind IN ('alias', 'stage')),
	subject VARCHAR(256) NOT NULL,
	old VARCHAR(64),
	new VARCHAR(64),
	INDEX salesctl_alias_log_name (name, id)
) ENGINE=InnoDB;
