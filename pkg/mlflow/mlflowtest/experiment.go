package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var experimentChecks = []check{
	{"create and get", createExperiment},
	{"the default", defaultExperiment},
	{"a place of its own", placedExperiment},
	{"names", experimentNames},
	{"missing", missingExperiments},
	{"rename", renameExperiment},
	{"tags", experimentTags},
	{"delete and restore", deleteExperiment},
	{"runs follow", experimentWithRuns},
}

func createExperiment(p *probe) {
	name := p.named("experiment")
	id, err := p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: name, Tags: []mlflow.Tag{{Key: "team", Value: "sales"}, {Key: "ß", Value: "日本 🚀"}}})
	p.must(err)
	e, err := p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("id", e.ID, id)
	p.equal("name", e.Name, name)
	p.equal("stage", e.LifecycleStage, mlflow.Active)
	p.equal("tags", values(e.Tags), map[string]string{"team": "sales", "ß": "日本 🚀"})
	if !strings.HasSuffix(e.ArtifactLocation, "/"+id) {
		p.Errorf("artifacts lie in %s, which does not end with %s", e.ArtifactLocation, id)
	}
	if e.CreationTime == 0 || e.LastUpdateTime < e.CreationTime {
		p.Errorf("made at %d, changed at %d", e.CreationTime, e.LastUpdateTime)
	}
	named, err := p.GetExperimentByName(p.Context(), name)
	p.must(err)
	p.equal("the experiment of that name", named.ID, id)
}

func defaultExperiment(p *probe) {
	e, err := p.GetExperiment(p.Context(), mlflow.DefaultExperiment)
	p.must(err)
	p.equal("id", e.ID, mlflow.DefaultExperiment)
}

func placedExperiment(p *probe) {
	place := "s3://bucket/" + p.mark
	id, err := p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: p.named("experiment"), ArtifactLocation: place})
	p.must(err)
	e, err := p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("place", e.ArtifactLocation, place)
	run := p.runIn(id, "run")
	p.equal("place of its run", run.ArtifactURI, place+"/"+run.ID+"/artifacts")
}

func experimentNames(p *probe) {
	id := p.experiment()
	taken := p.named("experiment")
	_, err := p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: taken})
	p.refused(err, mlflow.ResourceAlreadyExists, "Experiment(name="+taken+") already exists.…")
	p.must(p.DeleteExperiment(p.Context(), id))
	_, err = p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: taken})
	p.refused(err, mlflow.ResourceAlreadyExists, "Experiment(name="+taken+") already exists.…")
	_, err = p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: strings.Repeat("é", 501)})
	p.refused(err, mlflow.InvalidParameterValue, "'name' exceeds the maximum length of 500 characters")
}

func missingExperiments(p *probe) {
	const missing = "999999999"
	const text = "No Experiment with id=999999999 exists"
	_, err := p.GetExperiment(p.Context(), missing)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.GetExperimentByName(p.Context(), p.mark)
	p.refused(err, mlflow.ResourceDoesNotExist, "Could not find experiment with name '"+p.mark+"'")
	p.refused(p.RenameExperiment(p.Context(), missing, p.mark), mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteExperiment(p.Context(), missing), mlflow.ResourceDoesNotExist, text)
	p.refused(p.RestoreExperiment(p.Context(), missing), mlflow.ResourceDoesNotExist, text)
	p.refused(p.SetExperimentTag(p.Context(), missing, mlflow.Tag{Key: "k", Value: "v"}), mlflow.ResourceDoesNotExist, text)
	_, err = p.CreateRun(p.Context(), mlflow.NewRun{ExperimentID: missing})
	p.refused(err, mlflow.ResourceDoesNotExist, text)
}

func renameExperiment(p *probe) {
	id := p.experiment()
	p.must(p.RenameExperiment(p.Context(), id, p.named("other")))
	e, err := p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("name", e.Name, p.named("other"))
	p.must(p.DeleteExperiment(p.Context(), id))
	p.refused(p.RenameExperiment(p.Context(), id, p.named("third")), mlflow.InvalidState, "Cannot rename a non-active experiment.")
}

func experimentTags(p *probe) {
	id := p.experiment()
	for _, value := range []string{"one", "two"} {
		p.must(p.SetExperimentTag(p.Context(), id, mlflow.Tag{Key: "k", Value: value}))
	}
	p.must(p.SetExperimentTag(p.Context(), id, mlflow.Tag{Key: "gone", Value: "x"}))
	p.must(p.DeleteExperimentTag(p.Context(), id, "gone"))
	e, err := p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("tags", values(e.Tags), map[string]string{"k": "two"})
	p.refused(p.DeleteExperimentTag(p.Context(), id, "gone"), mlflow.ResourceDoesNotExist, "No tag with name: gone in experiment with id "+id)
	p.refused(p.SetExperimentTag(p.Context(), id, mlflow.Tag{Key: "k", Value: strings.Repeat("x", mlflow.MaxExperimentTag+1)}),
		mlflow.InvalidParameterValue, "'value' exceeds the maximum length of 20000 characters")
}

func deleteExperiment(p *probe) {
	id := p.experiment()
	p.must(p.DeleteExperiment(p.Context(), id))
	e, err := p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("stage", e.LifecycleStage, mlflow.Deleted)
	_, err = p.CreateRun(p.Context(), mlflow.NewRun{ExperimentID: id})
	p.refused(err, mlflow.InvalidParameterValue, "The experiment "+id+" must be in the 'active' state. Current state is deleted.")
	p.refused(p.DeleteExperiment(p.Context(), id), mlflow.ResourceDoesNotExist, "No Experiment with id="+id+" exists")
	p.must(p.RestoreExperiment(p.Context(), id))
	e, err = p.GetExperiment(p.Context(), id)
	p.must(err)
	p.equal("stage", e.LifecycleStage, mlflow.Active)
}

func experimentWithRuns(p *probe) {
	run := p.run()
	p.must(p.DeleteExperiment(p.Context(), run.ExperimentID))
	p.equal("the run's stage", p.read(run.ID).Info.LifecycleStage, mlflow.Deleted)
	p.must(p.RestoreExperiment(p.Context(), run.ExperimentID))
	p.equal("the run's stage", p.read(run.ID).Info.LifecycleStage, mlflow.Active)
}
