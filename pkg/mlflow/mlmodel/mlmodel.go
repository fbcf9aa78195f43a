// Package mlmodel writes and reads model folders in MLflow's form: a file named
// MLmodel that says who can load the data beside it, and how. It is data only;
// nothing in a folder is code.
//
// The way of a model:
//
//  1. Who has trained something fills a Model: the bytes, the flavour, the
//     columns that go in and come out, some rows as an example, and metadata.
//  2. Files makes the folder's files of it, the same bytes for the same Model.
//     Ids may be placeholders that are filled in later; they stand in MLmodel only.
//  3. Read takes an MLmodel file back, from whoever wrote it, so far as this
//     program needs it to load the data.
//
// A folder of the flavour XGBoost is one that stock Python loads, by
// mlflow.pyfunc and mlflow.xgboost. One of the flavour Salesctl is for this
// program; Python can register, describe and copy it, and says that it cannot
// load it. The reference is MLflow 3.17.
package mlmodel

import (
	"cmp"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Flavor says who can load a model.
type Flavor string

// The flavours, by MLflow's names for them.
const (
	XGBoost  Flavor = "xgboost"  // stock Python: the data is XGBoost's JSON form
	Salesctl Flavor = "salesctl" // this program: the data is a pipeline file
)

// dataPath is where the data of a flavour lies unless a Model says otherwise.
func (f Flavor) dataPath() string {
	return map[Flavor]string{XGBoost: "model.json", Salesctl: "model.pipeline"}[f]
}

// MLmodelPath is the file of a folder that describes it.
const MLmodelPath = "MLmodel"

// Model is a model folder.
type Model struct {
	Flavor        Flavor
	FlavorVersion string // of the library, or of this program, that the data is for
	DataPath      string // of the data within the folder; "" is the flavour's own
	Data          []byte // left out by Read
	Signature     Signature
	Example       Example // left out by Read; the zero value is none

	ArtifactPath  string // of the folder: within its run, or as a URI
	RunID         string // of the run that made it; may be empty
	ModelID       string // of the logged model; may be empty, as MLflow 2 knows none
	UUID          string // "" is ModelID
	MLflowVersion string // the release whose form this is
	Created       time.Time
	Size          int64          // of the data and the example, in bytes; Files counts it
	Metadata      map[string]any // what else there is to say: text, numbers, lists, maps
}

// File is one file of a folder.
type File struct {
	Path string // slash-separated, within the folder
	Body []byte
}

// Files returns the files of the folder; MLmodel is the first.
func Files(m Model) ([]File, error) {
	m.DataPath = cmp.Or(m.DataPath, m.Flavor.dataPath())
	if err := m.check(); err != nil {
		return nil, err
	}
	files := []File{{m.DataPath, m.Data}}
	if len(m.Example.Columns) > 0 {
		example, err := m.Example.files()
		if err != nil {
			return nil, err
		}
		files = append(files, example...)
	}
	m.Size = 0
	for _, f := range files {
		m.Size += int64(len(f.Body))
	}
	if m.Flavor == XGBoost {
		environment, err := environment()
		if err != nil {
			return nil, err
		}
		files = append(files, environment...)
	}
	body, err := m.marshal()
	return append([]File{{MLmodelPath, body}}, files...), err
}

// check refuses what would make no folder.
func (m Model) check() error {
	switch {
	case m.Flavor != XGBoost && m.Flavor != Salesctl:
		return fault.New(fault.Usage, "model flavour %q is unknown", m.Flavor)
	case !fs.ValidPath(m.DataPath) || m.DataPath == ".":
		return fault.New(fault.Usage, "model data cannot lie at %q", m.DataPath)
	}
	for _, name := range []string{m.FlavorVersion, m.DataPath, m.ArtifactPath, m.RunID, m.ModelID, m.UUID, m.MLflowVersion} {
		if name == "=" || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) {
			return fault.New(fault.Usage, "%q is no name for a part of a model", name)
		}
	}
	return m.Signature.check()
}
