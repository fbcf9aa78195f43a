package sqlstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Whole versions, many at a time: a search finds keys, and what follows reads
// everything else of them in three queries for each keysAtOnce.

// keysAtOnce bounds a statement that asks for versions of many models.
const keysAtOnce = 250

// versionKey names a version.
type versionKey struct {
	name    string
	version int64
}

// number is the version as the protocol writes it.
func (k versionKey) number() string { return strconv.FormatInt(k.version, 10) }

// scanKey reads the name of a version and its number.
func scanKey(r scanner) (k versionKey, err error) {
	err = r.Scan(&k.name, &k.version)
	return k, err
}

// matching is the condition that selects the rows of versions, with its
// arguments. Each of its alternatives can use the index by itself.
func (t tx) matching(keys []versionKey) (string, []any) {
	of := map[string][]any{}
	var names []string
	for _, k := range keys {
		if of[k.name] == nil {
			names = append(names, k.name)
		}
		of[k.name] = append(of[k.name], k.version)
	}
	terms := make([]string, len(names))
	args := make([]any, 0, 2*len(names)+len(keys))
	for i, name := range names {
		terms[i] = "(workspace = ? AND name = ? AND version IN " + marks(len(of[name])) + ")"
		args = append(append(args, t.workspace, name), of[name]...)
	}
	return " WHERE " + strings.Join(terms, " OR "), args
}

// scanModelVersion reads versionColumns.
func scanModelVersion(r scanner) (v mlflow.ModelVersion, err error) {
	err = r.Scan(&v.Name, &v.Version, &v.CreationTime, &v.LastUpdatedTime, &v.UserID, &v.CurrentStage, &v.Description,
		&v.Source, &v.RunID, &v.Status, &v.StatusMessage, &v.RunLink)
	return v, err
}

const versionColumns = "SELECT name, version, COALESCE(creation_time, 0), COALESCE(last_updated_time, 0), COALESCE(user_id, ''), COALESCE(current_stage, ''), COALESCE(description, ''), COALESCE(source, ''), COALESCE(run_id, ''), COALESCE(status, ''), COALESCE(status_message, ''), COALESCE(run_link, '') FROM model_versions"

// versions returns whole versions in the order of their keys, whose names are
// those that are stored. MLflow's own searches leave the aliases out; here they
// are always there.
func (t tx) versions(keys []versionKey) ([]mlflow.ModelVersion, error) {
	found := make(map[versionKey]*mlflow.ModelVersion, len(keys))
	for part := range slices.Chunk(keys, keysAtOnce) {
		if err := t.collectVersions(found, part); err != nil {
			return nil, err
		}
	}
	out := make([]mlflow.ModelVersion, 0, len(keys))
	for _, k := range keys {
		if v, ok := found[k]; ok {
			out = append(out, *v)
		}
	}
	return out, nil
}

// collectVersions adds a few versions to found.
func (t tx) collectVersions(found map[versionKey]*mlflow.ModelVersion, keys []versionKey) error {
	where, args := t.matching(keys)
	rows, err := all(t, scanModelVersion, versionColumns+where, args...)
	if err != nil {
		return err
	}
	for i := range rows {
		n, err := strconv.ParseInt(rows[i].Version, 10, 64)
		if err != nil {
			return err
		}
		found[versionKey{rows[i].Name, n}] = &rows[i]
	}
	tags, err := all(t, scanAttached, "SELECT name, version, `key`, COALESCE(value, '') FROM model_version_tags"+where+" ORDER BY name, version, `key`", args...)
	if err != nil {
		return err
	}
	for _, a := range tags {
		if v, ok := found[a.of]; ok {
			v.Tags = append(v.Tags, mlflow.Tag{Key: a.key, Value: a.value})
		}
	}
	aliases, err := all(t, scanAttached, "SELECT name, version, alias, '' FROM registered_model_aliases"+where+" ORDER BY name, version, alias", args...)
	for _, a := range aliases {
		if v, ok := found[a.of]; ok {
			v.Aliases = append(v.Aliases, a.key)
		}
	}
	return err
}

// attached is a tag or an alias of a version.
type attached struct {
	of         versionKey
	key, value string
}

func scanAttached(r scanner) (a attached, err error) {
	err = r.Scan(&a.of.name, &a.of.version, &a.key, &a.value)
	return a, err
}

// latest returns the newest version of each stage of registered models; of a
// model, the stage that was reached by the oldest version comes first.
func (t tx) latest(names []string) ([]mlflow.ModelVersion, error) {
	keys, err := all(t, scanKey, "SELECT name, MAX(version) FROM model_versions WHERE workspace = ? AND name IN "+marks(len(names))+
		" AND current_stage <> '"+stageGone+"' GROUP BY name, current_stage ORDER BY name, MIN(version)", append([]any{t.workspace}, anys(names)...)...)
	if err != nil {
		return nil, err
	}
	return t.versions(keys)
}
