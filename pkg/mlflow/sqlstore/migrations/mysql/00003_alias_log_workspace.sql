-- +goose Up
-- Registered models of one name may be in several workspaces. One statement,
-- which stands as a whole or not at all, and is left out where it stands.
SET @salesctl = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE salesctl_alias_log
		ADD COLUMN workspace VARCHAR(63) NOT NULL DEFAULT ''default'',
		DROP INDEX salesctl_alias_log_name,
		ADD INDEX salesctl_alias_log_name (workspace, name, id)')
	FROM information_schema.columns
	WHERE table_schema = DATABASE() AND table_name = 'salesctl_alias_log' AND column_name = 'workspace');
PREPARE salesctl FROM @salesctl;
EXECUTE salesctl;
DEALLOCATE PREPARE salesctl;
