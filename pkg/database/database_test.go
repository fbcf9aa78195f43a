package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

const versions = "test_migration"

const word = "-- +goose Up\nCREATE TABLE word (text TEXT NOT NULL);\n"

func files(bodies ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i, b := range bodies {
		m[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(b)}
	}
	return m
}

func open(t *testing.T, path string, o Options) *DB {
	t.Helper()
	if o.Wait == 0 {
		o.Wait = 100 * time.Millisecond
	}
	db, err := Open(t.Context(), "sqlite:///"+path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// migrated opens a database and brings its tables up to date.
func migrated(t *testing.T, path string, steps ...string) *DB {
	t.Helper()
	db := open(t, path, Options{Create: true})
	if err := db.Migrate(t.Context(), files(steps...), versions); err != nil {
		t.Fatal(err)
	}
	return db
}

// words opens a new database with the table word.
func words(t *testing.T) *DB {
	t.Helper()
	return migrated(t, filepath.Join(t.TempDir(), "a.db"), word)
}

func insert(ctx context.Context, text string) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO word VALUES (?)`, text)
		return err
	}
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	err := db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM word`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantKind(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error %v, of kind %d, want kind %d", err, fault.KindOf(err), kind)
	}
	text := err.Error() + "\n" + fault.HintOf(err)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

func TestOpenCreatesOnlyWhenAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	_, err := Open(t.Context(), "sqlite:///"+path, Options{})
	wantKind(t, err, fault.NotFound, path, "does not exist")
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made")
	}
	db := migrated(t, path, word)
	if err := db.InTx(t.Context(), insert(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db := open(t, path, Options{}); db.Path() != path || count(t, db) != 1 {
		t.Errorf("%s holds %d words", db.Path(), count(t, db))
	}
}

func TestRelativePathsStartInTheWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	db := open(t, "a b#%3f.db", Options{Create: true})
	if want := filepath.Join(dir, "a b#%3f.db"); db.Path() != want {
		t.Errorf("path %s, want %s", db.Path(), want)
	}
	if _, err := os.Stat(db.Path()); err != nil {
		t.Error(err)
	}
}

// Who waits for no lock does not want to be hurried where there is none.
func TestAFreeDatabaseTakesItsTime(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:///"+filepath.Join(t.TempDir(), "a.db"), Options{Create: true, Wait: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenSettings(t *testing.T) {
	db := words(t)
	for _, tt := range []struct{ pragma, writer, reader string }{
		{"journal_mode", "wal", "wal"},
		{"busy_timeout", "100", "100"},
		{"foreign_keys", "1", "0"},
		{"query_only", "0", "1"},
		{"journal_size_limit", "67108864", "-1"},
		{"wal_autocheckpoint", "4000", "1000"},
		{"temp_store", "0", "0"},
		{"synchronous", "2", "2"}, // FULL: what is committed survives a power cut
	} {
		var w, r string
		if err := errors.Join(db.writer.QueryRow("PRAGMA "+tt.pragma).Scan(&w), db.reader.QueryRow("PRAGMA "+tt.pragma).Scan(&r)); err != nil {
			t.Fatal(err)
		}
		if w != tt.writer || r != tt.reader {
			t.Errorf("%s is %s and %s, want %s and %s", tt.pragma, w, r, tt.writer, tt.reader)
		}
	}
}

func TestOpenInMemory(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), Options{Create: true, InMemory: true})
	const memory = 2
	var store int
	if err := db.writer.QueryRow("PRAGMA temp_store").Scan(&store); err != nil || store != memory {
		t.Errorf("temp_store is %d, want %d; %v", store, memory, err)
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		kind fault.Kind
		want string
	}{
		{text, fault.Integrity, "is not a SQLite database"},
		{dir, fault.Config, "is a directory"},
		{filepath.Join(dir, "none", "a.db"), fault.NotFound, "the directory " + filepath.Join(dir, "none") + " does not exist"},
		{filepath.Join(text, "a.db"), fault.NotFound, "the directory " + text + " does not exist"},
	} {
		_, err := Open(t.Context(), "sqlite:///"+tt.path, Options{Create: true})
		wantKind(t, err, tt.kind, tt.path, tt.want)
	}
}

