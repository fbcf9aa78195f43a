package sqlstore

import (
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/fault"
)

// blocked waits until some transaction of the server waits for a lock, or done
// tells that what should wait has ended.
func (f *field) blocked(done <-chan error) {
	for {
		var n int64
		f.must(f.read(f.t.Context(), func(t tx) (err error) {
			n, _, err = one(t, number, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
			return err
		}))
		if n > 0 || len(done) > 0 {
			return
		}
		time.Sleep(200 * time.Millisecond) // the table is renewed when it was not read for 100 ms
	}
}

// What is restored while it is being purged stays, whole, and is not among what
// was purged: its files would go else.
func TestPurgeLeavesWhatIsRestoredMeanwhile(t *testing.T) {
	f := newField(t, databasetest.Start(t).DSN("restored"))
	run := f.run("run", f.experiment("home"))
	f.must(f.DeleteRun(t.Context(), run))
	away := f.experiment("away")
	inside := f.run("inside", away)
	f.must(f.DeleteExperiment(t.Context(), away))
	f.now = f.now.Add(time.Hour)
	trash, err := f.Deleted(t.Context(), 0)
	f.expect("before", trash, err, "experiment away", "run inside", "run run")
	var purged []Trash
	done := make(chan error, 1)
	f.must(f.write(t.Context(), func(x tx) error {
		for _, statement := range []string{
			"UPDATE experiments SET lifecycle_stage = 'active' WHERE name = 'away'",
			"UPDATE runs SET lifecycle_stage = 'active'",
		} {
			if _, err := x.exec(statement); err != nil {
				return err
			}
		}
		go func() {
			var err error
			purged, err = f.Purge(t.Context(), trash, false)
			done <- err
		}()
		f.blocked(done)
		return nil
	}))
	f.expect("purged", purged, <-done)
	for _, id := range []string{run, inside} {
		if r, err := f.GetRun(t.Context(), id); err != nil || len(r.Data.Params) != 1 || len(r.Data.Metrics) != 1 || len(r.Inputs.Datasets) != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// Who restores what is being purged is told that it is gone.
func TestRestoreOfWhatIsPurgedMeanwhile(t *testing.T) {
	f := newField(t, databasetest.Start(t).DSN("purged"))
	away := f.experiment("away")
	run := f.run("run", away)
	f.must(f.DeleteExperiment(t.Context(), away))
	f.now = f.now.Add(time.Hour)
	trash, err := f.Deleted(t.Context(), 0)
	f.expect("before", trash, err, "experiment away", "run run")
	lost := make(chan error, 2)
	f.must(f.write(t.Context(), func(x tx) error {
		if err := x.pin(trash); err != nil {
			return err
		}
		go func() { lost <- f.RestoreRun(t.Context(), run) }()
		go func() { lost <- f.RestoreExperiment(t.Context(), away) }()
		f.blocked(lost)
		return x.purge(trash)
	}))
	for range 2 {
		if err := <-lost; !fault.Is(err, fault.NotFound) {
			t.Errorf("a restore says %v", err)
		}
	}
}
