-- +goose Up
-- The runs in which a param has a value: a search that few runs pass reads those,
-- and not a row for each run of its experiments.
CREATE INDEX salesctl_param_values ON params ("key", value, run_uuid);
