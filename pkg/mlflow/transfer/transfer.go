// Package transfer copies experiments, runs, logged models and registered models
// from one MLflow tracking server to another by way of a folder. Either side may
// be any server that the client speaks to, or a database in this process.
//
// The way of an export:
//
//  1. Every run and every logged model becomes a folder named by its id: what it
//     is as JSON, all values of all metrics a line each, its files as they are.
//  2. Registered models follow, with their versions, one line a model. A model
//     that others are copies of comes before them.
//  3. manifest.json comes last, with the SHA-256 of every file. A folder without
//     one is no export, so that an export that broke off cannot be imported.
//
// The way of an import:
//
//  1. Open reads every file and holds it against the manifest. Nothing is written
//     to a server before all of them are whole.
//  2. Experiments are merged by name. Every run and logged model gets its new id
//     before any of them is filled, since they name one another.
//  3. Logged models and runs are filled, with new ids in the place of old ones
//     wherever MLflow keeps ids: tags, MLmodel files, sources of versions.
//  4. Versions are appended to registered models; aliases are set where they are
//     free. What was deleted is deleted last.
//
// What is imported carries TagFrom, by which the next import finds it, and, once
// it is whole, TagDigest, by which the next import passes over it. So an import
// that broke off goes on where it stopped, and a repeated one changes nothing.
//
// A run at a time is in memory, and a line about every file. MLflow's API has no
// word for some things, which stay behind: the ids, deleted logged models, when an
// experiment, logged model or version was made, traces, and whatever else belongs
// to neither runs nor models.
package transfer

import (
	"context"
	"slices"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// Tags of what was imported: experiments, runs, logged models and versions.
const (
	TagFrom   = "salesctl.imported_from"   // the id that it had where it was made
	TagDigest = "salesctl.imported_digest" // of what was imported; absent until that is whole
)

// Tags of MLflow's that mean something to a transfer.
const (
	tagParent   = record.TagParent           // the id of a run
	tagRoot     = "mlflow.rootRunId"         // the id of a run
	tagHistory  = "mlflow.log-model.history" // models as JSON, with their ids
	tagName     = "mlflow.runName"           // repeats the name of a run
	tagVersions = "mlflow.modelVersions"     // the server writes it when a version is made
	tagPrompt   = "mlflow.prompt.is_prompt"  // "true" makes a registered model a prompt
)

// Place is what is exported from and imported to.
type Place = record.Destination

// Options choose what is transferred. The zero value transfers everything.
type Options struct {
	// Experiments are names; empty means all of them. From others than these,
	// runs and logged models stay behind, and the versions that come of them.
	Experiments []string
	Models      []string // names of registered models; empty means all of them

	OverwriteAliases bool           // Import moves aliases that point at something else already
	Progress         func(Progress) // called from time to time, one call at a time; may be nil
}

// Progress tells how far a transfer has come.
type Progress struct {
	Step        string // what is done now, such as "importing runs"
	Done, Total int    // Total is 0 where it is not known
}

// Counts says how much there is.
type Counts struct {
	Experiments  int   `json:"experiments"`
	Runs         int   `json:"runs"`
	LoggedModels int   `json:"logged_models"`
	Registered   int   `json:"registered_models"`
	Versions     int   `json:"versions"`
	Artifacts    int   `json:"artifacts"` // files of runs and logged models
	Bytes        int64 `json:"bytes"`     // of all files of an export; an import does not count them
}

// Report says what a transfer did.
type Report struct {
	Counts          // what was transferred, by this call or an earlier one
	New      Counts // what Import made
	Warnings []string
}

// Import opens an export and imports it.
func Import(ctx context.Context, from artifact.Store, to Place, o Options) (Report, error) {
	e, err := Open(ctx, from, o)
	if err != nil {
		return Report{}, err
	}
	return e.Import(ctx, to, o)
}

// progress tells whoever wants to know.
func (o Options) progress(step string, done, total int) {
	if o.Progress != nil {
		o.Progress(Progress{step, done, total})
	}
}

// wants reports whether the experiment of that name is chosen.
func (o Options) wants(experiment string) bool {
	return len(o.Experiments) == 0 || slices.Contains(o.Experiments, experiment)
}

// wantsModel reports whether the registered model of that name is chosen.
func (o Options) wantsModel(name string) bool {
	return len(o.Models) == 0 || slices.Contains(o.Models, name)
}

// tag returns the value of a tag, "" where there is none.
func tag(tags []mlflow.Tag, key string) string { return mlflow.RunData{Tags: tags}.Tag(key) }

// origin is where something was made first: a copy of a copy is one of the first.
func origin(tags []mlflow.Tag, id string) string {
	if from := tag(tags, TagFrom); from != "" {
		return from
	}
	return id
}

// pages collects the items of all pages of a search, and stops at the first error.
func pages[T any](page func(token string) (mlflow.Page[T], error), each func(T) error) error {
	for token := ""; ; {
		p, err := page(token)
		if err != nil {
			return err
		}
		for _, item := range p.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if token = p.Next; token == "" {
			return nil
		}
	}
}

// absent reports whether an error says that something does not exist, and not that
// the server knows no such thing.
func absent(err error) bool {
	return fault.Is(err, fault.NotFound) && mlflow.CodeOf(err) != mlflow.EndpointNotFound
}
