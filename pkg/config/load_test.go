package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

func defaults(t testing.TB) []byte {
	t.Helper()
	data, err := configs.Files.ReadFile("salesctl.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write puts a file into dir and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, o config.Options) *config.Settings {
	t.Helper()
	o.Defaults = defaults(t)
	s, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	got := load(t, config.Options{Dir: t.TempDir()})
	want := config.Config{
		Data: config.Data{
			Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales",
			Columns: config.Columns{
				{Name: "holiday_flag", Header: "Holiday_Flag"},
				{Name: "temperature", Header: "Temperature"},
				{Name: "fuel_price", Header: "Fuel_Price"},
				{Name: "cpi", Header: "CPI"},
				{Name: "unemployment", Header: "Unemployment"},
			},
			Static: []string{}, Frequency: "weekly",
		},
		Store:    config.Store{DSN: "sqlite:///sales.db"},
		Tracking: config.Tracking{URI: "sqlite:///mlflow.db", Artifacts: "./mlartifacts", Host: "127.0.0.1", Port: 5000, Hosts: []string{}},
		Train: config.Train{
			Models: []string{"rf", "gbt", "arima", "naive", "seasonal_naive", "seasonal_naive_growth"},
			Folds:  3, Horizon: 8, Score: "mse", Seed: 42,
			Features: config.Params{},
			RF:       config.Params{"max_features": 0.4, "min_samples_leaf": 10},
			Extra:    config.Params{"max_features": 0.8, "min_samples_leaf": 10},
			GBT: config.Params{"n_estimators": 200, "learning_rate": 0.03, "max_depth": 3, "min_child_weight": 40,
				"subsample": 0.7, "colsample_bytree": 0.3},
		},
		Serve: config.Serve{Host: "127.0.0.1", Port: 8000, Hosts: []string{}},
	}
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Error(diff)
	}
	if len(got.Files) != 0 {
		t.Errorf("files: %v", got.Files)
	}
	for _, e := range got.Entries() {
		if e.Origin != "default" {
			t.Errorf("%s comes from %s", e.Key, e.Origin)
		}
	}
}

// Each layer sets one key more than the next higher one, so that each key must
// come from the highest layer that has it.
func TestPrecedence(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	xdg := write(t, home, "salesctl/salesctl.yaml", "train:\n  seed: 1\n  folds: 11\n  horizon: 21\n  jobs: 31\n")
	local := write(t, dir, "salesctl.yaml", "train:\n  seed: 2\n  folds: 12\n  horizon: 22\n")
	environ := []string{"XDG_CONFIG_HOME=" + home, "SALESCTL_TRAIN_SEED=3", "SALESCTL_TRAIN_FOLDS=13", "SALESCTL_TRAIN_SCORE=", "OTHER=1"}
	s := load(t, config.Options{
		Dir: dir, Environ: environ,
		Flags: []config.Flag{{Key: "train.seed", Name: "--seed", Text: "4"}},
	})
	got := map[string]any{
		"train.seed":    []any{s.Train.Seed, s.Origin("train.seed").String()},
		"train.folds":   []any{s.Train.Folds, s.Origin("train.folds").String()},
		"train.horizon": []any{s.Train.Horizon, s.Origin("train.horizon").String()},
		"train.jobs":    []any{s.Train.Jobs, s.Origin("train.jobs").String()},
		"train.score":   []any{s.Train.Score, s.Origin("train.score").String()},
	}
	want := map[string]any{
		"train.seed":    []any{uint64(4), "--seed"},
		"train.folds":   []any{13, "SALESCTL_TRAIN_FOLDS"},
		"train.horizon": []any{22, local + ":4"},
		"train.jobs":    []any{31, xdg + ":5"},
		"train.score":   []any{"mse", "default"}, // an empty variable counts as unset
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{xdg, local}, s.Files); diff != "" {
		t.Error(diff)
	}
}

func TestNamedFileReplacesTheDirectorys(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "salesctl.yaml", "train: {folds: 9, horizon: 9}\n")
	named := write(t, dir, "sub/other.yaml", "train: {folds: 5}\n")
	for _, file := range []string{named, filepath.Join("sub", "other.yaml")} {
		s := load(t, config.Options{Dir: dir, File: file})
		if s.Train.Folds != 5 || s.Train.Horizon != 8 || s.Origin("train.folds").String() != named+":1" {
			t.Errorf("%s: folds %d from %s, horizon %d", file, s.Train.Folds, s.Origin("train.folds"), s.Train.Horizon)
		}
	}
}

