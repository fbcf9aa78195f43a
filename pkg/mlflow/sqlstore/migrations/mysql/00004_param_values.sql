-- +goose Up
-- The runs in which a param has a value: a search that few runs pass reads those,
-- and not a row for each run of its experiments. An index of MySQL takes no whole
-- value.
SET @salesctl = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'CREATE INDEX salesctl_param_values ON params (`key`, value(100), run_uuid)')
	FROM information_schema.statistics
	WHERE table_schema = DATABASE() AND table_name = 'params' AND index_name = 'salesctl_param_values');
PREPARE salesctl FROM @salesctl;
EXECUTE salesctl;
DEALLOCATE PREPARE salesctl;
