package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var runChecks = []check{
	{"create and get", createRun},
	{"names", runNames},
	{"missing", missingRuns},
	{"update", updateRun},
	{"delete and restore", deleteRun},
}

func createRun(p *probe) {
	experiment := p.experiment()
	made := p.runIn(experiment, "first", mlflow.Tag{Key: "k", Value: "v"})
	r := p.read(made.ID)
	p.equal("the run as it was made", made, r.Info)
	if len(r.Info.ID) != 32 || strings.Trim(r.Info.ID, "0123456789abcdef") != "" {
		p.Errorf("id %q", r.Info.ID)
	}
	p.equal("old clients' id", r.Info.UUID, r.Info.ID)
	p.equal("user", r.Info.UserID, "ada")
	p.equal("name", r.Info.Name, "first")
	p.equal("experiment", r.Info.ExperimentID, experiment)
	p.equal("status", r.Info.Status, mlflow.Running)
	p.equal("start", r.Info.StartTime, int64(1700000000000))
	p.equal("stage", r.Info.LifecycleStage, mlflow.Active)
	p.equal("tags", values(r.Data.Tags), map[string]string{"k": "v", "mlflow.runName": "first"})
	if r.Info.EndTime != nil {
		p.Errorf("it has ended at %d", *r.Info.EndTime)
	}
	if !strings.HasSuffix(r.Info.ArtifactURI, "/"+experiment+"/"+made.ID+"/artifacts") {
		p.Errorf("artifacts lie in %s", r.Info.ArtifactURI)
	}
}

func runNames(p *probe) {
	experiment := p.experiment()
	r, err := p.CreateRun(p.Context(), mlflow.NewRun{ExperimentID: experiment})
	p.must(err)
	p.equal("the tag of a random name", r.Data.Tag("mlflow.runName"), r.Info.Name)
	if strings.Count(r.Info.Name, "-") != 2 {
		p.Errorf("random name %q", r.Info.Name)
	}
	tag := mlflow.Tag{Key: "mlflow.runName", Value: "tagged"}
	p.equal("the name of a tag", p.runIn(experiment, "", tag).Name, "tagged")
	_, err = p.CreateRun(p.Context(), mlflow.NewRun{ExperimentID: experiment, Name: "named", Tags: []mlflow.Tag{tag}})
	p.refused(err, mlflow.InvalidParameterValue, "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='named', mlflow.runName='tagged').")
}

func missingRuns(p *probe) {
	missing := strings.Repeat("0", 32)
	text := "Run with id=" + missing + " not found"
	_, err := p.GetRun(p.Context(), missing)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.UpdateRun(p.Context(), mlflow.RunUpdate{ID: missing, Status: mlflow.Finished})
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteRun(p.Context(), missing), mlflow.ResourceDoesNotExist, text)
	p.refused(p.LogMetric(p.Context(), missing, mlflow.Metric{Key: "m", Value: 1, Timestamp: 1}), mlflow.ResourceDoesNotExist, text)
	p.refused(p.SetTag(p.Context(), missing, mlflow.Tag{Key: "k", Value: "v"}), mlflow.ResourceDoesNotExist, text)
	p.refused(p.LogBatch(p.Context(), missing, mlflow.Batch{Params: []mlflow.Param{{Key: "k", Value: "v"}}}), mlflow.ResourceDoesNotExist, text)
}

func updateRun(p *probe) {
	run := p.run()
	end := int64(1700000001000)
	info, err := p.UpdateRun(p.Context(), mlflow.RunUpdate{ID: run.ID, Status: mlflow.Finished, EndTime: &end, Name: "better"})
	p.must(err)
	r := p.read(run.ID)
	p.equal("the answer", info, r.Info)
	p.equal("status", r.Info.Status, mlflow.Finished)
	p.equal("end", *r.Info.EndTime, end)
	p.equal("name", r.Info.Name, "better")
	p.equal("its tag", r.Data.Tag("mlflow.runName"), "better")
	_, err = p.UpdateRun(p.Context(), mlflow.RunUpdate{ID: run.ID, Status: mlflow.Failed, EndTime: &end})
	p.must(err)
	p.equal("name", p.read(run.ID).Info.Name, "better")
}

func deleteRun(p *probe) {
	run := p.run()
	p.must(p.DeleteRun(p.Context(), run.ID))
	p.equal("stage", p.read(run.ID).Info.LifecycleStage, mlflow.Deleted)
	text := "The run " + run.ID + " must be in the 'active' state. Current state is deleted."
	_, err := p.UpdateRun(p.Context(), mlflow.RunUpdate{ID: run.ID, Status: mlflow.Finished})
	p.refused(err, mlflow.InvalidParameterValue, text)
	p.refused(p.LogParam(p.Context(), run.ID, mlflow.Param{Key: "k", Value: "v"}), mlflow.InvalidParameterValue, text)
	p.must(p.RestoreRun(p.Context(), run.ID))
	p.must(p.LogParam(p.Context(), run.ID, mlflow.Param{Key: "k", Value: "v"}))
}
