package server

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// TestReplayWorkspaces asks our server what MLflow's own was asked, once with
// workspaces and once without; testdata/workspaces.py tells what is in the records.
func TestReplayWorkspaces(t *testing.T) {
	for _, c := range []struct {
		record string
		on     bool
	}{{"testdata/workspaces.json", true}, {"testdata/workspaces_off.json", false}} {
		t.Run(c.record, func(t *testing.T) {
			raw, err := os.ReadFile(c.record)
			if err != nil {
				t.Fatal(err)
			}
			var all []exchange
			if err := json.Unmarshal(raw, &all); err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			tick := func() time.Time {
				now = now.Add(time.Millisecond)
				return now
			}
			s, err := sqlstore.Open(t.Context(), "sqlite:///"+t.TempDir()+"/mlflow.db", sqlstore.Options{Create: true, Now: tick, Workspaces: c.on})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			o := Options{Tracking: s, Registry: s, Artifacts: artifact.NewLocal(t.TempDir())}
			if c.on {
				o.Workspaces = s
			}
			p := player{t: t, server: New(o), saved: map[string]string{}}
			for i, e := range all {
				p.play(i, e)
			}
		})
	}
}
