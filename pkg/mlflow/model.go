package mlflow

// ModelStatus is where a logged model stands.
type ModelStatus string

// The states of a logged model.
const (
	ModelPending ModelStatus = "LOGGED_MODEL_PENDING"
	ModelReady   ModelStatus = "LOGGED_MODEL_READY"
	ModelFailed  ModelStatus = "LOGGED_MODEL_UPLOAD_FAILED"
)

// LoggedModel is a model as a run made it, before anybody registers it.
type LoggedModel struct {
	Info LoggedModelInfo `json:"info"`
	Data LoggedModelData `json:"data"`
}

// LoggedModelInfo names and dates a logged model.
type LoggedModelInfo struct {
	ID              string         `json:"model_id"`
	ExperimentID    string         `json:"experiment_id"`
	Name            string         `json:"name"`
	CreationTime    int64          `json:"creation_timestamp_ms"`
	LastUpdatedTime int64          `json:"last_updated_timestamp_ms"`
	ArtifactURI     string         `json:"artifact_uri"`
	Status          ModelStatus    `json:"status"`
	ModelType       string         `json:"model_type,omitempty"`
	SourceRunID     string         `json:"source_run_id,omitempty"`
	StatusMessage   string         `json:"status_message,omitempty"`
	Tags            []Tag          `json:"tags,omitempty"`
	Registrations   []Registration `json:"registrations,omitempty"`
}

// Registration is a version that a logged model was registered as.
type Registration struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// LoggedModelData holds a logged model's params and metrics.
type LoggedModelData struct {
	Params  []Param  `json:"params,omitempty"`
	Metrics []Metric `json:"metrics,omitempty"`
}

// NewLoggedModel asks for a logged model; without a name it gets one.
type NewLoggedModel struct {
	ExperimentID string  `json:"experiment_id"`
	Name         string  `json:"name,omitempty"`
	ModelType    string  `json:"model_type,omitempty"`
	SourceRunID  string  `json:"source_run_id,omitempty"`
	Params       []Param `json:"params,omitempty"`
	Tags         []Tag   `json:"tags,omitempty"`
}

// LoggedModelQuery asks for logged models.
type LoggedModelQuery struct {
	ExperimentIDs []string           `json:"experiment_ids"`
	Filter        string             `json:"filter,omitempty"`
	Datasets      []DatasetRef       `json:"datasets,omitempty"`
	MaxResults    int                `json:"max_results,omitempty"` // 0 is 50
	OrderBy       []LoggedModelOrder `json:"order_by,omitempty"`
	PageToken     string             `json:"page_token,omitempty"`
}

// DatasetRef names a dataset; an empty digest means any.
type DatasetRef struct {
	Name   string `json:"dataset_name"`
	Digest string `json:"dataset_digest,omitempty"`
}

// LoggedModelOrder sorts by a field, or by a metric on a dataset.
type LoggedModelOrder struct {
	Field         string `json:"field_name"`
	Ascending     *bool  `json:"ascending,omitempty"` // nil is true
	DatasetName   string `json:"dataset_name,omitempty"`
	DatasetDigest string `json:"dataset_digest,omitempty"`
}