func TestUserFile(t *testing.T) {
	home := t.TempDir()
	write(t, home, ".config/salesctl/salesctl.yaml", "serve: {port: 1}\n")
	write(t, home, "salesctl/salesctl.yaml", "serve: {port: 2}\n")
	for name, c := range map[string]struct {
		environ []string
		port    int
	}{
		"home":          {[]string{"HOME=" + home}, 1},
		"xdg":           {[]string{"HOME=" + home, "XDG_CONFIG_HOME=" + home}, 2},
		"relative xdg":  {[]string{"HOME=" + home, "XDG_CONFIG_HOME=salesctl"}, 1},
		"Windows":       {[]string{"APPDATA=" + home}, 2},
		"Windows, old":  {[]string{"AppData=" + home}, 2},
		"no home known": {nil, 8000},
	} {
		if s := load(t, config.Options{Dir: t.TempDir(), Environ: c.environ}); s.Serve.Port != c.port {
			t.Errorf("%s: port %d, want %d", name, s.Serve.Port, c.port)
		}
	}
}

func TestMappingKeepsOrderAndCase(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "salesctl.yaml", `data:
  keys: [Store, Dept]
  columns: {Zeta: Z_Flag, alpha: "Alpha Rate", Mid: 3}
train:
  rf: {Max_Depth: 5, learning_rate: 0.5, bootstrap: true}
`)
	s := load(t, config.Options{Dir: dir})
	columns := config.Columns{{Name: "Zeta", Header: "Z_Flag"}, {Name: "alpha", Header: "Alpha Rate"}, {Name: "Mid", Header: "3"}}
	if diff := cmp.Diff(columns, s.Data.Columns); diff != "" {
		t.Error(diff)
	}
	params := config.Params{"Max_Depth": 5, "learning_rate": 0.5, "bootstrap": true}
	if diff := cmp.Diff(params, s.Train.RF); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Store", "Dept"}, s.Data.Keys); diff != "" {
		t.Error(diff)
	}
}

func TestTextValues(t *testing.T) {
	s := load(t, config.Options{Dir: t.TempDir(), Environ: []string{
		"SALESCTL_TRAIN_MODELS=rf, gbt",
		"SALESCTL_DATA_KEYS=[Store, Dept]",
		"SALESCTL_TRAIN_GBT={learning_rate: 0.05}",
		"SALESCTL_DATA_COLUMNS={promo: Promo}",
		"SALESCTL_DATA_PATH=a, b.csv",
	}})
	if diff := cmp.Diff([]string{"rf", "gbt"}, s.Train.Models); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Store", "Dept"}, s.Data.Keys); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config.Params{"learning_rate": 0.05}, s.Train.GBT); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config.Columns{{Name: "promo", Header: "Promo"}}, s.Data.Columns); diff != "" {
		t.Error(diff)
	}
	if s.Data.Path != "a, b.csv" {
		t.Errorf("path %q", s.Data.Path)
	}
}

