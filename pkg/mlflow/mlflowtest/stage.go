package mlflowtest

import (
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var stageChecks = []check{
	{"move", moveStage},
	{"archive the others", archiveOthers},
	{"names", stageNames},
	{"latest", latestOfStages},
}

// stages returns the stages of the versions of a model, from the first on.
func (p *probe) stages(name string, versions ...string) (stages []string) {
	p.Helper()
	for _, v := range versions {
		stages = append(stages, p.readVersion(name, v).CurrentStage)
	}
	return stages
}

// promote moves a version to a stage.
func (p *probe) promote(name, version, stage string, archive bool) mlflow.ModelVersion {
	p.Helper()
	v, err := p.TransitionStage(p.Context(), mlflow.StageChange{Name: name, Version: version, Stage: stage, ArchiveExisting: archive})
	p.must(err)
	return v
}

func moveStage(p *probe) {
	name := p.registered("model")
	p.version(name)
	for _, word := range []string{"staging", "PRODUCTION", "Archived", "none"} {
		v := p.promote(name, "1", word, false)
		p.equal("the answer", v, p.readVersion(name, "1"))
		p.equal("last change of the model", p.model(name).LastUpdatedTime, v.LastUpdatedTime)
	}
	p.equal("stage", p.stages(name, "1"), []string{mlflow.StageNone})
}

func archiveOthers(p *probe) {
	name := p.registered("model")
	for range 3 {
		p.version(name)
	}
	p.promote(name, "1", "Production", false)
	p.promote(name, "2", "Production", false)
	p.equal("stages", p.stages(name, "1", "2", "3"), []string{"Production", "Production", "None"})
	p.promote(name, "3", "Staging", true)
	p.equal("stages", p.stages(name, "1", "2", "3"), []string{"Production", "Production", "Staging"})
	p.promote(name, "2", "production", true)
	p.equal("stages", p.stages(name, "1", "2", "3"), []string{"Archived", "Production", "Staging"})
	p.promote(name, "1", "Production", true)
	p.equal("stages", p.stages(name, "1", "2", "3"), []string{"Production", "Archived", "Staging"})
}

func stageNames(p *probe) {
	name := p.registered("model")
	p.version(name)
	_, err := p.TransitionStage(p.Context(), mlflow.StageChange{Name: name, Version: "1", Stage: "Live"})
	p.refused(err, mlflow.InvalidParameterValue, "Invalid Model Version stage: Live. Value must be one of None, Staging, Production, Archived.")
	_, err = p.TransitionStage(p.Context(), mlflow.StageChange{Name: name, Version: "1", Stage: "archived", ArchiveExisting: true})
	p.refused(err, mlflow.InternalError, "Model version transition cannot archive existing model versions because 'archived' is not an Active stage. Valid stages are ['Staging', 'Production']")
	_, err = p.LatestVersions(p.Context(), name, []string{"Live"})
	p.refused(err, mlflow.InvalidParameterValue, "Invalid Model Version stage: Live. Value must be one of None, Staging, Production, Archived.")
}

func latestOfStages(p *probe) {
	name := p.registered("model")
	for range 4 {
		p.version(name)
	}
	p.promote(name, "1", "Production", false)
	p.promote(name, "2", "Production", false)
	p.promote(name, "3", "Staging", false)
	latest := func(stages ...string) map[string]string {
		versions, err := p.LatestVersions(p.Context(), name, stages)
		p.must(err)
		return byStage(versions)
	}
	p.equal("all", latest(), map[string]string{"Production": "2", "Staging": "3", "None": "4"})
	p.equal("two", latest("production", "NONE"), map[string]string{"Production": "2", "None": "4"})
	p.equal("an empty one", latest("Archived"), map[string]string{})
	p.equal("with the model", byStage(p.model(name).LatestVersions), map[string]string{"Production": "2", "Staging": "3", "None": "4"})
}

func byStage(versions []mlflow.ModelVersion) map[string]string {
	m := make(map[string]string, len(versions))
	for _, v := range versions {
		m[v.CurrentStage] = v.Version
	}
	return m
}
