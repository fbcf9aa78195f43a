package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

//go:embed schema/sqlite.sql
var sqliteDDL string

//go:embed schema/mysql.sql
var mysqlDDL string

//go:embed migrations
var migrations embed.FS

const (
	versions = "salesctl_mlflow_migration" // what of migrations was applied
	making   = "salesctl_making"           // stands on MySQL while the tables are made
)

// layout is the schema of one MLflow release, as schema/extract.py wrote it.
type layout struct {
	release    string
	head       string   // alembic's name for the state of the tables
	before     []string // the heads of older releases, newest first
	statements []string
}

// layoutOf reads the schema of a dialect.
func layoutOf(d database.Dialect) layout {
	text := sqliteDDL
	if d == database.MySQL {
		text = mysqlDDL
	}
	var l layout
	for strings.HasPrefix(text, "--") {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "-- "), ": ")
		switch name {
		case "release":
			l.release = value
		case "head":
			l.head = value
		case "before":
			l.before = append(l.before, strings.Fields(value)...)
		}
	}
	for statement := range strings.SplitSeq(text, ";\n\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			l.statements = append(l.statements, statement)
		}
	}
	return l
}

// state is what stands in a database.
type state struct {
	tables []string
	head   string // "" where alembic_version is missing or empty
}

// look finds out what stands in the database.
func look(t tx) (state, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
	if t.dialect == database.MySQL {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	tables, err := all(t, text, query)
	if err != nil || !slices.Contains(tables, "alembic_version") {
		return state{tables: tables}, err
	}
	heads, err := all(t, text, "SELECT version_num FROM alembic_version ORDER BY version_num")
	return state{tables, strings.Join(heads, ", ")}, err
}

// blank reports whether nobody's tables stand in the database, or those that
// another process is making, or died making.
func (s state) blank() bool {
	return slices.Contains(s.tables, making) ||
		!slices.ContainsFunc(s.tables, func(t string) bool { return !strings.HasPrefix(t, "salesctl_") })
}

// prepare brings an empty database, where it may, to the state in which MLflow
// leaves a fresh one, adds our own tables, and refuses every other database.
func (s *Store) prepare(ctx context.Context, create bool) error {
	want := layoutOf(s.db.Dialect())
	var found state
	err := s.read(ctx, func(t tx) (err error) {
		found, err = look(t)
		return err
	})
	switch {
	case err != nil:
		return err
	case found.blank() && create:
		err = s.db.Alone(ctx, making, func() error {
			return s.write(ctx, func(t tx) (err error) {
				found, err = s.create(t, want)
				return err
			})
		})
	}
	if err == nil {
		err = s.check(found, want)
	}
	if err == nil {
		err = s.checkWorkspaces(ctx)
	}
	if err == nil {
		err = s.createDefault(ctx)
	}
	if err != nil {
		return err
	}
	dir := "migrations/sqlite"
	if s.db.Dialect() == database.MySQL {
		dir = "migrations/mysql"
	}
	own, err := fs.Sub(migrations, dir)
	if err != nil {
		return err
	}
	return s.db.Migrate(ctx, own, versions)
}

// ours reports whether the tables are MLflow's, whatever says so.
func (s state) ours() bool {
	return slices.Contains(s.tables, "alembic_version") || slices.Contains(s.tables, "experiments") && slices.Contains(s.tables, "latest_metrics")
}

// check refuses what is not MLflow's schema as this program knows it. A head that
// it does not know is a newer one, or nobody's.
func (s *Store) check(found state, want layout) error {
	switch {
	case found.head == want.head:
		return nil
	case found.blank():
		return fault.New(fault.NotFound, "database %s holds no experiments yet", s.Path()).
			WithHint("run salesctl train or salesctl tracking serve, which make its tables")
	case found.head != "" && slices.Contains(want.before, found.head):
		return fault.New(fault.Conflict, "database %s has the tables of an older MLflow: their head is %s, this program works with %s, that of MLflow %s",
			s.Path(), found.head, want.head, want.release).
			WithHint("back it up, then run mlflow db upgrade URI with MLflow %s", want.release)
	case found.head != "":
		return fault.New(fault.Conflict, "database %s has tables that this program does not know: their head is %q, it works with %s, that of MLflow %s",
			s.Path(), found.head, want.head, want.release).
			WithHint("install a newer salesctl, or name a database of MLflow %s", want.release)
	case found.ours():
		return fault.New(fault.Conflict, "database %s has MLflow's tables, but no head that tells of which release; this program works with %s, that of MLflow %s",
			s.Path(), want.head, want.release).
			WithHint("restore a backup whose table alembic_version has a row")
	}
	return fault.New(fault.Conflict, "database %s holds the tables of another program (%s) and not MLflow's", s.Path(), found.tables[0]).
		WithHint("name an empty database, or one that MLflow made")
}

// create makes all tables, unless another process was faster, and returns what
// then stands.
func (s *Store) create(t tx, want layout) (found state, err error) {
	if found, err = look(t); err != nil || !found.blank() {
		return found, err
	}
	if t.dialect == database.MySQL {
		if err := vacate(t, want, found); err != nil {
			return state{}, err
		}
		want.statements = append(want.statements, "DROP TABLE "+making)
	}
	for _, statement := range want.statements {
		if _, err := t.exec(statement); err != nil {
			return state{}, fmt.Errorf("make the tables: %w", err)
		}
	}
	return look(t)
}

// vacate readies a MySQL database, in which no table is made or unmade together
// with others: a table that stands from the first to the last one tells whether
// somebody's work was cut short, and then all of it goes. Names of any script fit
// only into utf8mb4, which not every server's default is.
func vacate(t tx, want layout, found state) error {
	statements := []string{"CREATE TABLE IF NOT EXISTS " + making + " (at INTEGER)"}
	charset, _, err := one(t, text, "SELECT @@character_set_database")
	if err != nil {
		return err
	}
	if charset != "utf8mb4" {
		statements = append(statements, "ALTER DATABASE CHARACTER SET utf8mb4")
	}
	for _, statement := range slices.Backward(want.statements) {
		name, _, _ := strings.Cut(strings.TrimPrefix(statement, "CREATE TABLE `"), "`")
		if slices.Contains(found.tables, name) {
			statements = append(statements, "DROP TABLE `"+name+"`")
		}
	}
	for _, statement := range statements {
		if _, err := t.exec(statement); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
	}
	return nil
}

// createDefault makes the experiment that runs without one belong to, whose id
// every client knows. MySQL takes a zero for an auto-increment column to mean the
// next number, unless it is told otherwise.
func (s *Store) createDefault(ctx context.Context) error {
	have := func(t tx) (bool, error) {
		_, ok, err := one(t, number, "SELECT experiment_id FROM experiments WHERE experiment_id = 0")
		return ok, err
	}
	var done bool
	if err := s.read(ctx, func(t tx) (err error) { done, err = have(t); return err }); err != nil || done {
		return err
	}
	return s.write(ctx, func(t tx) error {
		if done, err := have(t); err != nil || done {
			return err
		}
		if t.dialect == database.MySQL {
			if _, err := t.exec("SET @salesctl_mode = @@sql_mode, SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"); err != nil {
				return err
			}
			defer func() { _, _ = t.exec("SET SESSION sql_mode = @salesctl_mode") }()
		}
		t.workspace = mlflow.DefaultWorkspace
		root, err := t.rootOf(s.root)
		if err != nil {
			return err
		}
		now := s.millis()
		_, err = t.exec("INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time) VALUES (0, 'Default', ?, ?, ?, ?)",
			join(root, mlflow.DefaultExperiment), mlflow.Active, now, now)
		if database.IsDuplicate(err) { // made by another process since we looked
			if done, _ := have(t); done {
				return nil
			}
		}
		return err
	})
}

func text(r scanner) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

func number(r scanner) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}
