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
	scheme, _, _ := strings.Cut(v.Source, ":")
	if strings.EqualFold(scheme, "models") {
		if err := t.followModel(&o); err != nil {
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

// followModel follows a models:/ source to a logged model, or to a version that is
// copied.
func (t tx) followModel(o *origin) error {
	ref, ok := mlflow.ParseModelURI(o.source)
	if !ok {
		return mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid model version source: '%s'. The model_id request parameter must identify the resource that contains the source.", o.source)
	}
	if ref.ID != "" {
		m, err := t.liveModel(ref.ID)
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

// referred finds the version that a models:/ URI names.
func (t tx) referred(ref mlflow.ModelRef) (versionKey, error) {
	if _, err := t.registered(ref.Name); err != nil {
		return versionKey{}, err
	}
	switch {
	case ref.Alias != "":
		if err := checkAlias(ref.Name, ref.Alias); err != nil {
			return versionKey{}, err
		}
		return t.aliased(ref.Name, ref.Alias)
	case ref.Version != "":
		p, err := t.live(ref.Name, ref.Version)
		return p.versionKey, err
	}
	query, args, where := "SELECT name, version FROM model_versions"+oneModel+" AND current_stage <> ?", []any{t.workspace, ref.Name, stageGone}, ""
	if ref.Stage != "" {
		stage, err := stageOf(ref.Stage)
		if err != nil {
			return versionKey{}, err
		}
		query, args, where = query+" AND current_stage = ?", append(args, stage), " and stage '"+ref.Stage+"'"
	}
	k, ok, err := one(t, scanKey, query+" ORDER BY version DESC LIMIT 1", args...)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.InternalError, "No versions of model with name '%s'%s found", ref.Name, where) // MLflow's own code for it
	}
	return k, err
}
