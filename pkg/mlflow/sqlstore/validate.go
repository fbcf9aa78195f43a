package sqlstore

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Limits that only this package needs, in characters.
const (
	maxRunIDForm     = 256 // of any run; those of this schema are shorter
	maxLocation      = 2048
	maxDatasetName   = 500
	maxDatasetDigest = 36
	maxSource        = 65535
	maxSchema        = 1048575
	maxProfile       = 16777215
	maxInputTagKey   = 255
	maxInputTagValue = 500
)

const (
	badCharacters = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
	badPath       = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to "
)

// runID is the form of a run's id, whose length is counted apart: as {0,255} the
// count would make 255 copies of the classes, and megabytes at every start.
var runID = regexp.MustCompile(`^[a-zA-Z0-9][\p{L}\p{N}_\-]*\n?$`)

// invalid refuses a value of a parameter.
func invalid(param, value, why string) error {
	s := "Invalid value " + value + " for parameter '" + param + "' supplied"
	if why == "" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "%s.", s)
	}
	return mlflow.Errorf(mlflow.InvalidParameterValue, "%s: %s", s, why)
}

// within refuses what is longer than limit characters.
func within(name string, limit int, value string) error {
	if len(value) <= limit || utf8.RuneCountInString(value) <= limit {
		return nil
	}
	return mlflow.Errorf(mlflow.InvalidParameterValue, "'%s' exceeds the maximum length of %d characters", name, limit)
}

// cut shortens a value to limit characters, as MLflow's server does with values
// of params and tags.
func cut(limit int, value string) string {
	if len(value) <= limit {
		return value
	}
	n := 0
	for i := range value {
		if n == limit {
			return value[:i]
		}
		n++
	}
	return value
}

// checkName refuses a key of a metric, param or tag with which a file could not
// be named. where is the parameter that holds it.
func checkName(where, name string) error {
	ok := func(r rune) bool {
		return r == '_' || r == '/' || r == '.' || r == '-' || r == ' ' || r == ':' || unicode.IsLetter(r) || unicode.IsNumber(r)
	}
	// Python's $ stands before a last line break, too.
	if strings.ContainsFunc(strings.TrimSuffix(name, "\n"), func(r rune) bool { return !ok(r) }) {
		return invalid(where, jsonQuoted(name), badCharacters)
	}
	norm := path.Clean(name)
	if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
		norm = "/" + norm // POSIX lets exactly two slashes mean something of their own
	}
	if norm != name || norm == "." || strings.HasPrefix(norm, "..") || strings.HasPrefix(norm, "/") {
		return invalid(where, jsonQuoted(name), badPath+quoted(norm))
	}
	return nil
}

// in names a field of a parameter that may be an element of a list.
func in(list, field string) string {
	if list == "" {
		return field
	}
	return list + "." + field
}

// element names the i-th element of a list in a message.
func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func checkMetric(where string, m mlflow.Metric) error {
	if err := checkName(in(where, "name"), m.Key); err != nil {
		return err
	}
	if m.Timestamp < 0 {
		return invalid(in(where, "timestamp"), strconv.FormatInt(m.Timestamp, 10), fmt.Sprintf(
			"metric '%s' (value=%s). Timestamp must be a nonnegative long (64-bit integer) ", m.Key, float(float64(m.Value))))
	}
	return within("Metric name", mlflow.MaxKey, m.Key)
}

// checkParam returns the param as it may be stored.
func checkParam(where string, p mlflow.Param) (mlflow.Param, error) {
	if err := checkName(in(where, "key"), p.Key); err != nil {
		return p, err
	}
	p.Value = cut(mlflow.MaxParamValue, p.Value)
	return p, within("Param key", mlflow.MaxKey, p.Key)
}

// checkTag returns the tag of a run as it may be stored.
func checkTag(where string, t mlflow.Tag) (mlflow.Tag, error) {
	if err := checkName(in(where, "key"), t.Key); err != nil {
		return t, err
	}
	t.Value = cut(mlflow.MaxTagValue, t.Value)
	return t, within(in(where, "key"), mlflow.MaxKey, t.Key)
}

