-- +goose Up
-- The order of a search that says nothing of it: without this index the newest
-- hundred of ten thousand runs are found by sorting them all.
--
-- MySQL commits the index at once and knows no IF NOT EXISTS for it: a process
-- that died before it noted this migration leaves an index that stands.
SET @salesctl = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'CREATE INDEX salesctl_runs_newest ON runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid)')
	FROM information_schema.statistics
	WHERE table_schema = DATABASE() AND table_name = 'runs' AND index_name = 'salesctl_runs_newest');
PREPARE salesctl FROM @salesctl;
EXECUTE salesctl;
DEALLOCATE PREPARE salesctl;
