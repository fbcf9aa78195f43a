package filter

import (
	"slices"
	"strings"
)

// rules are what a kind of thing knows.
type rules struct {
	attributes []string // that a filter may name, aliases included
	orders     []string // that an order may name
	numbers    []string // the attributes that are numbers
	lists      []string // the attributes that IN takes
	entities   []string // names of entities; nil for those of runs
}

// What the kinds know; logged models order by fields and not in this grammar.
var rulesOf = map[Kind]rules{
	Experiments: {
		attributes: []string{"creation_time", "experiment_id", "last_update_time", "name"},
		orders:     []string{"creation_time", "experiment_id", "last_update_time", "name"},
		numbers:    []string{"creation_time", "last_update_time"},
		lists:      []string{"experiment_id"},
		entities:   []string{"attribute", "tag", "tags"},
	},
	Runs: {
		attributes: []string{"Created", "Run Name", "Run name", "artifact_uri", "created", "end_time", "run name", "run_id", "run_name", "start_time", "status", "user_id"},
		orders:     []string{"Created", "artifact_uri", "created", "end_time", "run_id", "run_name", "start_time", "status", "user_id"},
		numbers:    []string{"Created", "created", "end_time", "start_time"},
		lists:      []string{"run_id"},
	},
	RegisteredModels: {
		attributes: []string{"name"},
		orders:     []string{"last_updated_timestamp", "name", "timestamp"},
		lists:      []string{"name"},
		entities:   []string{"attribute", "tag", "tags"},
	},
	Versions: {
		attributes: []string{"name", "run_id", "source_path", "version_number"},
		orders:     []string{"creation_timestamp", "last_updated_timestamp", "name", "version_number"},
		numbers:    []string{"creation_timestamp", "last_updated_timestamp", "version_number"},
		lists:      []string{"name", "run_id"},
		entities:   []string{"attribute", "tag", "tags"},
	},
	LoggedModels: {
		attributes: []string{
			"artifact_location", "creation_timestamp_ms", "experiment_id", "last_updated_timestamp_ms", "lifecycle_stage",
			"model_id", "model_type", "name", "source_run_id", "status", "status_message",
		},
		numbers: []string{"creation_timestamp_ms", "last_updated_timestamp_ms"},
	},
}

// The entities that runs have, by every name.
var entityOf = map[string]Entity{
	"attribute": Attribute, "attr": Attribute, "attributes": Attribute, "run": Attribute,
	"metric": Metric, "metrics": Metric,
	"parameter": Param, "parameters": Param, "param": Param, "params": Param,
	"tag": Tag, "tags": Tag,
	"dataset": Dataset, "datasets": Dataset,
}

// The names that errors give entities.
var entityNames = [...]string{Attribute: "attribute", Metric: "metric", Param: "parameter", Tag: "tag", Dataset: "dataset"}

// datasetKeys are what can be asked of the datasets that a run read.
var datasetKeys = []string{"context", "digest", "name"}

// Other names of the attributes of runs and of logged models.
var (
	runAliases   = map[string]string{"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name", "Run Name": "run_name"}
	modelAliases = map[string]string{"creation_time": "creation_timestamp_ms", "creation_timestamp": "creation_timestamp_ms", "last_updated_timestamp": "last_updated_timestamp_ms"}
)

// The operators that each sort of thing takes, as MLflow's errors list them.
var (
	numberOps = []string{"!=", "<", "<=", "=", ">", ">="}
	textOps   = []string{"!=", "=", "ILIKE", "LIKE"}
	nullOps   = []string{"!=", "=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE"}
	listOps   = []string{"!=", "=", "ILIKE", "IN", "LIKE", "NOT IN"}
	exactOps  = []string{"!=", "=", "IN", "NOT IN"}
)

func has(set []string, s string) bool { return slices.Contains(set, s) }

// pySet writes strings as Python prints a set of them. Python's own order changes
// from process to process; ours is that of the alphabet.
func pySet(set []string) string { return "{" + pyJoin(set) + "}" }

// pyList writes strings as Python prints a list of them.
func pyList(list []string) string { return "[" + pyJoin(list) + "]" }

func pyJoin(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = pyString(s)
	}
	return strings.Join(out, ", ")
}

// pyString writes a string as Python's repr does, as far as that is needed to
// know it again in a message.
func pyString(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	r := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, quote, `\`+quote)
	return quote + r.Replace(s) + quote
}
