package salesctl_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/salesctl/salesctl/"

// rooms says who may import whom. An edge that is not listed is forbidden. Every
// room may import fault. Tests may also import the rooms that "tests" lists.
var rooms = map[string][]string{
	// words
	"pkg/fault":    {},
	"pkg/sales":    {},
	"pkg/model":    {},
	"pkg/artifact": {"pkg/disk"},
	"pkg/disk":     {}, // files that are whole, and locks: one home for what a crash may break
	"pkg/mlflow":   {},
	"configs":      {},
	"testdata":     {},

	// leaves
	"pkg/config":          {"configs"}, // the embedded default is its lowest layer
	"pkg/database":        {},
	"pkg/calendar":        {"pkg/sales"},
	"pkg/metrics":         {},
	"pkg/conformal":       {},
	"pkg/plot":            {},
	"pkg/auth":            {"pkg/disk"},
	"pkg/model/tree":      {"pkg/model"},
	"pkg/model/forest":    {"pkg/model", "pkg/model/tree"},
	"pkg/model/boost":     {"pkg/model", "pkg/model/tree"},
	"pkg/model/golearn":   {"pkg/model"},
	"pkg/model/permute":   {"pkg/model"}, // what a feature is worth to any model
	"pkg/model/arima":     {"pkg/model"},
	"pkg/model/naive":     {"pkg/model"},
	"pkg/model/decompose": {},
	"pkg/model/ets":       {"pkg/model", "pkg/model/decompose"},
	"pkg/model/theta":     {"pkg/model", "pkg/model/decompose"},
	"pkg/model/mstl":      {"pkg/model", "pkg/model/decompose", "pkg/model/ets"},
	"pkg/model/combine":   {},
	"pkg/model/modeltest": {"pkg/model"},

	// steps
	"pkg/etl":           {"pkg/sales"},
	"pkg/store":         {"pkg/sales", "pkg/database"},
	"pkg/local":         {"pkg/sales", "pkg/model", "pkg/model/naive"}, // one adapter for pipeline and evaluate
	"pkg/features":      {"pkg/sales", "pkg/calendar", "pkg/model"},
	"pkg/model/catalog": {"pkg/model", "pkg/model/forest", "pkg/model/boost", "pkg/model/golearn", "pkg/model/arima", "pkg/model/naive", "pkg/model/ets", "pkg/model/theta", "pkg/model/mstl"},
	"pkg/pipeline":      {"pkg/sales", "pkg/calendar", "pkg/features", "pkg/local", "pkg/model", "pkg/model/catalog", "pkg/model/permute", "pkg/conformal", "pkg/metrics"}, // intervals, in units of the series' scale
	"pkg/evaluate":      {"pkg/sales", "pkg/local", "pkg/metrics", "pkg/conformal", "pkg/model/naive"},                                                                     // intervals are scored as they are made
	"pkg/tune":          {"pkg/model", "pkg/disk"},

	"pkg/artifact/s3":           {"pkg/artifact"},
	"pkg/mlflow/filter":         {"pkg/mlflow"},
	"pkg/mlflow/mlmodel":        {}, // model folders in MLflow's form
	"pkg/mlflow/sqlstore":       {"pkg/mlflow", "pkg/mlflow/filter", "pkg/database"},
	"pkg/mlflow/client":         {"pkg/mlflow", "pkg/artifact"},
	"pkg/mlflow/record":         {"pkg/mlflow", "pkg/artifact"},
	"pkg/mlflow/spool":          {"pkg/mlflow", "pkg/mlflow/record", "pkg/artifact", "pkg/disk"},
	"pkg/mlflow/transfer":       {"pkg/mlflow", "pkg/mlflow/record", "pkg/artifact"},
	"pkg/mlflow/server":         {"pkg/mlflow", "pkg/artifact", "pkg/auth"},
	"pkg/mlflow/mlflowtest":     {"pkg/mlflow"},
	"pkg/database/databasetest": {"pkg/database"},
	"pkg/artifact/artifacttest": {"pkg/artifact"},

	// ways
	"pkg/train":   {"pkg/sales", "pkg/conformal", "pkg/features", "pkg/model", "pkg/pipeline", "pkg/evaluate", "pkg/tune", "pkg/metrics", "pkg/plot", "pkg/artifact", "pkg/mlflow", "pkg/mlflow/record", "pkg/mlflow/mlmodel"},
	"pkg/promote": {"pkg/mlflow", "pkg/mlflow/record"},
	"pkg/serve":   {"pkg/sales", "pkg/pipeline", "pkg/mlflow", "pkg/mlflow/record", "pkg/auth"},
}

