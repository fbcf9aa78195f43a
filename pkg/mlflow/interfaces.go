package mlflow

import "context"

// Tracking is all of an MLflow tracking server. Consumers take the small
// interfaces that they need.
type Tracking interface {
	Experiments
	ExperimentTags
	Lifecycle
	Runs
	RunLog
	RunLinks
	Search
	History
	LoggedModels
	LoggedModelLog
}

// Registry is all of an MLflow model registry.
type Registry interface {
	RegisteredModels
	RegisteredModelTags
	Versions
	VersionTags
	Stages
	Aliases
	RegistrySearch
}

// Experiments makes and finds experiments.
type Experiments interface {
	// CreateExperiment returns the id. A name that is taken, also by a deleted
	// experiment, is ResourceAlreadyExists.
	CreateExperiment(ctx context.Context, e NewExperiment) (id string, err error)
	GetExperiment(ctx context.Context, id string) (Experiment, error)
	GetExperimentByName(ctx context.Context, name string) (Experiment, error)
	RenameExperiment(ctx context.Context, id, name string) error
}

// ExperimentTags writes the tags of experiments.
type ExperimentTags interface {
	SetExperimentTag(ctx context.Context, id string, t Tag) error
	DeleteExperimentTag(ctx context.Context, id, key string) error
}

// Lifecycle deletes and restores. Nothing is gone until it is collected.
type Lifecycle interface {
	DeleteExperiment(ctx context.Context, id string) error
	RestoreExperiment(ctx context.Context, id string) error
	DeleteRun(ctx context.Context, id string) error
	RestoreRun(ctx context.Context, id string) error
}

// Runs makes, finds and changes runs.
type Runs interface {
	CreateRun(ctx context.Context, r NewRun) (Run, error)
	GetRun(ctx context.Context, id string) (Run, error)
	UpdateRun(ctx context.Context, u RunUpdate) (RunInfo, error)
}

// RunLog writes into a run.
type RunLog interface {
	LogMetric(ctx context.Context, runID string, m Metric) error
	LogParam(ctx context.Context, runID string, p Param) error
	SetTag(ctx context.Context, runID string, t Tag) error
	DeleteTag(ctx context.Context, runID, key string) error
	LogBatch(ctx context.Context, runID string, b Batch) error
}

// RunLinks joins runs with datasets and logged models.
type RunLinks interface {
	LogInputs(ctx context.Context, runID string, datasets []DatasetInput, models []ModelInput) error
	LogOutputs(ctx context.Context, runID string, models []ModelOutput) error
}

// Search finds experiments, runs and datasets.
type Search interface {
	SearchExperiments(ctx context.Context, q ExperimentQuery) (Page[Experiment], error)
	SearchRuns(ctx context.Context, q RunQuery) (Page[Run], error)
	SearchDatasets(ctx context.Context, experimentIDs []string) ([]DatasetSummary, error)
}

// History reads all values of metrics.
type History interface {
	MetricHistory(ctx context.Context, q HistoryQuery) (Page[Metric], error)
	MetricIntervals(ctx context.Context, q IntervalQuery) ([]Metric, error)
}

// LoggedModels makes, finds and ends logged models.
type LoggedModels interface {
	CreateLoggedModel(ctx context.Context, m NewLoggedModel) (LoggedModel, error)
	GetLoggedModel(ctx context.Context, id string) (LoggedModel, error)
	FinalizeLoggedModel(ctx context.Context, id string, s ModelStatus) (LoggedModel, error)
	DeleteLoggedModel(ctx context.Context, id string) error
	SearchLoggedModels(ctx context.Context, q LoggedModelQuery) (Page[LoggedModel], error)
}

// LoggedModelLog writes into a logged model.
type LoggedModelLog interface {
	SetLoggedModelTags(ctx context.Context, id string, tags []Tag) (LoggedModel, error)
	DeleteLoggedModelTag(ctx context.Context, id, key string) error
	LogLoggedModelParams(ctx context.Context, id string, params []Param) error
}

// RegisteredModels makes, finds and changes registered models.
type RegisteredModels interface {
	CreateRegisteredModel(ctx context.Context, m NewRegisteredModel) (RegisteredModel, error)
	GetRegisteredModel(ctx context.Context, name string) (RegisteredModel, error)
	UpdateRegisteredModel(ctx context.Context, name, description string) (RegisteredModel, error)
	RenameRegisteredModel(ctx context.Context, name, newName string) (RegisteredModel, error)
	DeleteRegisteredModel(ctx context.Context, name string) error
}

// RegisteredModelTags writes the tags of registered models.
type RegisteredModelTags interface {
	SetRegisteredModelTag(ctx context.Context, name string, t Tag) error
	DeleteRegisteredModelTag(ctx context.Context, name, key string) error
}

// Versions makes, finds and changes versions of registered models.
type Versions interface {
	CreateModelVersion(ctx context.Context, v NewVersion) (ModelVersion, error)
	GetModelVersion(ctx context.Context, name, version string) (ModelVersion, error)
	UpdateModelVersion(ctx context.Context, name, version, description string) (ModelVersion, error)
	DeleteModelVersion(ctx context.Context, name, version string) error
	// ModelVersionDownloadURI returns where the version's files can be read: an
	// artifact URI, never models:/.
	ModelVersionDownloadURI(ctx context.Context, name, version string) (string, error)
}

// VersionTags writes the tags of versions.
type VersionTags interface {
	SetModelVersionTag(ctx context.Context, name, version string, t Tag) error
	DeleteModelVersionTag(ctx context.Context, name, version, key string) error
}

// Stages moves versions between stages.
type Stages interface {
	TransitionStage(ctx context.Context, c StageChange) (ModelVersion, error)
	// LatestVersions returns the newest version of each stage; no stages means
	// all of them.
	LatestVersions(ctx context.Context, name string, stages []string) ([]ModelVersion, error)
}

// Aliases points names at versions.
type Aliases interface {
	SetAlias(ctx context.Context, name, alias, version string) error
	DeleteAlias(ctx context.Context, name, alias string) error
	GetVersionByAlias(ctx context.Context, name, alias string) (ModelVersion, error)
}

// AliasMover decides where an alias is to point and moves it, as one step: nobody
// moves it between. MLflow's protocol has no word for it: only a store in the same
// process can.
type AliasMover interface {
	// MoveAlias gives decide the version that the alias points at, an empty one
	// where it points at none, and does what decide answers, unless that fails.
	// decide may be called more than once and must not use the store.
	MoveAlias(ctx context.Context, name, alias string, decide func(at ModelVersion) (AliasMove, error)) error
}

// RegistrySearch finds registered models and versions.
type RegistrySearch interface {
	SearchRegisteredModels(ctx context.Context, q RegistryQuery) (Page[RegisteredModel], error)
	SearchModelVersions(ctx context.Context, q RegistryQuery) (Page[ModelVersion], error)
}

// RunWriter writes whole runs under the ids that they bring, all of them in one
// transaction or none. A run whose id is there already is left as it is, so that
// a repeated call does no harm. Only a store in the same process can do this.
type RunWriter interface {
	WriteRuns(ctx context.Context, runs []Run) error
}
