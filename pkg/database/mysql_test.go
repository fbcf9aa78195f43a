package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/fault"
)

// steps are migrations that can be repeated from their start, as MySQL needs.
func steps(bodies ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i, b := range bodies {
		m[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + b)}
	}
	return m
}

const (
	versions = "test_migration"
	word     = "CREATE TABLE IF NOT EXISTS word (id BIGINT PRIMARY KEY, text LONGTEXT NOT NULL) CHARACTER SET utf8mb4;\n"
)

func open(t *testing.T, dsn string, o database.Options) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// words opens a new database with the table word.
func words(t *testing.T) (db *database.DB, dsn string) {
	t.Helper()
	dsn = databasetest.Start(t).DSN("words")
	db = open(t, dsn, database.Options{Wait: time.Second})
	if err := db.Migrate(t.Context(), steps(word), versions); err != nil {
		t.Fatal(err)
	}
	return db, dsn
}

func exec(ctx context.Context, text string, args ...any) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text, args...)
		return err
	}
}

func insert(ctx context.Context, id int, text string) func(*sql.Tx) error {
	return exec(ctx, `INSERT INTO word VALUES (?, ?)`, id, text)
}

func count(t *testing.T, db *database.DB) (n int) {
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

func TestMySQLSettings(t *testing.T) {
	db, dsn := words(t)
	if db.Dialect() != database.MySQL || db.Dialect().String() != "mysql" || db.Path() != dsn {
		t.Errorf("dialect %s, path %s", db.Dialect(), db.Path())
	}
	read := func(tx *sql.Tx) (got [5]string, err error) {
		err = tx.QueryRowContext(t.Context(), `SELECT @@sql_mode, @@time_zone, @@character_set_connection, @@innodb_lock_wait_timeout, @@tx_isolation`).
			Scan(&got[0], &got[1], &got[2], &got[3], &got[4])
		if !strings.Contains(got[0], "STRICT_ALL_TABLES") || !strings.Contains(got[0], "ANSI_QUOTES") {
			t.Errorf("sql_mode %s", got[0])
		}
		got[0] = ""
		return got, err
	}
	for isolation, in := range map[string]func(context.Context, func(*sql.Tx) error) error{"READ-COMMITTED": db.InTx, "REPEATABLE-READ": db.InSnapshot} {
		err := in(t.Context(), func(tx *sql.Tx) error {
			got, err := read(tx)
			if diff := cmp.Diff([5]string{"", "+00:00", "utf8mb4", "1", isolation}, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// What the package comment says of the SQL that both dialects read.
func TestDialectsShareTheirSQL(t *testing.T) {
	sqlite := open(t, "sqlite:///"+t.TempDir()+"/a.db", database.Options{Create: true})
	mysql := open(t, databasetest.Start(t).DSN("shared"), database.Options{})
	for _, db := range []*database.DB{sqlite, mysql} {
		err := db.InTx(t.Context(), func(tx *sql.Tx) error {
			if err := exec(t.Context(), `CREATE TABLE "key" ("read" INTEGER PRIMARY KEY, text VARCHAR(9))`)(tx); err != nil {
				return err
			}
			if err := exec(t.Context(), `INSERT INTO "key" VALUES (?, ?)`, 1, "é🎉")(tx); err != nil {
				return err
			}
			if r, err := tx.ExecContext(t.Context(), `UPDATE "key" SET text = text`); err != nil {
				t.Error(err)
			} else if n, err := r.RowsAffected(); n != 1 || err != nil {
				t.Errorf("%s: %d rows found, %v", db.Dialect(), n, err)
			}
			var got string
			if err := tx.QueryRowContext(t.Context(), "SELECT text || '/' || ? FROM `key`", `a'\"`).Scan(&got); err != nil || got != `é🎉/a'\"` {
				t.Errorf("%s: %q, %v", db.Dialect(), got, err)
			}
			err := exec(t.Context(), `INSERT INTO "key" VALUES (1, 'x')`)(tx)
			if !database.IsDuplicate(err) || database.IsDuplicate(exec(t.Context(), `SELECT * FROM absent`)(tx)) {
				t.Errorf("%s: duplicate %v", db.Dialect(), err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestMySQLUndoes(t *testing.T) {
	db, _ := words(t)
	stop := errors.New("stop")
	err := db.InTx(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert(t.Context(), 1, "a")(tx), stop) })
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.InTx(ctx, func(tx *sql.Tx) error { defer cancel(); return insert(ctx, 2, "b")(tx) }); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := db.InTx(ctx, exec(ctx, `DO SLEEP(60)`)); !errors.Is(err, context.Canceled) {
		t.Errorf("in the middle of a statement: %v", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d words stayed", n)
	}
}

func TestMySQLSnapshotsCannotWriteAndSeeOneMoment(t *testing.T) {
	db, _ := words(t)
	if err := db.InSnapshot(t.Context(), insert(t.Context(), 0, "a")); err == nil {
		t.Error("a snapshot wrote")
	}
	err := db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
		for i := range 2 {
			var n int
			if err := tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM word`).Scan(&n); err != nil || n != 0 {
				t.Errorf("it sees %d words, %v", n, err)
			}
			if err := db.InTx(t.Context(), insert(t.Context(), i, "b")); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil || count(t, db) != 2 {
		t.Errorf("%d words, %v", count(t, db), err)
	}
}

// Two transactions that lock two rows in opposite orders: the server undoes one,
// and it runs again.
func TestDeadlocksAreRetried(t *testing.T) {
	db, _ := words(t)
	for id := range 2 {
		if err := db.InTx(t.Context(), insert(t.Context(), id, "")); err != nil {
			t.Fatal(err)
		}
	}
	var both sync.WaitGroup
	both.Add(2)
	var runs atomic.Int32
	var g errgroup.Group
	for first := range 2 {
		g.Go(func() error {
			met := false
			return db.InTx(t.Context(), func(tx *sql.Tx) error {
				runs.Add(1)
				if err := exec(t.Context(), `UPDATE word SET text = text || ? WHERE id = ?`, "x", first)(tx); err != nil {
					return err
				}
				if !met {
					met = true
					both.Done()
					both.Wait()
				}
				return exec(t.Context(), `UPDATE word SET text = text || ? WHERE id = ?`, "x", 1-first)(tx)
			})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var text string
	err := db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT GROUP_CONCAT(text) FROM word`).Scan(&text)
	})
	if err != nil || text != "xx,xx" || runs.Load() < 3 {
		t.Errorf("%q after %d runs, %v", text, runs.Load(), err)
	}
}

func TestMySQLLockIsWaitedForAndThenUnavailable(t *testing.T) {
	db, dsn := words(t)
	if err := db.InTx(t.Context(), insert(t.Context(), 1, "a")); err != nil {
		t.Fatal(err)
	}
	update := func(text string) func(*sql.Tx) error {
		return exec(t.Context(), `UPDATE word SET text = ? WHERE id = 1`, text)
	}
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		if err := update("b")(tx); err != nil {
			return err
		}
		wantKind(t, db.InTx(t.Context(), update("c")), fault.Unavailable, dsn, "is locked", "try again")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMySQLSessionsWriteOneByOne(t *testing.T) {
	db, dsn := words(t)
	other := open(t, dsn, database.Options{Wait: time.Second})
	err := db.Session(t.Context(), func(s *database.Session) error {
		err := s.InTemp(t.Context(), func(tx *sql.Tx) error {
			if err := exec(t.Context(), `CREATE TEMPORARY TABLE stage AS SELECT 7 AS id, 'a' AS text`)(tx); err != nil {
				return err
			}
			return other.InTx(t.Context(), insert(t.Context(), 1, "b")) // another process may write
		})
		if err != nil {
			return err
		}
		err = s.InTx(t.Context(), func(tx *sql.Tx) error {
			err := other.Session(t.Context(), func(o *database.Session) error {
				return o.InTx(t.Context(), func(*sql.Tx) error { t.Error("two sessions write at once"); return nil })
			})
			wantKind(t, err, fault.Unavailable, "is locked", "try again")
			return exec(t.Context(), `INSERT INTO word SELECT id, text FROM stage`)(tx)
		})
		return errors.Join(err, s.InTemp(t.Context(), exec(t.Context(), `DROP TEMPORARY TABLE stage`)))
	})
	if err != nil || count(t, db) != 2 {
		t.Errorf("%d words, %v", count(t, db), err)
	}
	err = other.Session(t.Context(), func(o *database.Session) error { return o.InTx(t.Context(), insert(t.Context(), 2, "c")) })
	if err != nil {
		t.Errorf("the lock was not freed: %v", err)
	}
}

func TestMySQLMigrationsAtOnce(t *testing.T) {
	dsn := databasetest.Start(t).DSN("migrated")
	slow := "DO SLEEP(0.2);\nCREATE TABLE once (id INT);\n" // fails the second time
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			db, err := database.Open(t.Context(), dsn, database.Options{})
			if err != nil {
				return err
			}
			return errors.Join(db.Migrate(t.Context(), steps(word, slow), versions), db.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	db := open(t, dsn, database.Options{})
	wantKind(t, db.Migrate(t.Context(), steps(word), versions), fault.Conflict, dsn, "version 2", "knows 1", "install the newer")
	if err := db.Migrate(t.Context(), steps(word), "of_another_package"); err != nil {
		t.Errorf("a second set of migrations: %v", err)
	}
}

// proxy passes connections on to the server until it is cut.
type proxy struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	t.Cleanup(p.cut)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go pass(in, out)
			go pass(out, in)
		}
	}()
	return p
}

func pass(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (p *proxy) cut() {
	_ = p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

func TestServerGoesAway(t *testing.T) {
	s := databasetest.Start(t)
	direct, dsn := words(t)
	p := newProxy(t, s.Address())
	db := open(t, strings.Replace(dsn, s.Address(), p.Addr().String(), 1), database.Options{})
	err := db.InTx(t.Context(), func(tx *sql.Tx) error {
		if err := insert(t.Context(), 1, "a")(tx); err != nil {
			return err
		}
		p.cut()
		return insert(t.Context(), 2, "b")(tx)
	})
	wantKind(t, err, fault.Unavailable, p.Addr().String(), "connection is lost", "try again")
	wantKind(t, db.InTx(t.Context(), insert(t.Context(), 3, "c")), fault.Unavailable, "cannot be reached", "host and port")
	if n := count(t, direct); n != 0 {
		t.Errorf("%d words stayed", n)
	}
}

// Of two processes one waits for the other, and neither leaves its lock behind
// when its context ends.
func TestMySQLAlone(t *testing.T) {
	db, dsn := words(t)
	other := open(t, dsn, database.Options{})
	var inside atomic.Int32
	var g errgroup.Group
	for _, db := range []*database.DB{db, other, db, other} {
		g.Go(func() error {
			return db.Alone(t.Context(), "test", func() error {
				if inside.Add(1) != 1 {
					t.Error("two are alone")
				}
				time.Sleep(5 * time.Millisecond)
				inside.Add(-1)
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.Alone(ctx, "test", func() error { cancel(); return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := other.Alone(ctx, "test", func() error { return nil }); err != nil {
		t.Errorf("the lock was left behind: %v", err)
	}
}
