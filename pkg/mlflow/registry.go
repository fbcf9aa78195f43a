package mlflow

import "context"

// RegisteredModel is a name under which versions of a model are kept.
type RegisteredModel struct {
	Name            string         `json:"name"`
	CreationTime    int64          `json:"creation_timestamp"`
	LastUpdatedTime int64          `json:"last_updated_timestamp"`
	UserID          string         `json:"user_id,omitempty"`
	Description     string         `json:"description,omitempty"`
	LatestVersions  []ModelVersion `json:"latest_versions,omitempty"` // the newest of each stage
	Tags            []Tag          `json:"tags,omitempty"`
	Aliases         []Alias        `json:"aliases,omitempty"`
}

// Alias is a name that points at one version.
type Alias struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

// VersionStatus is where the registration of a version stands.
type VersionStatus string

// The states of a version's registration.
const (
	PendingRegistration VersionStatus = "PENDING_REGISTRATION"
	FailedRegistration  VersionStatus = "FAILED_REGISTRATION"
	Ready               VersionStatus = "READY"
)

// The stages of a version, which newer clients leave for aliases.
const (
	StageNone       = "None"
	StageStaging    = "Staging"
	StageProduction = "Production"
	StageArchived   = "Archived"
)

// ModelVersion is one version of a registered model. Versions count from "1".
type ModelVersion struct {
	Name            string        `json:"name"`
	Version         string        `json:"version"`
	CreationTime    int64         `json:"creation_timestamp"`
	LastUpdatedTime int64         `json:"last_updated_timestamp"`
	UserID          string        `json:"user_id,omitempty"`
	CurrentStage    string        `json:"current_stage"`
	Description     string        `json:"description"`
	Source          string        `json:"source"`
	RunID           string        `json:"run_id"`
	Status          VersionStatus `json:"status"`
	StatusMessage   string        `json:"status_message,omitempty"`
	Tags            []Tag         `json:"tags,omitempty"`
	RunLink         string        `json:"run_link"`
	Aliases         []string      `json:"aliases,omitempty"`
	ModelID         string        `json:"model_id,omitempty"`
}

// Tag returns the value of the version's tag, "" where it has none.
func (v ModelVersion) Tag(key string) string { return tagOf(v.Tags, key) }

// NewRegisteredModel asks for a name.
type NewRegisteredModel struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Tags        []Tag  `json:"tags,omitempty"`
}

// NewVersion asks for a version of a registered model. Source is where its files
// are: an artifact URI or models:/<id of a logged model>.
type NewVersion struct {
	Name        string `json:"name"`
	Source      string `json:"source"`
	RunID       string `json:"run_id,omitempty"`
	Tags        []Tag  `json:"tags,omitempty"`
	RunLink     string `json:"run_link,omitempty"`
	Description string `json:"description,omitempty"`
	ModelID     string `json:"model_id,omitempty"`
}

// StageChange moves a version to a stage; those that are there may be archived.
type StageChange struct {
	Name            string `json:"name"`
	Version         string `json:"version"`
	Stage           string `json:"stage"`
	ArchiveExisting bool   `json:"archive_existing_versions"`
}

// ChangeKind says what an AliasChange moved.
type ChangeKind string

// The kinds of changes.
const (
	AliasMoved ChangeKind = "alias"
	StageMoved ChangeKind = "stage"
)

// AliasChange is one move of an alias between versions, or of a version between
// stages. An empty Old means that there was none before (a version begins
// without a stage), an empty New that there is none any more.
type AliasChange struct {
	Time    int64      `json:"timestamp"` // milliseconds
	Kind    ChangeKind `json:"kind"`
	Subject string     `json:"subject"` // the alias, or the version whose stage moved
	Old     string     `json:"old,omitempty"`
	New     string     `json:"new,omitempty"`
}

// AliasMove says where an alias goes.
type AliasMove struct {
	To   string // the version; where it points already it stays, and "" takes it away
	Tags []Tag  // that the version gets where the alias moves to it
}

// RegistryQuery asks for registered models or for versions.
type RegistryQuery struct {
	Filter     string   `json:"filter,omitempty"`
	MaxResults int      `json:"max_results,omitempty"`
	OrderBy    []string `json:"order_by,omitempty"`
	PageToken  string   `json:"page_token,omitempty"`
}

// AliasHistory tells where the aliases and stages of a registered model were at
// any time. MLflow's protocol has no word for it: only a store in the same
// process can.
type AliasHistory interface {
	// AliasLog returns the changes under a name, newest first. A model that is
	// renamed begins anew under its new name.
	AliasLog(ctx context.Context, name string) ([]AliasChange, error)
}
