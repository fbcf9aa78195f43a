package transfer

import (
	"context"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// token is what may be the id of a run or of a logged model.
var token = regexp.MustCompile(`[0-9A-Za-z][0-9A-Za-z_-]{7,255}`)

// mlmodel is the name of the file that describes a model within its folder. It
// holds ids of MLflow's; no other file of a model does.
const mlmodel = "MLmodel"

// maxMLmodel is more than any such file takes.
const maxMLmodel = 4 << 20

// ids knows what became of the ids of an export.
type ids struct {
	now    map[string]string // of runs and logged models
	places map[string]moved  // where their artifacts are
}

// moved is the place of artifacts before and after.
type moved struct{ from, to string }

// move tells that what had one id has another one now.
func (d ids) move(f *folder, uri string) {
	d.now[f.id] = f.now
	if uri != "" && f.uri != "" {
		d.places[f.id] = moved{strings.TrimSuffix(uri, "/"), strings.TrimSuffix(f.uri, "/")}
	}
}

// text puts the new ids and places into a text. Places go first: the number of an
// experiment, which is in them, is no id that could be told from other numbers. Ids
// are random, so that a word which equals one is one.
func (d ids) text(s string) string {
	for _, id := range token.FindAllString(s, -1) {
		if p, ok := d.places[id]; ok {
			s = strings.ReplaceAll(s, p.from, p.to)
		}
	}
	return token.ReplaceAllStringFunc(s, func(id string) string {
		if now, ok := d.now[id]; ok {
			return now
		}
		return id
	})
}

// source returns what the source of a version is now, and the id here of the run or
// logged model that it belongs to; ok says whether that is one of the export.
func (d ids) source(uri string) (now, of string, ok bool) {
	if ref, ok := mlflow.ParseModelURI(uri); ok && d.now[ref.ID] != "" {
		return "models:/" + d.now[ref.ID], d.now[ref.ID], true
	}
	const runs = "runs:/"
	rest, ok := strings.CutPrefix(uri, runs)
	id, below, _ := strings.Cut(rest, "/")
	if of := d.now[id]; ok && of != "" {
		return runs + strings.TrimSuffix(of+"/"+below, "/"), of, true
	}
	for _, id := range token.FindAllString(uri, -1) {
		p, known := d.places[id]
		if rest, found := strings.CutPrefix(uri, p.from); known && found && (rest == "" || rest[0] == '/') {
			return p.to + rest, d.now[id], true
		}
	}
	return uri, "", false
}

// runTag returns a tag of a run as it is to stand here; ok says whether it is.
func (d ids) runTag(t mlflow.Tag) (now mlflow.Tag, ok bool) {
	switch t.Key {
	case TagFrom, TagDigest, tagName:
		return t, false
	case tagParent, tagRoot, tagHistory:
		t.Value = d.text(t.Value)
	}
	return t, true
}

// files copies the artifacts of a folder to its place here.
func (d ids) files(ctx context.Context, from artifact.Store, f *folder, to artifact.Store) error {
	for _, name := range f.artifacts {
		if err := d.file(ctx, from, at(f.path, artifactsFolder, name), to, name); err != nil {
			return err
		}
	}
	return nil
}

// file copies one file. An MLmodel file is small, and the only one that is changed;
// all others go through as they are, whatever their size.
func (d ids) file(ctx context.Context, from artifact.Store, name string, to artifact.Store, as string) error {
	f, err := from.Get(ctx, name)
	if err != nil {
		return err
	}
	content := io.NewSectionReader(f, 0, f.Size())
	if path.Base(as) != mlmodel || f.Size() > maxMLmodel {
		return errors.Join(to.Put(ctx, as, content), f.Close())
	}
	text, err := io.ReadAll(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return to.Put(ctx, as, strings.NewReader(d.text(string(text))))
}