func TestCorruptFile(t *testing.T) {
	db := words(t)
	for range 50 {
		if err := db.InTx(t.Context(), insert(t.Context(), strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096 * 2; i < len(b); i++ { // all pages but the first two
		b[i] = 0x5a
	}
	if err := os.WriteFile(db.Path(), b, 0o600); err != nil {
		t.Fatal(err)
	}
	var read string
	db, err = Open(t.Context(), "sqlite:///"+db.Path(), Options{})
	if err == nil {
		defer func() { _ = db.Close() }()
		err = db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(t.Context(), `SELECT group_concat(text) FROM word`).Scan(&read)
		})
	}
	wantKind(t, err, fault.Integrity, "is corrupt", "backup")
}

func TestInTxUndoes(t *testing.T) {
	db := words(t)
	stop := errors.New("stop")
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		return errors.Join(insert(t.Context(), "a")(tx), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.InTx(t.Context(), func(tx *sql.Tx) error {
			_ = insert(t.Context(), "b")(tx)
			panic("boom")
		})
	}()
	ctx, cancel := context.WithCancel(t.Context())
	err = db.InTx(ctx, func(tx *sql.Tx) error {
		defer cancel()
		return insert(ctx, "c")(tx)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d words stayed", n)
	}
	if err := db.InTx(t.Context(), insert(t.Context(), "d")); err != nil || count(t, db) != 1 {
		t.Errorf("the database is of no use any more: %v", err)
	}
}

// A context that ends in the middle of a query is the reason of what follows,
// whatever words the caller or database/sql find for it.
func TestTheEndOfAContextIsTheReason(t *testing.T) {
	db := words(t)
	for name, after := range map[string]func(context.Context, *sql.Tx) error{
		"a fault of the caller": func(ctx context.Context, _ *sql.Tx) error {
			return fault.New(fault.Integrity, "read a row: %w", ctx.Err())
		},
		"the transaction is gone": func(_ context.Context, tx *sql.Tx) (err error) {
			for err == nil {
				_, err = tx.ExecContext(t.Context(), `SELECT 1`)
			}
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InSnapshot(ctx, func(tx *sql.Tx) error {
			cancel()
			return after(ctx, tx)
		})
		if !errors.Is(err, context.Canceled) || fault.Is(err, fault.Integrity) {
			t.Errorf("%s: %v, kind %v", name, err, fault.KindOf(err))
		}
	}
}

func TestSnapshotsCannotWriteAndSeeOneMoment(t *testing.T) {
	db := words(t)
	if err := db.InSnapshot(t.Context(), insert(t.Context(), "a")); err == nil {
		t.Error("a snapshot wrote")
	}
	err := db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
		for range 2 {
			var n int
			if err := tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM word`).Scan(&n); err != nil || n != 0 {
				t.Errorf("it sees %d words, %v", n, err)
			}
			if err := db.InTx(t.Context(), insert(t.Context(), "b")); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil || count(t, db) != 2 {
		t.Errorf("%d words, %v", count(t, db), err)
	}
}

func TestLockIsWaitedForAndThenUnavailable(t *testing.T) {
	a := words(t)
	b := open(t, a.Path(), Options{})
	err := a.InTx(t.Context(), func(*sql.Tx) error {
		wantKind(t, b.InTx(t.Context(), insert(t.Context(), "b")), fault.Unavailable, a.Path(), "is locked", "try again")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	patient := open(t, a.Path(), Options{Wait: time.Minute})
	held := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.InTx(t.Context(), func(*sql.Tx) error { close(held); time.Sleep(50 * time.Millisecond); return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	if err := patient.InTx(t.Context(), insert(t.Context(), "c")); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestCancelEndsTheWaitForALock(t *testing.T) {
	a := words(t)
	b := open(t, a.Path(), Options{Wait: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	err := a.InTx(t.Context(), func(*sql.Tx) error {
		time.AfterFunc(20*time.Millisecond, cancel)
		if err := b.InTx(ctx, insert(ctx, "b")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSessionStagesWithoutALock(t *testing.T) {
	a := words(t)
	b := open(t, a.Path(), Options{})
	err := a.Session(t.Context(), func(s *Session) error {
		err := s.InTemp(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `CREATE TABLE temp.stage AS SELECT 'a' AS text`); err != nil {
				return err
			}
			return b.InTx(t.Context(), insert(t.Context(), "b")) // another process may write
		})
		if err != nil {
			return err
		}
		return s.InTx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO word SELECT text FROM temp.stage; DROP TABLE temp.stage`)
			return err
		})
	})
	if err != nil || count(t, a) != 2 {
		t.Errorf("%d words, %v", count(t, a), err)
	}
}

func TestFullDisk(t *testing.T) {
	db := words(t)
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `PRAGMA max_page_count = 4`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), insert(t.Context(), strings.Repeat("x", 1<<20)))
	wantKind(t, err, fault.Failure, db.Path(), "cannot grow", "free space")
	if count(t, db) != 0 {
		t.Error("a part of it stayed")
	}
}

// Of what cannot be written only that is told to be a full disk which is known to be.
func TestFullOrOnlyBroken(t *testing.T) {
	db := &DB{path: "place"}
	for name, tt := range map[string]struct {
		err  error
		full bool
	}{
		"a full disk":   {db.serverFault(errDiskFull, errors.New("Disk full (/tmp/a)")), true},
		"no space":      {db.serverFault(errWriteFile, errors.New(`Error writing file 'a' (Errcode: 28 "No space left on device")`)), true},
		"a broken disk": {db.serverFault(errWriteFile, errors.New(`Error writing file 'a' (Errcode: 5 "Input/output error")`)), false},
		"a full file":   {db.serverFault(errTableFull, errors.New("The table 'a' is full")), true},
	} {
		if errors.Is(tt.err, fault.ErrFull) != tt.full || !fault.Is(tt.err, fault.Failure) || fault.HintOf(tt.err) == "" {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
}

func TestFaultsOfTheCallerPass(t *testing.T) {
	db := words(t)
	want := fault.New(fault.Rejected, "no").WithHint("yes")
	if err := db.InTx(t.Context(), func(*sql.Tx) error { return want }); err != error(want) {
		t.Errorf("error %v", err)
	}
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `SELECT * FROM absent`)
		return fmt.Errorf("look: %w", err)
	})
	wantKind(t, err, fault.Failure, db.Path(), "look: ", "no such table: absent")
}
