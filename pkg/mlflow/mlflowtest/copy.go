package mlflowtest

import (
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var copyChecks = []check{
	{"of a version", copyVersion},
	{"of a copy", copyCopy},
	{"by alias, stage and latest", copyByName},
	{"of what is missing", copyMissing},
}

// copied registers a copy of a version under another name.
func (p *probe) copied(source, name string) mlflow.ModelVersion {
	p.Helper()
	v, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: name, Source: source})
	p.must(err)
	return v
}

func copyVersion(p *probe) {
	run, from, to := p.run().ID, p.registered("from"), p.registered("to")
	_, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: from, Source: "s3://bucket/model", RunID: run})
	p.must(err)
	v := p.copied("models:/"+from+"/1", to)
	p.equal("version", v.Version, "1")
	p.equal("source", v.Source, "models:/"+from+"/1")
	p.equal("run", v.RunID, run)
	p.equal("place", p.place(to, "1"), "s3://bucket/model")
	p.must(p.DeleteModelVersion(p.Context(), from, "1"))
	p.equal("place, when the original is gone", p.place(to, "1"), "s3://bucket/model")
}

func copyCopy(p *probe) {
	a, b, c := p.registered("a"), p.registered("b"), p.registered("c")
	v := p.version(a)
	p.copied("models:/"+a+"/1", b)
	p.equal("source", p.copied("models:/"+b+"/1", c).Source, "models:/"+b+"/1")
	p.equal("place", p.place(c, "1"), v.Source)
}

func copyByName(p *probe) {
	from, to := p.registered("from"), p.registered("to")
	for range 3 {
		p.version(from)
	}
	p.must(p.SetAlias(p.Context(), from, "champion", "2"))
	_, err := p.TransitionStage(p.Context(), mlflow.StageChange{Name: from, Version: "1", Stage: "Production"})
	p.must(err)
	p.equal("by alias", p.copied("models:/"+from+"@champion", to).Source, "models:/"+from+"/2")
	p.equal("by stage", p.copied("models:/"+from+"/production", to).Source, "models:/"+from+"/1")
	p.equal("place", p.place(to, "2"), "s3://bucket/"+p.mark+"/model")
	p.equal("the latest", p.copied("models:/"+from+"/latest", to).Source, "models:/"+from+"/3")
}

func copyMissing(p *probe) {
	from, to := p.registered("from"), p.registered("to")
	for source, want := range map[string]mlflow.Error{
		"models:/" + p.mark + "/1": {Code: mlflow.ResourceDoesNotExist, Message: "Registered Model with name=" + p.mark + " not found"},
		"models:/" + from + "/4":   {Code: mlflow.ResourceDoesNotExist, Message: "Model Version (name=" + from + ", version=4) not found"},
		"models:/" + from + "@nix": {Code: mlflow.InvalidParameterValue, Message: "Registered model alias nix not found."},
		"models:/" + from + "/No": {Code: mlflow.InvalidParameterValue,
			Message: "Invalid Model Version stage: No. Value must be one of None, Staging, Production, Archived."},
		"models:/" + from + "/Staging": {Code: mlflow.InternalError,
			Message: "No versions of model with name '" + from + "' and stage 'Staging' found"},
		"models:/a/b/c": {Code: mlflow.InvalidParameterValue,
			Message: "Invalid model version source: 'models:/a/b/c'. The model_id request parameter must identify the resource that contains the source."},
	} {
		_, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: to, Source: source})
		p.refused(err, want.Code, want.Message)
	}
}
