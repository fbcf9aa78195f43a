package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
)

// Health is what Diagnose finds out about a tracking database.
type Health struct {
	Path    string
	Release string      // the MLflow release whose schema is wanted
	Want    string      // the head that its tables have
	Head    string      // the head that the tables have; "" where there are none
	Refusal error       // why Open refuses them, with what to do; nil where it does not
	Missing []string    // tables and indexes, such as "index index_tags_run_uuid on tags"
	Tables  []TableSize // what stands, the largest first
	// Workspaces are those beside the default one in which something is.
	Workspaces []string
}

// TableSize is how much a table holds.
type TableSize struct {
	Name  string
	Rows  int64
	Bytes int64 // on the disk, with its indexes
}

// Diagnose looks at a tracking database of any head and changes nothing in it.
func Diagnose(ctx context.Context, dsn string, o Options) (h Health, err error) {
	db, err := database.Open(ctx, dsn, o.database(false))
	if err != nil {
		return Health{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &Store{db: db}
	want := layoutOf(db.Dialect())
	h = Health{Path: db.Path(), Release: want.release, Want: want.head}
	err = s.read(ctx, func(t tx) error {
		found, err := look(t)
		if err != nil {
			return err
		}
		h.Head, h.Refusal = found.head, s.check(found, want)
		indexes, err := t.indexes()
		if err != nil {
			return err
		}
		h.Missing = missing(want, found.tables, indexes)
		if h.Head == h.Want && len(h.Missing) == 0 { // tables of older heads have no such column
			h.Workspaces, err = all(t, text, "SELECT workspace FROM experiments WHERE workspace <> 'default' UNION SELECT workspace FROM registered_models WHERE workspace <> 'default' ORDER BY 1")
			if err != nil {
				return err
			}
		}
		h.Tables, err = t.sizes(found.tables)
		return err
	})
	return h, err
}

// indexes lists the indexes that stand, as "NAME on TABLE".
func (t tx) indexes() ([]string, error) {
	if t.dialect == database.MySQL {
		return all(t, text, "SELECT DISTINCT CONCAT(index_name, ' on ', table_name) FROM information_schema.statistics WHERE table_schema = DATABASE()")
	}
	return all(t, text, "SELECT name || ' on ' || tbl_name FROM sqlite_master WHERE type = 'index'")
}

var (
	createTable = regexp.MustCompile("^CREATE TABLE [`\"]?(\\w+)")
	createIndex = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (\w+) ON "?(\w+)`)
	indexInside = regexp.MustCompile("(?m)^  (?:UNIQUE )?KEY `(\\w+)`")
)

// missing lists what of the schema does not stand. SQLite makes an index by a
// statement of its own, MySQL as part of the table.
func missing(want layout, tables, indexes []string) (lack []string) {
	for _, statement := range want.statements {
		if m := createIndex.FindStringSubmatch(statement); m != nil && !slices.Contains(indexes, m[1]+" on "+m[2]) {
			lack = append(lack, "index "+m[1]+" on "+m[2])
		}
		m := createTable.FindStringSubmatch(statement)
		if m == nil {
			continue
		}
		if !slices.Contains(tables, m[1]) {
			lack = append(lack, "table "+m[1])
			continue
		}
		for _, i := range indexInside.FindAllStringSubmatch(statement, -1) {
			if !slices.Contains(indexes, i[1]+" on "+m[1]) {
				lack = append(lack, "index "+i[1]+" on "+m[1])
			}
		}
	}
	return lack
}

func scanSize(r scanner) (s TableSize, err error) {
	err = r.Scan(&s.Name, &s.Bytes)
	return s, err
}

func (t tx) sizes(tables []string) ([]TableSize, error) {
	query := "SELECT m.tbl_name, SUM(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name WHERE d.aggregate = 1 GROUP BY m.tbl_name"
	if t.dialect == database.MySQL {
		query = "SELECT table_name, COALESCE(data_length + index_length, 0) FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	sizes, err := all(t, scanSize, query)
	if err != nil {
		return nil, err
	}
	// SQLite counts its own tables, too.
	sizes = slices.DeleteFunc(sizes, func(s TableSize) bool { return !slices.Contains(tables, s.Name) })
	for i := range sizes {
		// Counted, though that takes a look at every row: what MySQL's own tables say
		// of it is a guess from a few pages.
		sizes[i].Rows, _, err = one(t, number, "SELECT COUNT(*) FROM `"+strings.ReplaceAll(sizes[i].Name, "`", "``")+"`")
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(sizes, func(a, b TableSize) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name))
	})
	return sizes, nil
}