func TestRefusedFiles(t *testing.T) {
	for name, c := range map[string]struct{ file, want, hint string }{
		"misspelt key":     {"data:\n  path: a\ntrain:\n  fold: 5\n", ":4: unknown key train.fold", "did you mean train.folds?"},
		"misspelt section": {"\ntrian:\n  folds: 5\n", ":2: unknown key trian", "did you mean train?"},
		"wrong section":    {"folds: 5\n", ":1: unknown key folds", "did you mean train.folds?"},
		"unheard-of key":   {"kubernetes: true\n", ":1: unknown key kubernetes", "`salesctl config show` lists the keys"},
		"of a later step":  {"monitor: {every: 1h}\n", ":1: unknown key monitor", ""},
		"token in a file":  {"tracking: {token: abc}\n", ":1: tracking.token: holds a password", "set SALESCTL_TRACKING_TOKEN instead"},
		"text for number":  {"train:\n  folds: many\n", `:2: train.folds: want a whole number, found "many"`, ""},
		"part of a number": {"train:\n\n  folds: 3.7\n", `:3: train.folds: want a whole number, found "3.7"`, ""},
		"negative seed":    {"train: {seed: -1}\n", `:1: train.seed: want a whole number, found "-1"`, ""},
		"list for text":    {"data: {date: [a]}\n", ":1: data.date: want a text, found a list", ""},
		"text for list":    {"train:\n  models: arima\n", `:2: train.models: want a list such as [a, b], found "arima"`, ""},
		"map in list":      {"data: {keys: [a, {b: c}]}\n", ":1: data.keys: want a list of names, found a map in it", ""},
		"text for params":  {"train: {rf: deep}\n", `:1: train.rf: want a map such as {name: value}, found "deep"`, ""},
		"list for columns": {"data: {columns: [CPI]}\n", ":1: data.columns: want a map such as", ""},
		"empty header":     {"data:\n  columns:\n    cpi:\n", ":3: data.columns: cpi: want the name of a column of the file, found nothing", ""},
		"column twice":     {"data: {columns: {a: A, a: B}}\n", ":1: data.columns: names a twice", ""},
		"parameter twice":  {"train: {rf: {a: 1, a: 2}}\n", ":1: train.rf: want a map of names, each once", ""},
		"key twice":        {"train:\n  folds: 2\n  seed: 1\n  folds: 3\n", ":4: train.folds is set twice, first on line 2", ""},
		"scalar section":   {"train: 5\n", ":1: train: want keys and values", ""},
		"scalar file":      {"hello\n", ":1: the file: want keys and values", ""},
		"two documents":    {"train: {folds: 2}\n---\ntrain: {folds: 3}\n", ": a second document starts here", ""},
		"broken YAML":      {"train:\n  folds: 3\n seed: 4\n", ":2: no valid YAML here or just below", "schema"},
		"tabs":             {"train:\n\tfolds: 3\n", ":2: no valid YAML", "schema"},
		"too small":        {"train:\n  folds: 0\n", ":2: train.folds: must be at least 1, found 0", ""},
		"too large":        {"serve: {port: 65536}\n", ":1: serve.port: must be at most 65535, found 65536", ""},
		"no choice":        {"data: {week_ends: firday}\n", ":1: data.week_ends: want monday, tuesday", "did you mean friday?"},
		"empty list":       {"train: {models: []}\n", ":1: train.models: must not be empty", ""},
		"empty item":       {"data: {keys: [Store, \"\"]}\n", ":1: data.keys: item 1 is empty", ""},
		"item twice":       {"train: {models: [rf, rf]}\n", ":1: train.models: names something twice", ""},
		"empty text":       {"data: {date: \"\"}\n", ":1: data.date: must not be empty", ""},
		"no host":          {"serve: {host: \"a b\"}\n", `:1: serve.host: "a b" is neither an IP address nor a host name`, ""},
		"password":         {"store: {dsn: \"mysql://me:hunter2@db/x\"}\n", ":1: store.dsn: holds a password", "set SALESCTL_STORE_DSN instead"},
		"secret parameter": {"store: {dsn: \"mysql://db/x?password=hunter2\"}\n", ":1: store.dsn: holds a password", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "salesctl.yaml", c.file)
			_, err := config.Load(config.Options{Defaults: defaults(t), Dir: dir})
			if !fault.Is(err, fault.Config) {
				t.Fatalf("got %v, want a fault.Config", err)
			}
			if !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("hint %q, want %q", fault.HintOf(err), c.hint)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message tells the password: %v", err)
			}
		})
	}
}

func TestEveryProblemIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "salesctl.yaml", "data:\n  pth: a\ntrain:\n  folds: x\n  sed: 1\n")
	_, err := config.Load(config.Options{Defaults: defaults(t), Dir: dir})
	var lines []string
	for line := range strings.Lines(err.Error()) {
		_, rest, _ := strings.Cut(line, "salesctl.yaml:")
		lines = append(lines, rest[:1])
	}
	if !slices.Equal(lines, []string{"2", "4", "5"}) {
		t.Errorf("problems on lines %v of:\n%v", lines, err)
	}
}

func TestEmptyFilesSetNothing(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "comment": "# nothing\n", "null": "train:\ndata:\n  path:\n", "BOM": "\ufeff{}\n", "CRLF": "train:\r\n  folds: 3\r\n"} {
		dir := t.TempDir()
		write(t, dir, "salesctl.yaml", text)
		if s := load(t, config.Options{Dir: dir}); s.Train.Folds != 3 {
			t.Errorf("%s: folds %d", name, s.Train.Folds)
		}
	}
}

func TestAlias(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "salesctl.yaml", "train:\n  rf: &p {max_depth: 5}\n  gbt: *p\n")
	if s := load(t, config.Options{Dir: dir}); s.Train.GBT["max_depth"] != 5 {
		t.Errorf("gbt %v", s.Train.GBT)
	}
}

