// Package mlflow holds the words of MLflow's REST API, the ones that every
// MLflow client and server speaks, and small interfaces over them. A store in a
// database, a client of any server, a spool on the disk and the HTTP server all
// meet here; none of them knows another.
//
// The types are those of MLflow's protocol messages, with its JSON field names,
// so that they are what goes over the wire, too. Times are milliseconds since
// 1970, ids are strings. The reference is the REST API of MLflow 3.17.
package mlflow

// Release is the MLflow release whose protocol and database schema this is.
const Release = "3.17.2"

// Limits of MLflow's own server.
const (
	MaxKey            = 250    // characters of a param, metric or tag key
	MaxParamValue     = 6000   // characters of a param value
	MaxTagValue       = 8000   // characters of a run's tag value
	MaxExperimentTag  = 20000  // characters of an experiment's tag value
	MaxModelTag       = 100000 // characters of a registered model's or version's tag value
	MaxAlias          = 255
	MaxExperimentName = 500
	MaxBatchParams    = 100
	MaxBatchTags      = 100
	MaxBatchMetrics   = 1000
	MaxBatchEntities  = 1000 // params, tags and metrics of one batch together
	MaxHistoryPage    = 25000
	MaxSearchRuns     = 50000
	MaxSearchPage     = 1000 // experiments and registered models a page
	MaxSearchVersions = 200000
	DefaultSearchRuns = 1000
	DefaultSearchPage = 100
	DefaultExperiment = "0" // its id
)

// Lifecycle stages of experiments, runs and logged models.
const (
	Active  = "active"
	Deleted = "deleted"
)

// ViewType says which lifecycle stages a search returns.
type ViewType string

// The view types; the empty one means active only.
const (
	ActiveOnly  ViewType = "ACTIVE_ONLY"
	DeletedOnly ViewType = "DELETED_ONLY"
	All         ViewType = "ALL"
)

// Tag is a key with a value: of an experiment, a run, an input, a logged model,
// a registered model or one of its versions.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Param is one parameter of a run. It never changes once it is logged.
type Param struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Page is one page of a search's answer.
type Page[T any] struct {
	Items []T
	Next  string // the token of the next page; "" after the last
}
