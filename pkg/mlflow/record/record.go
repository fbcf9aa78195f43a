// Package record holds a piece of work that is logged to MLflow as a whole: a
// run with everything in it, the runs nested in it, the models that it made and
// the names under which they are registered. It is plain data, so that it can be
// kept on a disk while the server is away and be delivered later.
//
// The way of a record:
//
//  1. Who does the work fills a Record; it takes no server to do so.
//  2. A Writer's Deliver writes it to a Destination: experiment, run, data, files, children,
//     models, versions, in this order, and ends the run last.
//  3. Delivered again, in whole or after a break, it finds its run by the tag
//     TagID and completes it: no second run, model or version comes of it.
package record

import (
	"regexp"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Tags that Deliver writes and looks for.
const (
	TagID     = "salesctl.record" // of a run: the Record's ID
	TagDigest = "salesctl.digest" // of a version: the Model's Digest
	TagParent = "mlflow.parentRunId"
)

// Placeholders in the templates among a model's files; Deliver fills them in.
const (
	RunID   = "{{run_id}}"
	ModelID = "{{model_id}}"
)

// Record is one run with everything in it. Times are milliseconds since 1970.
type Record struct {
	ID         string                `json:"id"` // unique, such as crypto/rand.Text
	Experiment string                `json:"experiment"`
	RunID      string                `json:"run_id,omitempty"` // 32 hexadecimal digits; only a store in the same process heeds it
	Name       string                `json:"name"`
	User       string                `json:"user,omitempty"`
	Status     mlflow.RunStatus      `json:"status"`
	Start      int64                 `json:"start"`
	End        int64                 `json:"end"`
	Params     []mlflow.Param        `json:"params,omitempty"`
	Metrics    []mlflow.Metric       `json:"metrics,omitempty"`
	Tags       []mlflow.Tag          `json:"tags,omitempty"`
	Datasets   []mlflow.DatasetInput `json:"datasets,omitempty"`
	Files      []File                `json:"files,omitempty"`  // the run's artifacts
	Models     []Model               `json:"models,omitempty"` // what it made
	Children   []Record              `json:"children,omitempty"`
}

// File is an artifact by content.
type File struct {
	Path     string `json:"path"`
	Data     []byte `json:"data"`
	Template bool   `json:"template,omitempty"` // RunID and ModelID in it are filled in
}

// Model is a model's folder, and the name that it is registered under.
type Model struct {
	Name     string       `json:"name"` // such as xgboost_model
	Type     string       `json:"type,omitempty"`
	Files    []File       `json:"files"`
	Register string       `json:"register,omitempty"` // a registered model, made where it is missing; "" registers nothing
	Digest   string       `json:"digest,omitempty"`   // of what the model does: one that a version has already adds none
	Tags     []mlflow.Tag `json:"tags,omitempty"`     // of the version
}

// What ids look like: nothing in one needs quoting in a search.
var (
	recordID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	runID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// Check refuses a record that could never be delivered.
func (r Record) Check() error {
	ended := slices.Contains([]mlflow.RunStatus{mlflow.Finished, mlflow.Failed, mlflow.Killed}, r.Status)
	switch {
	case !recordID.MatchString(r.ID):
		return fault.New(fault.Invalid, "record of run %q: %q is no ID: at most 64 letters, digits and hyphens", r.Name, r.ID)
	case r.RunID != "" && !runID.MatchString(r.RunID):
		return fault.New(fault.Invalid, "record of run %q: %q is no run ID: 32 hexadecimal digits", r.Name, r.RunID)
	case r.Experiment == "":
		return fault.New(fault.Invalid, "record of run %q: no experiment", r.Name)
	case !ended:
		return fault.New(fault.Invalid, "record of run %q: status %q is not one of a run that has ended", r.Name, r.Status)
	}
	for _, c := range r.Children {
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Batchable reports whether the record is a plain run, without files, models and
// children, that a mlflow.RunWriter can write along with others.
func Batchable(r Record) bool {
	return r.RunID != "" && len(r.Files) == 0 && len(r.Models) == 0 && len(r.Children) == 0
}

// Whole is the record's run as it will stand in the experiment.
func Whole(r Record, experimentID string) mlflow.Run {
	end := r.End
	return mlflow.Run{
		Info: mlflow.RunInfo{
			ID: r.RunID, UUID: r.RunID, Name: r.Name, ExperimentID: experimentID, UserID: r.User,
			Status: r.Status, StartTime: r.Start, EndTime: &end, LifecycleStage: mlflow.Active,
		},
		Data:   mlflow.RunData{Metrics: r.Metrics, Params: r.Params, Tags: r.tags()},
		Inputs: mlflow.RunInputs{Datasets: r.Datasets},
	}
}

// tags are the run's tags with the one by which the record is found again.
func (r Record) tags() []mlflow.Tag {
	tags := append(slices.Clip(r.Tags), mlflow.Tag{Key: TagID, Value: r.ID})
	if r.Name != "" {
		tags = append(tags, mlflow.Tag{Key: "mlflow.runName", Value: r.Name}) // as a server does with a name
	}
	return tags
}
