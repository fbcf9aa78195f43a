package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os/user"
	"strings"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/train"
)

// spoolFolder holds the records that wait for a tracking server, in the state
// folder.
const spoolFolder = "spool"

// provenance says where a run comes from.
func (a *app) provenance(s *config.Settings) train.Provenance {
	b := build()
	p := train.Provenance{ID: rand.Text(), User: a.user(), Version: b.Version, Commit: b.Commit, Data: fault.Redact(s.Store.DSN)}
	if path, ok := strings.CutPrefix(s.Store.DSN, "sqlite:///"); ok {
		p.Data = a.path(path)
	}
	return p
}

// user is who runs the program, as MLflow's clients tell it.
func (a *app) user() string {
	for _, name := range []string{"LOGNAME", "USER", "USERNAME"} {
		if u := a.env(name); u != "" {
			return u
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// deliver logs a record, registers its models and gives a new version of the
// pipeline its alias, which it returns; "" where it gave none.
func (t *tracking) deliver(ctx context.Context, r record.Record) (d record.Delivered, alias string, err error) {
	to := t.destination()
	to.Registered = func(ctx context.Context, versions []record.Version) error {
		alias, err = t.introduce(ctx, versions)
		return err
	}
	d, err = record.NewWriter(to).Deliver(ctx, r, false)
	return d, alias, err
}

// introduce gives a version of the pipeline its alias, unless it is the champion,
// and repairs those of its regressors.
func (t *tracking) introduce(ctx context.Context, versions []record.Version) (alias string, err error) {
	for _, v := range versions {
		if v.Name == promote.Pipeline {
			if alias, err = promote.Introduce(ctx, t.Registry, v.Version); err != nil {
				return "", err
			}
		}
	}
	return alias, nil
}

// noteVersions says which versions a record became.
func (a *app) noteVersions(d record.Delivered) {
	for _, v := range d.Versions {
		if v.Fresh {
			a.note("version %s of %s registered", v.Version, v.Name)
		} else {
			a.note("version %s of %s is the same: no version was added", v.Version, v.Name)
		}
	}
}

// trainingLog logs a training: to the tracking place or, where that cannot be
// reached, to the spool.
type trainingLog struct {
	app     *app
	to      *tracking
	alias   string // that the new version got
	spooled bool   // the record waits
}

// Deliver implements train.Log.
func (l *trainingLog) Deliver(ctx context.Context, r record.Record) (record.Delivered, error) {
	d, err := l.send(ctx, r)
	if err == nil || fault.Is(err, fault.Usage) || fault.Is(err, fault.Invalid) { // nobody will ever take it
		return d, err
	}
	s, opened := l.app.openSpool(l.to.spool)
	if opened != nil {
		return d, errors.Join(err, opened)
	}
	if kept := s.Write(context.WithoutCancel(ctx), r); kept != nil {
		return d, errors.Join(err, kept)
	}
	l.spooled = true
	if away := fault.Is(err, fault.Unavailable) || errors.Is(err, context.DeadlineExceeded); away && l.to.far != nil {
		return record.Delivered{}, nil
	}
	return d, fault.New(fault.KindOf(err), "%w; nothing is lost, the run waits in %s", err, s.Dir()).
		WithHint("mend that, and then: salesctl tracking replay")
}

// send logs to the tracking place, if that is there.
func (l *trainingLog) send(ctx context.Context, r record.Record) (record.Delivered, error) {
	if l.to.far != nil {
		if err := l.to.reach(ctx); err != nil && !fault.Is(err, fault.NotFound) {
			return record.Delivered{}, err
		}
	}
	d, alias, err := l.to.deliver(ctx, r)
	l.alias = alias
	if err != nil {
		return d, err
	}
	return d, l.mend(ctx, r, d.Versions)
}

// mend writes the file of a version again that is unchanged but was damaged since.
func (l *trainingLog) mend(ctx context.Context, r record.Record, versions []record.Version) error {
	for i, v := range versions {
		if v.Fresh || v.Name != promote.Pipeline {
			continue
		}
		if err := l.to.verify(ctx, v.ModelVersion); !fault.Is(err, fault.Integrity) && !fault.Is(err, fault.NotFound) {
			return err
		}
		uri, err := l.to.ModelVersionDownloadURI(ctx, v.Name, v.Version)
		if err != nil {
			return err
		}
		files, err := l.to.files(ctx, uri)
		if err != nil {
			return err
		}
		for _, f := range r.Models[i].Files {
			if f.Path == train.PipelineFile {
				l.app.note("version %s of %s was damaged: its file is written again", v.Version, v.Name)
				return files.Put(ctx, f.Path, bytes.NewReader(f.Data))
			}
		}
	}
	return nil
}

// replay sends what waits on the disk under a name, and gives new versions their
// aliases.
func (a *app) replay(ctx context.Context, t *tracking, name string) error {
	disk, err := a.openSpool(name)
	if err != nil {
		return err
	}
	bar := a.progress("sending")
	report, err := disk.Replay(ctx, t.destination(), func(done, all int) { bar.set(done, all, "") })
	bar.close()
	a.note("sent to %s: %s", t.place, fault.Counted(report.Delivered, "record"))
	for _, p := range report.Problems {
		a.note("not sent: record %s in %s: %v", p.ID, p.Segment, p.Err)
	}
	a.noteVersions(record.Delivered{Versions: report.Versions})
	if err == nil { // also where some stay: programs learn how many
		err = a.done(replayTable(report))
	}
	if unsent := report.Kept + report.Bad; err == nil && unsent > 0 {
		err = fault.New(fault.Conflict, "%s could not be sent", fault.Counted(unsent, "record")).
			WithHint("see above why; what is set aside ends in .bad, the rest goes with the next replay")
	}
	return err
}

// replayTable shows what became of the records that waited.
func replayTable(r spool.Report) table {
	return table{Thing: "replay", Columns: columns("sent", "waiting", "set_aside"), Rows: [][]any{{r.Delivered, r.Kept, r.Bad}}}
}

// spoolName names a tracking place for the records that wait for it.
func spoolName(place, workspace string) string {
	if workspace == "" || workspace == mlflow.DefaultWorkspace {
		return place
	}
	return place + " workspace " + workspace
}

// spoolRoot is the folder of all that waits.
func (a *app) spoolRoot() string { return a.path(stateFolder + "/" + spoolFolder) }

// openSpool opens the folder of the records that wait under a name.
func (a *app) openSpool(name string) (*spool.Spool, error) {
	return spool.OpenFor(a.spoolRoot(), name, spool.Options{})
}
