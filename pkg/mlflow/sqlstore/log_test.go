package sqlstore

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

func newRun(t testing.TB, s *Store) string {
	t.Helper()
	r, err := s.CreateRun(t.Context(), mlflow.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Info.ID
}

// TestNothingIsLostAmongWriters lets 64 writers log into runs of their own and
// into one that all share.
func TestNothingIsLostAmongWriters(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		const writers, steps = 64, 5
		s := openAt(t, dsn, Options{Wait: time.Minute})
		shared := newRun(t, s)
		own := make([]string, writers)
		var g errgroup.Group
		for w := range writers {
			own[w] = newRun(t, s)
			g.Go(func() error {
				for i := range steps {
					m := mlflow.Metric{Key: "m", Value: mlflow.Number(w), Step: int64(i), Timestamp: int64(w)}
					if err := s.LogMetric(t.Context(), own[w], m); err != nil {
						return err
					}
					b := mlflow.Batch{
						Metrics: []mlflow.Metric{m, {Key: fmt.Sprint("w", w), Value: 1, Step: int64(i)}},
						Params:  []mlflow.Param{{Key: fmt.Sprint("p", w), Value: "v"}, {Key: "all", Value: "same"}},
						Tags:    []mlflow.Tag{{Key: "last", Value: fmt.Sprint(w)}},
					}
					if err := s.LogBatch(t.Context(), shared, b); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for w, id := range own {
			if h := history(t, s, id, "m"); len(h) != steps {
				t.Errorf("writer %d: %d values, want %d", w, len(h), steps)
			}
		}
		if h := history(t, s, shared, "m"); len(h) != writers*steps {
			t.Errorf("shared: %d values, want %d", len(h), writers*steps)
		}
		r, err := s.GetRun(t.Context(), shared)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Data.Params) != writers+1 || len(r.Data.Metrics) != writers+1 {
			t.Errorf("%d params and %d metrics, want %d of each", len(r.Data.Params), len(r.Data.Metrics), writers+1)
		}
		for _, m := range r.Data.Metrics {
			if m.Key == "m" && (m.Step != steps-1 || m.Value != writers-1) {
				t.Errorf("the newest value is %+v", m)
			}
		}
	})
}

func history(t testing.TB, s *Store, id, key string) []mlflow.Metric {
	t.Helper()
	p, err := s.MetricHistory(t.Context(), mlflow.HistoryQuery{RunID: id, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

// Of writers that log one param with several values one wins, and the others are
// told.
func TestOneOfManyValuesOfAParamStays(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openAt(t, dsn, Options{Wait: time.Minute})
		id := newRun(t, s)
		refused := make([]error, 16)
		var g errgroup.Group
		for w := range refused {
			g.Go(func() error {
				refused[w] = s.LogParam(t.Context(), id, mlflow.Param{Key: "p", Value: strconv.Itoa(w)})
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		r, err := s.GetRun(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for w, err := range refused {
			if won := r.Data.Param("p") == strconv.Itoa(w); won != (err == nil) || !won && mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
				t.Errorf("value %d beside %q: %v", w, r.Data.Param("p"), err)
			}
		}
	})
}

// A batch of which one part is refused leaves nothing of the others.
func TestBatchIsLoggedAsAWhole(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openAt(t, dsn, Options{})
		id := newRun(t, s)
		if err := s.LogParam(t.Context(), id, mlflow.Param{Key: "p", Value: "1"}); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string]mlflow.Batch{
			"changed param": {Metrics: []mlflow.Metric{{Key: "m"}}, Params: []mlflow.Param{{Key: "new", Value: "1"}, {Key: "p", Value: "2"}}, Tags: []mlflow.Tag{{Key: "t"}}},
			"unknown model": {Metrics: []mlflow.Metric{{Key: "m"}, {Key: "m", ModelID: "m-none", Step: 1}}, Params: []mlflow.Param{{Key: "new", Value: "1"}}},
		} {
			if err := s.LogBatch(t.Context(), id, b); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
		r, err := s.GetRun(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Data.Metrics) != 0 || len(r.Data.Params) != 1 || len(r.Data.Tags) != 1 || len(history(t, s, id, "m")) != 0 {
			t.Errorf("%+v", r.Data)
		}
	})
}

func TestRunIDsOfTheCallersChoice(t *testing.T) {
	s := open(t, Options{})
	id := strings.Repeat("0123456789abcdef", 2)
	r, err := s.CreateRun(t.Context(), mlflow.NewRun{ID: id, Name: "a"})
	if err != nil || r.Info.ID != id || !strings.Contains(r.Info.ArtifactURI, id) {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := s.CreateRun(t.Context(), mlflow.NewRun{ID: id}); mlflow.CodeOf(err) != mlflow.ResourceAlreadyExists {
		t.Errorf("twice: %v", err)
	}
	for _, bad := range []string{"x", id[1:], strings.ToUpper(id), id + "0", "../" + id[3:]} {
		if _, err := s.CreateRun(t.Context(), mlflow.NewRun{ID: bad}); !fault.Is(err, fault.Usage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestRunIDForm holds the form to the expression of MLflow's server, whose $ also
// stands before a last line break.
func TestRunIDForm(t *testing.T) {
	form := regexp.MustCompile(`^[a-zA-Z0-9][\p{L}\p{N}_\-]{0,255}\n?$`)
	ids := []string{"", "a", "-a", "é", "aé٣²_-", "a b", "a/b", "a\n", "a\n\n", "a\nb", "a\xff", "a%"}
	for _, n := range []int{254, 255, 256} {
		ids = append(ids, "a"+strings.Repeat("x", n), "a"+strings.Repeat("é", n), "a"+strings.Repeat("é", n)+"\n")
	}
	for _, id := range ids {
		if got, want := checkRunID(id) == nil, form.MatchString(id); got != want {
			t.Errorf("%.20q of %d bytes: taken %v, want %v", id, len(id), got, want)
		}
	}
}

// TestLatestMetricIsTheNewest logs values in any order and any cut into batches.
// The newest by step, time and value must win, as if they came one by one.
func TestLatestMetricIsTheNewest(t *testing.T) {
	s := open(t, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		id := newRun(t, s)
		small := rapid.Int64Range(0, 2)
		var want stored
		seen := map[string]bool{}
		for b := range rapid.IntRange(1, 4).Draw(rt, "batches") {
			var batch []mlflow.Metric
			for i := range rapid.IntRange(1, 5).Draw(rt, "values") {
				m := mlflow.Metric{Key: "m", Step: small.Draw(rt, "step"), Timestamp: small.Draw(rt, "time"), Value: mlflow.Number(rapid.SampledFrom([]float64{-1, 0, 1, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(rt, "value"))}
				if v := store(m); b == 0 && i == 0 || newer(v, want) > 0 {
					want = v
				}
				seen[fmt.Sprint(store(m))] = true
				batch = append(batch, m)
			}
			if err := s.LogBatch(t.Context(), id, mlflow.Batch{Metrics: batch}); err != nil {
				rt.Fatal(err)
			}
		}
		r, err := s.GetRun(t.Context(), id)
		if err != nil {
			rt.Fatal(err)
		}
		if got := store(r.Data.Metrics[0]); got != want {
			rt.Errorf("newest %+v, want %+v", got, want)
		}
		if h := history(t, s, id, "m"); len(h) != len(seen) {
			rt.Errorf("%d values, want %d", len(h), len(seen))
		}
	})
}

// TestNewerOfTwoStays logs every pair of small metrics, one after the other.
func TestNewerOfTwoStays(t *testing.T) {
	var small []mlflow.Metric
	for i := range int64(16) {
		value := []float64{-1, 0, 1, math.NaN()}[i/4]
		small = append(small, mlflow.Metric{Step: i % 2, Timestamp: i / 2 % 2, Value: mlflow.Number(value)})
	}
	var first, second mlflow.Batch
	want := map[string]stored{}
	for i, a := range small {
		for j, b := range small {
			a.Key, b.Key = fmt.Sprint(i, " ", j), fmt.Sprint(i, " ", j)
			first.Metrics, second.Metrics = append(first.Metrics, a), append(second.Metrics, b)
			if want[a.Key] = store(a); newer(store(b), store(a)) > 0 {
				want[a.Key] = store(b)
			}
		}
	}
	each(t, func(t *testing.T, dsn string) {
		s := openAt(t, dsn, Options{})
		id := newRun(t, s)
		for _, b := range []mlflow.Batch{first, second} {
			if err := s.LogBatch(t.Context(), id, b); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.GetRun(t.Context(), id)
		if err != nil || len(r.Data.Metrics) != len(want) {
			t.Fatalf("%d metrics, want %d; %v", len(r.Data.Metrics), len(want), err)
		}
		for _, m := range r.Data.Metrics {
			if got := store(m); got != want[m.Key] {
				t.Errorf("newest %+v, want %+v", got, want[m.Key])
			}
		}
	})
}

// TestAcknowledgedMetricsOutliveAKill kills a process that logs, without warning,
// and looks for everything that it was told is written.
func TestAcknowledgedMetricsOutliveAKill(t *testing.T) {
	if dsn := os.Getenv("SQLSTORE_TEST_VICTIM"); dsn != "" {
		victim(t, dsn)
		return
	}
	dsn := file(t)
	s := openAt(t, dsn, Options{})
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAcknowledgedMetricsOutliveAKill$")
	c.Env = append(os.Environ(), "SQLSTORE_TEST_VICTIM="+dsn)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	acknowledged := map[string]bool{}
	for lines.Scan() {
		acknowledged[lines.Text()] = true
		if len(acknowledged) == 200 {
			break
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it said before it died
		acknowledged[lines.Text()] = true
	}
	_ = c.Wait() // killed
	if len(acknowledged) < 200 {
		t.Fatalf("only %d values were acknowledged", len(acknowledged))
	}
	for line := range acknowledged {
		id, step, ok := strings.Cut(line, " ")
		if !ok {
			continue // cut off by the kill
		}
		n, err := strconv.Atoi(step)
		if err != nil {
			continue
		}
		h := history(t, s, id, "m")
		if n >= len(h) || h[n].Step != int64(n) {
			t.Fatalf("step %d of run %s was acknowledged, and there are %d values", n, id, len(h))
		}
	}
}

// victim logs from several goroutines and says what the store has taken, until it
// is killed.
func victim(t *testing.T, dsn string) {
	s, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	say := make(chan string)
	for range 4 {
		id := newRun(t, s)
		go func() {
			for i := 0; ; i++ {
				if s.LogMetric(t.Context(), id, mlflow.Metric{Key: "m", Value: 1, Step: int64(i), Timestamp: int64(i)}) == nil {
					say <- fmt.Sprintf("%s %d\n", id, i)
				}
			}
		}()
	}
	for line := range say {
		if _, err := io.WriteString(os.Stdout, line); err != nil {
			return
		}
	}
}
