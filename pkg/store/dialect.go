package store

import (
	"math"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
)

// statements are those in which SQLite and MySQL differ. All others are written
// so that both read them, with the names that MySQL reserves in quotes.
type statements struct {
	stage     string   // makes the table of staged lines
	index     string   // over it; "" where stage brings it
	duplicate string   // marks the lines that repeat another
	refuse    string   // and those that contradict another
	unstage   []string // drops what stage and twins have made
	newest    string   // the newest version of every period since a load
	rows      int      // that one INSERT carries: over a network each one is a round trip
}

func statementsOf(d database.Dialect) statements {
	if d == database.MySQL {
		return inMySQL
	}
	return inSQLite
}

var inSQLite = statements{
	stage: `
		CREATE TEMPORARY TABLE stage (
			id INTEGER PRIMARY KEY, line INTEGER, raw TEXT, verdict TEXT, reason TEXT,
			series_id INTEGER, "key" TEXT, static TEXT, period INTEGER, target REAL, columns TEXT)`,
	// After the inserts: sorting once is cheaper than keeping an index in order.
	index: `CREATE INDEX temp.stage_period ON stage ("key", period)`,
	duplicate: `
		UPDATE temp.stage SET verdict = 'duplicate' FROM temp.twin
		WHERE stage."key" = twin."key" AND stage.period = twin.period AND verdict IS NULL
		  AND equal AND stage.id > twin.id`,
	refuse: `
		UPDATE temp.stage SET verdict = 'refused', reason =
		  'lines ' || first || ' to ' || last || ' give different values for '
		  || (SELECT group_concat(value, '/') FROM json_each(stage."key")) || ', '
		  || date(stage.period * 86400, 'unixepoch')
		FROM temp.twin
		WHERE stage."key" = twin."key" AND stage.period = twin.period AND verdict IS NULL AND NOT equal`,
	unstage: []string{`DROP TABLE IF EXISTS temp.twin`, `DROP TABLE IF EXISTS temp.stage`},
	// In the order of the primary key, so without sorting; with MAX, SQLite takes
	// the other values from the same row.
	newest: `
		SELECT series_id, period, MAX(load_id), target, columns FROM observation
		WHERE load_id >= ? GROUP BY series_id, period`,
	rows: 1,
}

var inMySQL = statements{
	stage: `
		CREATE TEMPORARY TABLE stage (
			id BIGINT PRIMARY KEY, line BIGINT, raw MEDIUMTEXT, verdict VARCHAR(9), reason MEDIUMTEXT,
			series_id BIGINT, "key" TEXT, static TEXT, period BIGINT, target DOUBLE, columns MEDIUMTEXT,
			INDEX ("key"(190), period)) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
	duplicate: `
		UPDATE stage JOIN twin ON stage."key" = twin."key" AND stage.period = twin.period
		SET verdict = 'duplicate' WHERE verdict IS NULL AND equal AND stage.id > twin.id`,
	refuse: `
		UPDATE stage JOIN twin ON stage."key" = twin."key" AND stage.period = twin.period
		SET verdict = 'refused', reason = CONCAT('lines ', first, ' to ', last, ' give different values for ',
		  (SELECT GROUP_CONCAT(part ORDER BY n SEPARATOR '/')
		   FROM JSON_TABLE(stage."key", '$[*]' COLUMNS (n FOR ORDINALITY, part TEXT PATH '$')) AS parts),
		  ', ', DATE_ADD('1970-01-01', INTERVAL stage.period DAY))
		WHERE verdict IS NULL AND NOT equal`,
	unstage: []string{`DROP TEMPORARY TABLE IF EXISTS twin`, `DROP TEMPORARY TABLE IF EXISTS stage`},
	newest: `
		SELECT o.series_id, o.period, o.load_id, o.target, o.columns
		FROM observation o JOIN (
			SELECT series_id, period, MAX(load_id) AS load_id FROM observation
			WHERE load_id >= ? GROUP BY series_id, period) AS latest
		ON o.series_id = latest.series_id AND o.period = latest.period AND o.load_id = latest.load_id
		ORDER BY o.series_id, o.period`,
	rows: 200,
}

// storable says why a number cannot be kept: MySQL knows no infinite one.
func (s *Store) storable(v float64) error {
	if math.IsInf(v, 0) && s.db.Dialect() == database.MySQL {
		return fault.New(fault.Invalid, "%v cannot be kept: MySQL knows no infinite number", v)
	}
	return nil
}

// text returns what the database keeps of a text that need not be UTF-8: SQLite
// every byte, MySQL a replacement character for each one that is none.
func (s *Store) text(v string) string {
	if s.db.Dialect() == database.MySQL {
		return strings.ToValidUTF8(v, "\uFFFD")
	}
	return v
}
