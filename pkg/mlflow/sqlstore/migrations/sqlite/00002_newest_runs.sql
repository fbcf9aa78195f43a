-- +goose Up
-- The order of a search that says nothing of it: without this index the newest
-- hundred of ten thousand runs are found by sorting them all.
CREATE INDEX salesctl_runs_newest ON runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid);
