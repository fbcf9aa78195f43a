package sqlstore

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// origin is where a new version comes from.
type origin struct {
	source  string // as it was asked, with a stage or an alias in it replaced by the version
	storage string // where the files are: an artifact URI
	runID   string
	modelID string
}

// follow finds out where a new version comes from. Whether the caller may name
// that source at all is for the server to say that let the caller in.
func (t tx) follow(v mlflow.NewVersion) (origin, error) {
	o := origin{source: v.Source, storage: v.Source, runID: v.RunID, modelID: v.ModelID}
	scheme, rest, _ := strings.Cut(v.Source, ":")
	if strings.EqualFold(scheme, "models") {
		if err := t.followModel(&o, rest); err != nil {
			return o, err
		}
	}
	if o.runID == "" && o.modelID != "" {
		m, err := t.liveModel(o.modelID)
		o.runID = m.Info.SourceRunID
		return o, err
	}
	return o, nil
}

// followModel follows a models:/ source, of which rest is what stands behind the
// scheme: to a logged model, or to a version that is copied.
func (t tx) followModel(o *origin, rest string) error {
	ref, ok := parseModelURI(rest)
	if !ok {
		return mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid model version source: '%s'. The model_id request parameter must identify the resource that contains the source.", o.source)
	}
	if ref.id != "" {
		m, err := t.liveModel(ref.id)
		if err != nil {
			return mlflow.Errorf(mlflow.InternalError, // MLflow's own code for it
				"Unable to fetch model from model URI source artifact location '%s'.Error: %s", o.source, err)
		}
		o.storage = m.Info.ArtifactURI
		if o.runID == "" {
			o.runID = m.Info.SourceRunID
		}
		return nil
	}
	key, err := t.referred(ref)
	if err != nil {
		return err
	}
	from, err := t.version(key)
	if err != nil {
		return err
	}
	o.source = "models:/" + key.name + "/" + key.number()
	if o.runID == "" {
		o.runID = from.RunID
	}
	o.storage, err = t.downloadURI(key)
	return err
}

// modelURI is what a models:/ URI names: a logged model by its id, or a version
// of a registered model by its number, an alias, a stage, or as the newest.
type modelURI struct{ id, name, version, stage, alias string }

func parseModelURI(rest string) (modelURI, bool) {
	p, _, _ := strings.Cut(rest, "?")
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return modelURI{}, false
	}
	name, suffix, two := strings.Cut(p[1:], "/")
	at := strings.LastIndexByte(name, '@')
	switch {
	case strings.TrimSpace(name) == "" || strings.Contains(suffix, "/") || two && strings.TrimSpace(suffix) == "":
		return modelURI{}, false
	case !two && at < 0:
		return modelURI{id: name}, true
	case !two:
		return modelURI{name: name[:at], alias: name[at+1:]}, strings.TrimSpace(name[at+1:]) != ""
	case strings.Trim(suffix, "0123456789") == "":
		return modelURI{name: name, version: suffix}, true
	case strings.EqualFold(suffix, latestAlias):
		return modelURI{name: name}, true
	}
	return modelURI{name: name, stage: suffix}, true
}

// referred finds the version that a models:/ URI names.
func (t tx) referred(ref modelURI) (versionKey, error) {
	if _, err := t.registered(ref.name); err != nil {
		return versionKey{}, err
	}
	switch {
	case ref.alias != "":
		if err := checkAlias(ref.name, ref.alias); err != nil {
			return versionKey{}, err
		}
		return t.aliased(ref.name, ref.alias)
	case ref.version != "":
		p, err := t.live(ref.name, ref.version)
		return p.versionKey, err
	}
	query, args, where := "SELECT name, version FROM model_versions"+oneModel+" AND current_stage <> ?", []any{ref.name, stageGone}, ""
	if ref.stage != "" {
		stage, err := stageOf(ref.stage)
		if err != nil {
			return versionKey{}, err
		}
		query, args, where = query+" AND current_stage = ?", append(args, stage), " and stage '"+ref.stage+"'"
	}
	k, ok, err := one(t, scanKey, query+" ORDER BY version DESC LIMIT 1", args...)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.InternalError, "No versions of model with name '%s'%s found", ref.name, where) // MLflow's own code for it
	}
	return k, err
}