func checkExperimentTag(t mlflow.Tag) error {
	err := checkName("key", t.Key)
	if err == nil {
		err = within("key", mlflow.MaxKey, t.Key)
	}
	if err == nil {
		err = within("value", mlflow.MaxExperimentTag, t.Value)
	}
	return err
}

func checkExperimentName(name string) error {
	if name == "" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid experiment name: ''")
	}
	return within("name", mlflow.MaxExperimentName, name)
}

func checkRunID(id string) error {
	if !runID.MatchString(id) || utf8.RuneCountInString(strings.TrimSuffix(id, "\n")) > maxRunIDForm {
		return invalid("run_id", jsonQuoted(id), "")
	}
	return nil
}

// checkBatch checks all parts of a batch and returns it as it may be stored.
func checkBatch(b mlflow.Batch) (mlflow.Batch, error) {
	for i, m := range b.Metrics {
		if err := checkMetric(element("metrics", i), m); err != nil {
			return b, err
		}
	}
	var err error
	params, tags := make([]mlflow.Param, len(b.Params)), make([]mlflow.Tag, len(b.Tags))
	for i, p := range b.Params {
		if params[i], err = checkParam(element("params", i), p); err != nil {
			return b, err
		}
	}
	for i, t := range b.Tags {
		if tags[i], err = checkTag(element("tags", i), t); err != nil {
			return b, err
		}
	}
	b.Params, b.Tags = params, tags
	if err := checkCounts(b); err != nil {
		return b, err
	}
	return b, checkUnique(params)
}

func checkCounts(b mlflow.Batch) error {
	for _, l := range []struct {
		what       string
		limit, got int
	}{
		{"metrics", mlflow.MaxBatchMetrics, len(b.Metrics)},
		{"params", mlflow.MaxBatchParams, len(b.Params)},
		{"tags", mlflow.MaxBatchTags, len(b.Tags)},
		{"metrics, params, and tags", mlflow.MaxBatchEntities, len(b.Metrics) + len(b.Params) + len(b.Tags)},
	} {
		if l.got > l.limit {
			return mlflow.Errorf(mlflow.InvalidParameterValue,
				"A batch logging request can contain at most %d %s. Got %d %[2]s. Please split up %[2]s across multiple requests and try again.",
				l.limit, l.what, l.got)
		}
	}
	return nil
}

// checkUnique refuses params of one key, even with one value.
func checkUnique(params []mlflow.Param) error {
	seen := make(map[string]bool, len(params))
	var twice []string
	for _, p := range params {
		if seen[p.Key] {
			twice = append(twice, p.Key)
		}
		seen[p.Key] = true
	}
	if twice == nil {
		return nil
	}
	return mlflow.Errorf(mlflow.InvalidParameterValue,
		"Duplicate parameter keys have been submitted: %s. Please ensure the request contains only one param value per param key.", quotedList(twice))
}

func checkDatasets(inputs []mlflow.DatasetInput) error {
	for _, in := range inputs {
		d := in.Dataset
		for _, f := range []struct {
			name  string
			limit int
			value string
		}{
			{"name", maxDatasetName, d.Name},
			{"digest", maxDatasetDigest, d.Digest},
			{"source", maxSource, d.Source},
			{"schema", maxSchema, d.Schema},
			{"profile", maxProfile, d.Profile},
		} {
			if err := within(f.name, f.limit, f.value); err != nil {
				return err
			}
		}
		for _, t := range in.Tags {
			if err := within("key", maxInputTagKey, t.Key); err != nil {
				return err
			}
			if err := within("value", maxInputTagValue, t.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// fits refuses what is too long for a column of MLflow's tables. SQLite stores it
// all the same, as it does for MLflow's own server.
func (t tx) fits(column string, limit int, value string) error {
	if t.dialect == database.SQLite || utf8.RuneCountInString(value) <= limit {
		return nil
	}
	return mlflow.Errorf(mlflow.BadRequest, "Data too long for column '%s': at most %d characters", column, limit)
}
