package mlflow

// RunStatus is where a run stands.
type RunStatus string

// The states of a run.
const (
	Running   RunStatus = "RUNNING"
	Scheduled RunStatus = "SCHEDULED"
	Finished  RunStatus = "FINISHED"
	Failed    RunStatus = "FAILED"
	Killed    RunStatus = "KILLED"
)

// Run is one execution: what went in, what came out.
type Run struct {
	Info    RunInfo    `json:"info"`
	Data    RunData    `json:"data"`
	Inputs  RunInputs  `json:"inputs"`
	Outputs RunOutputs `json:"outputs"`
}

// RunInfo names and dates a run. UUID repeats ID for old clients.
type RunInfo struct {
	ID             string    `json:"run_id"`
	UUID           string    `json:"run_uuid"`
	Name           string    `json:"run_name,omitempty"`
	ExperimentID   string    `json:"experiment_id"`
	UserID         string    `json:"user_id"`
	Status         RunStatus `json:"status"`
	StartTime      int64     `json:"start_time"`
	EndTime        *int64    `json:"end_time,omitempty"` // nil until the run has ended
	ArtifactURI    string    `json:"artifact_uri,omitempty"`
	LifecycleStage string    `json:"lifecycle_stage"`
}

// RunData holds the newest value of each metric, the params and the tags.
type RunData struct {
	Metrics []Metric `json:"metrics,omitempty"`
	Params  []Param  `json:"params,omitempty"`
	Tags    []Tag    `json:"tags,omitempty"`
}

// Tag returns the value of the run's tag, "" where it has none.
func (d RunData) Tag(key string) string { return tagOf(d.Tags, key) }

func tagOf(tags []Tag, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// Param returns the value of the run's param, "" where it has none.
func (d RunData) Param(key string) string {
	for _, p := range d.Params {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Metric is one measured value. Dataset and model say what it was measured on
// and of, where that is known.
type Metric struct {
	Key           string `json:"key"`
	Value         Number `json:"value"`
	Timestamp     int64  `json:"timestamp"` // milliseconds
	Step          int64  `json:"step"`
	DatasetName   string `json:"dataset_name,omitempty"`
	DatasetDigest string `json:"dataset_digest,omitempty"`
	ModelID       string `json:"model_id,omitempty"`
	RunID         string `json:"run_id,omitempty"`
}

// RunInputs are the datasets and logged models that a run read.
type RunInputs struct {
	Datasets []DatasetInput `json:"dataset_inputs,omitempty"`
	Models   []ModelInput   `json:"model_inputs,omitempty"`
}

// RunOutputs are the logged models that a run made.
type RunOutputs struct {
	Models []ModelOutput `json:"model_outputs,omitempty"`
}

// Dataset describes data that a run read; Schema and Profile are JSON.
type Dataset struct {
	Name       string `json:"name"`
	Digest     string `json:"digest"`
	SourceType string `json:"source_type"`
	Source     string `json:"source"`
	Schema     string `json:"schema,omitempty"`
	Profile    string `json:"profile,omitempty"`
}

// DatasetInput is a dataset in its part, such as the tag mlflow.data.context
// with the value training.
type DatasetInput struct {
	Tags    []Tag   `json:"tags,omitempty"`
	Dataset Dataset `json:"dataset"`
}

// ModelInput is a logged model that a run read.
type ModelInput struct {
	ModelID string `json:"model_id"`
}

// ModelOutput is a logged model that a run made, at a step.
type ModelOutput struct {
	ModelID string `json:"model_id"`
	Step    int64  `json:"step"`
}

// DatasetSummary is a dataset that some run of an experiment read.
type DatasetSummary struct {
	ExperimentID string `json:"experiment_id"`
	Name         string `json:"name"`
	Digest       string `json:"digest"`
	Context      string `json:"context,omitempty"`
}

// NewRun asks for a run. Without a name the store gives it one; without an ID,
// which only a store in the same process honours, too.
type NewRun struct {
	ID           string `json:"-"` // 32 hexadecimal digits
	ExperimentID string `json:"experiment_id,omitempty"`
	UserID       string `json:"user_id,omitempty"`
	Name         string `json:"run_name,omitempty"`
	StartTime    int64  `json:"start_time,omitempty"`
	Tags         []Tag  `json:"tags,omitempty"`
}

// RunUpdate changes what is not empty.
type RunUpdate struct {
	ID      string    `json:"run_id"`
	Status  RunStatus `json:"status,omitempty"`
	EndTime *int64    `json:"end_time,omitempty"`
	Name    string    `json:"run_name,omitempty"`
}

// Batch is logged as a whole or not at all.
type Batch struct {
	Metrics []Metric `json:"metrics,omitempty"`
	Params  []Param  `json:"params,omitempty"`
	Tags    []Tag    `json:"tags,omitempty"`
}

// RunQuery asks for runs. Filter and OrderBy are in MLflow's search grammar.
type RunQuery struct {
	ExperimentIDs []string `json:"experiment_ids"`
	Filter        string   `json:"filter,omitempty"`
	ViewType      ViewType `json:"run_view_type,omitempty"`
	MaxResults    int      `json:"max_results,omitempty"` // 0 is DefaultSearchRuns
	OrderBy       []string `json:"order_by,omitempty"`
	PageToken     string   `json:"page_token,omitempty"`
}

// HistoryQuery asks for the values of a run's metric by time, step and value.
type HistoryQuery struct {
	RunID      string
	Key        string
	MaxResults int // 0 is everything
	PageToken  string
}

// IntervalQuery asks for values of one metric in several runs, thinned out to at
// most MaxResults a run; the first and the last step stay.
type IntervalQuery struct {
	RunIDs     []string
	Key        string
	StartStep  *int64 // both or neither
	EndStep    *int64
	MaxResults int // 0 is 2500
}
