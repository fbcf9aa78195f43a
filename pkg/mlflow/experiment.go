package mlflow

// Experiment groups runs.
type Experiment struct {
	ID               string `json:"experiment_id"`
	Name             string `json:"name"`
	ArtifactLocation string `json:"artifact_location"`
	LifecycleStage   string `json:"lifecycle_stage"`
	LastUpdateTime   int64  `json:"last_update_time,omitempty"`
	CreationTime     int64  `json:"creation_time,omitempty"`
	Tags             []Tag  `json:"tags,omitempty"`
}

// NewExperiment asks for an experiment. Without an ArtifactLocation the store
// gives it one below its artifact root.
type NewExperiment struct {
	Name             string `json:"name"`
	ArtifactLocation string `json:"artifact_location,omitempty"`
	Tags             []Tag  `json:"tags,omitempty"`
}

// ExperimentQuery asks for experiments. Filter and OrderBy are in MLflow's
// search grammar.
type ExperimentQuery struct {
	MaxResults int      `json:"max_results,omitempty"` // 0 is MaxSearchPage
	PageToken  string   `json:"page_token,omitempty"`
	Filter     string   `json:"filter,omitempty"`
	OrderBy    []string `json:"order_by,omitempty"`
	ViewType   ViewType `json:"view_type,omitempty"`
}