// tops import whatever they join together.
var tops = []string{"cmd/", "bench/", "."}

// tests may be imported by tests only.
var tests = []string{"pkg/model/modeltest", "pkg/mlflow/mlflowtest", "pkg/artifact/artifacttest", "pkg/database/databasetest", "testdata",
	"pkg/mlflow/sqlstore", "pkg/mlflow/server", "pkg/mlflow/client"} // what a client and a record are tested against

// doors lists, for an outside module, the rooms that may import it.
var doors = map[string][]string{
	"github.com/spf13/viper":         {"pkg/config"},
	"github.com/spf13/cobra":         {"cmd/salesctl"},
	"github.com/spf13/pflag":         {"cmd/salesctl", "pkg/config"},
	"github.com/pressly/goose":       {"pkg/database"},
	"modernc.org/sqlite":             {"pkg/database"},
	"github.com/go-sql-driver/mysql": {"pkg/database"},
	"github.com/aws":                 {"pkg/artifact/s3"},
	"github.com/sjwhitworth/golearn": {"pkg/model/golearn"},
}

// TestImports parses the sources itself: a test that asked the go command would
// be answered from the test cache.
func TestImports(t *testing.T) {
	for _, breach := range breaches(t, ".") {
		t.Error(breach)
	}
}

// TestImportsCatchesAPlantedBreach proves that the rules can fail.
func TestImportsCatchesAPlantedBreach(t *testing.T) {
	dir := t.TempDir()
	plant := func(file, imports string) {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("package p\nimport _ \""+imports+"\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plant("pkg/sales/a.go", module+"pkg/store")       // upwards
	plant("pkg/etl/a.go", module+"pkg/store")         // sideways
	plant("pkg/store/a.go", "github.com/spf13/viper") // through the wall
	plant("pkg/secret/a.go", "fmt")                   // a room without an entry
	plant("pkg/train/a.go", module+"pkg/fault")       // allowed
	plant("cmd/salesctl/a.go", module+"pkg/config")   // allowed
	plant("pkg/etl/a_test.go", module+"testdata")     // allowed
	got := breaches(t, dir)
	if len(got) != 4 {
		t.Errorf("want 4 breaches, got %d:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// breaches lists the imports below root that the tables forbid.
func breaches(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" && path != filepath.Join(root, "testdata")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := judge(filepath.ToSlash(rel), to); why != "" {
				found = append(found, filepath.ToSlash(rel)+": "+why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// judge says why the file may not import the package, "" when it may.
func judge(file, to string) string {
	room := file[:max(strings.LastIndex(file, "/"), 0)]
	isTest := strings.HasSuffix(file, "_test.go")
	for outside, allowed := range doors {
		if strings.HasPrefix(to, outside) && !slices.Contains(allowed, room) {
			return room + " may not import " + to + ": its door is " + strings.Join(allowed, ", ")
		}
	}
	if room == "" || slices.ContainsFunc(tops, func(top string) bool { return strings.HasPrefix(room, top) }) {
		return ""
	}
	edges, known := rooms[room]
	if !known {
		return room + " is no room of this house: give it a line in arch_test.go, with its reason"
	}
	own, ours := strings.CutPrefix(to, module)
	switch {
	case !ours, own == "pkg/fault", own == room, slices.Contains(edges, own):
		return ""
	case isTest && slices.Contains(tests, own):
		return ""
	}
	return room + " may not import " + own
}