func TestRefusedText(t *testing.T) {
	for name, c := range map[string]struct {
		o          config.Options
		kind       fault.Kind
		want, hint string
	}{
		"misspelt variable": {config.Options{Environ: []string{"SALESCTL_DATA_PAHT=x"}}, fault.Config, "SALESCTL_DATA_PAHT", "did you mean SALESCTL_DATA_PATH?"},
		"strange variable":  {config.Options{Environ: []string{"SALESCTL_X=x"}}, fault.Config, "SALESCTL_X", "unset SALESCTL_X"},
		"variable's type":   {config.Options{Environ: []string{"SALESCTL_TRAIN_FOLDS=x"}}, fault.Config, `SALESCTL_TRAIN_FOLDS: train.folds: want a whole number, found "x"`, ""},
		"variable's value":  {config.Options{Environ: []string{"SALESCTL_TRAIN_FOLDS=0"}}, fault.Config, "SALESCTL_TRAIN_FOLDS: train.folds: must be at least 1, found 0", ""},
		"variable's YAML":   {config.Options{Environ: []string{"SALESCTL_TRAIN_RF={"}}, fault.Config, "SALESCTL_TRAIN_RF: train.rf: want a map", ""},
		"flag's type":       {config.Options{Flags: []config.Flag{{Key: "train.seed", Name: "--seed", Text: "x"}}}, fault.Usage, `--seed: train.seed: want a whole number, found "x"`, ""},
		"flag's value":      {config.Options{Flags: []config.Flag{{Key: "train.score", Name: "--score", Text: "msse"}}}, fault.Usage, "--score: train.score: want mse, rmse, mae, mape or wape", "did you mean mse?"},
		"password in flag":  {config.Options{Flags: []config.Flag{{Key: "store.dsn", Name: "--dsn", Text: "mysql://a:b@c/d"}}}, fault.Usage, "--dsn: store.dsn: holds a password", "set SALESCTL_STORE_DSN instead"},
		"no such file":      {config.Options{File: "no.yaml"}, fault.Config, "no.yaml: no such file", "works without a file"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Defaults, c.o.Dir = defaults(t), t.TempDir()
			_, err := config.Load(c.o)
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v (kind %d)\nwant %s (kind %d)", err, fault.KindOf(err), c.want, c.kind)
			}
			if !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("hint %q, want %q", fault.HintOf(err), c.hint)
			}
		})
	}
	_, err := config.Load(config.Options{Defaults: defaults(t), Flags: []config.Flag{{Key: "no.key", Name: "--x"}}})
	if err == nil || fault.KindOf(err) != fault.Failure {
		t.Errorf("a flag for a key that does not exist is a mistake of the program: %v", err)
	}
}

func TestVariablesOfMLflow(t *testing.T) {
	environ := []string{"MLFLOW_TRACKING_URI=http://a:5000", "MLFLOW_TRACKING_TOKEN=hunter2", "MLFLOW_S3_ENDPOINT_URL=http://s3", "MLFLOW_RUN_ID=1",
		"MLFLOW_ENABLE_WORKSPACES=1", "MLFLOW_WORKSPACE=team-a"}
	s := load(t, config.Options{Dir: t.TempDir(), Environ: environ})
	if s.Tracking.URI != "http://a:5000" || s.Tracking.Token != "hunter2" || s.S3.Endpoint != "http://s3" ||
		!s.Tracking.HasWorkspaces() || s.Tracking.Workspace != "team-a" {
		t.Errorf("found %+v and %+v", s.Tracking, s.S3)
	}
	if o := s.Origin("tracking.uri"); o.String() != "MLFLOW_TRACKING_URI" {
		t.Errorf("its origin is %s", o)
	}
	for _, e := range s.Entries() {
		if strings.Contains(e.Value, "hunter2") {
			t.Errorf("%s shows the token", e.Key)
		}
	}
	for _, own := range [][]string{{"SALESCTL_TRACKING_URI=http://b"}, nil} {
		s = load(t, config.Options{Dir: t.TempDir(), Environ: append(own, environ...)})
		if want := map[bool]string{true: "http://b", false: "http://a:5000"}[own != nil]; s.Tracking.URI != want {
			t.Errorf("with %q: %s, want %s", own, s.Tracking.URI, want)
		}
	}
}

func TestPasswordFromTheEnvironment(t *testing.T) {
	s := load(t, config.Options{Dir: t.TempDir(), Environ: []string{"SALESCTL_STORE_DSN=mysql://me:hunter2@db:3306/x?tls=true"}})
	if s.Store.DSN != "mysql://me:hunter2@db:3306/x?tls=true" {
		t.Errorf("dsn %q", s.Store.DSN)
	}
	for _, e := range s.Entries() {
		if e.Key == "store.dsn" && (e.Value != "mysql://***@db:3306/x?tls=true" || e.Origin != "SALESCTL_STORE_DSN") {
			t.Errorf("shown as %q from %s", e.Value, e.Origin)
		}
	}
}

func TestRefusePointsAtTheValue(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "salesctl.yaml", "train:\n  models: [rff]\n")
	s := load(t, config.Options{Dir: dir})
	cause := fault.New(fault.Usage, "no model rff").WithHint("did you mean rf?")
	err := s.Refuse("train.models", cause)
	if err.Error() != path+":2: train.models: no model rff" || !fault.Is(err, fault.Config) || fault.HintOf(err) != "did you mean rf?" || !errors.Is(err, cause) {
		t.Errorf("%v, kind %d, hint %q", err, fault.KindOf(err), fault.HintOf(err))
	}
}
