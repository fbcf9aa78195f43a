package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database/databasetest"
)

// place is where a test keeps its databases: in files or at a server.
type place interface {
	// open opens a database by what Path has told; "" makes a new one.
	open(t testing.TB, path string) *Store
	// content tells all that a closed database holds.
	content(t testing.TB, path string) string
	// blanks returns a function that gives an empty database each time.
	blanks(t testing.TB) func() (path string)
}

// suite are the tests that hold for every place.
var suite = map[string]func(*testing.T, place){
	"admission":                           testAdmission,
	"a file not admitted is not read":     testAFileThatIsNotAdmittedIsNotRead,
	"replace hides and keeps":             testReplaceHidesAndKeeps,
	"replace by the same":                 testReplaceByTheSameChangesNothing,
	"a reader beside a load":              testReaderGoesOnWhileALoadIsInProgress,
	"two loads at once":                   testTwoLoadsAtOnce,
	"many readers and a writer":           testManyReadersAndAWriter,
	"the panel is read once":              testPanelIsReadOnceForEachLoad,
	"a killed load":                       testKilledLoad,
	"counts":                              testCounts,
	"refusals say what and where":         testRefusalsSayWhatAndWhere,
	"only the first refusals are listed":  testOnlyTheFirstRefusalsAreListed,
	"the same file again":                 testSameFileAgainChangesNothing,
	"rows absent from a later file":       testRowsAbsentFromALaterFileAreKept,
	"strict":                              testStrictLoadsAllOrNothing,
	"nothing accepted is no first load":   testNothingAcceptedIsNoFirstLoad,
	"half a load leaves nothing":          testHalfALoadLeavesNothing,
	"a cancelled load leaves nothing":     testCancelledLoadLeavesNothing,
	"cancelled while writing":             testCancelledWhileWriting,
	"static values are versioned":         testStaticValuesAreVersioned,
	"odd texts":                           testOddTexts,
	"loads follow the model":              testLoadsFollowTheModel,
	"what was served":                     testServedRoundTripsAndStaysApart,
	"rows that nobody wrote":              testRowsThatNobodyWroteAreNamed,
	"bits survive":                        testBitsSurviveTheDatabase,
	"the sample round-trips":              testSampleRoundTrips,
	"the view is empty without a mapping": testViewIsEmptyWithoutItsColumns,
}

func run(t *testing.T, on place) {
	for name, test := range suite {
		t.Run(name, func(t *testing.T) { test(t, on) })
	}
}

func TestOnSQLite(t *testing.T) { run(t, inFiles{}) }

func TestOnMySQL(t *testing.T) {
	databasetest.Start(t)
	run(t, &atServer{})
}

func openDSN(t testing.TB, dsn string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, Options{Create: true, Wait: 200 * time.Millisecond, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

type inFiles struct{}

func (inFiles) open(t testing.TB, path string) *Store {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "sales.db")
	}
	return openDSN(t, "sqlite:///"+path)
}

func (inFiles) content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (on inFiles) blanks(t testing.TB) func() string {
	t.Helper()
	empty := on.open(t, "")
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := os.ReadFile(empty.Path())
	if err != nil {
		t.Fatal(err)
	}
	dir, n := t.TempDir(), 0
	return func() string {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, tables, 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:///" + path
	}
}

type atServer struct{ made int }

func (on *atServer) open(t testing.TB, path string) *Store {
	t.Helper()
	if path == "" {
		on.made++
		path = databasetest.Start(t).DSN(fmt.Sprint("sales", on.made))
	}
	return openDSN(t, path)
}

// tables are those of a store, each after those that refer to it.
var tables = []string{"observation", "quarantine", "prediction", "series", `"load"`}

func (on *atServer) content(t testing.TB, path string) string {
	t.Helper()
	s := on.open(t, path)
	var all strings.Builder
	for _, table := range tables {
		fmt.Fprintln(&all, table, query(t, s, `SELECT * FROM `+table+` ORDER BY 1, 2, 3`))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func (on *atServer) blanks(t testing.TB) func() string {
	t.Helper()
	s := on.open(t, "")
	return func() string {
		for _, table := range tables {
			write(t, s, `DELETE FROM `+table)
		}
		return s.Path()
	}
}
