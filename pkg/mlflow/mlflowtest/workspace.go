package mlflowtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Divided is an MLflow server with workspaces.
type Divided interface {
	Server
	mlflow.Workspaces
}

// RunWorkspaces checks what Run does not: that nothing of one workspace is seen or
// changed from another, and what becomes of it when the workspace goes.
func RunWorkspaces(t *testing.T, open func(t *testing.T) Divided) {
	s := open(t)
	for _, c := range []struct {
		name string
		run  func(p *walls)
	}{
		{"make and change", makeWorkspace},
		{"names", workspaceNames},
		{"places", workspacePlaces},
		{"experiments", dividedExperiments},
		{"runs", dividedRuns},
		{"logged models", dividedLoggedModels},
		{"registry", dividedRegistry},
		{"sources", dividedSources},
		{"delete an empty one only", deleteEmptyWorkspace},
		{"delete all in it", deleteWholeWorkspace},
		{"move all in it", moveWorkspace},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(&walls{probe: &probe{T: t, Server: s, mark: strings.ToLower(rand.Text()[:12])}, Workspaces: s})
		})
	}
}

// walls is a check of a server with workspaces.
type walls struct {
	*probe
	mlflow.Workspaces
}

// workspace makes a workspace and returns its name with a context in it.
func (p *walls) workspace(word string) (string, context.Context) {
	p.Helper()
	name := p.named(word)
	_, err := p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: name})
	p.must(err)
	return name, mlflow.WithWorkspace(p.Context(), name)
}

// experimentIn makes an experiment.
func (p *walls) experimentIn(ctx context.Context, name string) string {
	p.Helper()
	id, err := p.CreateExperiment(ctx, mlflow.NewExperiment{Name: name})
	p.must(err)
	return id
}

// versionIn registers a first version under a new name.
func (p *walls) versionIn(ctx context.Context, name, source string) {
	p.Helper()
	_, err := p.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: name})
	p.must(err)
	_, err = p.CreateModelVersion(ctx, mlflow.NewVersion{Name: name, Source: source})
	p.must(err)
}

func makeWorkspace(p *walls) {
	name := p.named("team")
	made, err := p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: name, Description: new("é"), ArtifactRoot: new("s3://bucket/x")})
	p.must(err)
	want := mlflow.Workspace{Name: name, Description: new("é"), ArtifactRoot: new("s3://bucket/x")}
	p.equal("what was made", made, want)
	_, err = p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: name})
	p.refused(err, mlflow.ResourceAlreadyExists, "Workspace '"+name+"' already exists. Error: …")
	changed, err := p.UpdateWorkspace(p.Context(), mlflow.Workspace{Name: name, ArtifactRoot: new(""),
		Archival: &mlflow.TraceArchival{Location: new("s3://bucket/old"), Retention: new("30d")}})
	p.must(err)
	want.ArtifactRoot, want.Archival = nil, &mlflow.TraceArchival{Location: new("s3://bucket/old"), Retention: new("30d")}
	p.equal("what was changed", changed, want)
	got, err := p.GetWorkspace(p.Context(), name)
	p.must(err)
	p.equal("what is there", got, want)
	list, err := p.ListWorkspaces(p.Context())
	p.must(err)
	seen := map[string]bool{}
	for _, w := range list {
		seen[w.Name] = true
	}
	if !seen[name] || !seen[mlflow.DefaultWorkspace] {
		p.Errorf("the list has %v", seen)
	}
	p.must(p.DeleteWorkspace(p.Context(), name, mlflow.OnlyEmpty))
	gone := "Workspace '" + name + "' not found"
	_, err = p.GetWorkspace(p.Context(), name)
	p.refused(err, mlflow.ResourceDoesNotExist, gone)
	_, err = p.UpdateWorkspace(p.Context(), mlflow.Workspace{Name: name, Description: new("x")})
	p.refused(err, mlflow.ResourceDoesNotExist, gone)
	p.refused(p.DeleteWorkspace(p.Context(), name, mlflow.OnlyEmpty), mlflow.ResourceDoesNotExist, gone)
}

func workspaceNames(p *walls) {
	for name, text := range map[string]string{
		"x":                     "Workspace name 'x' must be between 2 and 63 characters.",
		strings.Repeat("x", 64): "Workspace name '" + strings.Repeat("x", 64) + "' must be between 2 and 63 characters.",
		"Team":                  "Workspace name 'Team' must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ (lowercase alphanumeric with optional internal hyphens).",
		"ajax-api":              "Workspace name 'ajax-api' is reserved and cannot be used.",
	} {
		_, err := p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: name})
		p.refused(err, mlflow.InvalidParameterValue, text)
	}
}

func workspacePlaces(p *walls) {
	name, in := p.workspace("team")
	place := func(ctx context.Context, id string) string {
		e, err := p.GetExperiment(ctx, id)
		p.must(err)
		return e.ArtifactLocation
	}
	id := p.experimentIn(in, "e")
	if got := place(in, id); !strings.HasSuffix(got, "/workspaces/"+name+"/"+id) {
		p.Errorf("artifacts lie in %s", got)
	}
	id = p.experimentIn(p.Context(), p.named("e"))
	if got := place(p.Context(), id); !strings.HasSuffix(got, "/workspaces/default/"+id) {
		p.Errorf("artifacts of the default workspace lie in %s", got)
	}
	_, err := p.CreateExperiment(in, mlflow.NewExperiment{Name: "x", ArtifactLocation: "s3://bucket/x"})
	p.refused(err, mlflow.InvalidParameterValue, "artifact_location cannot be specified when workspaces are enabled")
	own := p.named("own")
	_, err = p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: own, ArtifactRoot: new("s3://bucket/own")})
	p.must(err)
	in = mlflow.WithWorkspace(p.Context(), own)
	id = p.experimentIn(in, "e")
	p.equal("place in the workspace's own", place(in, id), "s3://bucket/own/"+id)
}

func dividedExperiments(p *walls) {
	_, a := p.workspace("a")
	_, b := p.workspace("b")
	id := p.experimentIn(a, "shared")
	other := p.experimentIn(b, "shared")
	missing := "No Experiment with id=" + id + " exists"
	for _, ctx := range []context.Context{b, p.Context()} {
		_, err := p.GetExperiment(ctx, id)
		p.refused(err, mlflow.ResourceDoesNotExist, missing)
		p.refused(p.RenameExperiment(ctx, id, "x"), mlflow.ResourceDoesNotExist, missing)
		p.refused(p.DeleteExperiment(ctx, id), mlflow.ResourceDoesNotExist, missing)
		p.refused(p.SetExperimentTag(ctx, id, mlflow.Tag{Key: "k", Value: "v"}), mlflow.ResourceDoesNotExist, missing)
		_, err = p.CreateRun(ctx, mlflow.NewRun{ExperimentID: id})
		p.refused(err, mlflow.ResourceDoesNotExist, missing)
	}
	named, err := p.GetExperimentByName(b, "shared")
	p.must(err)
	p.equal("the experiment of that name", named.ID, other)
	found, err := p.SearchExperiments(b, mlflow.ExperimentQuery{ViewType: mlflow.All})
	p.must(err)
	p.equal("experiments", len(found.Items), 1)
	p.equal("experiment", found.Items[0].ID, other)
	_, err = p.CreateExperiment(b, mlflow.NewExperiment{Name: "shared"})
	p.refused(err, mlflow.ResourceAlreadyExists, "Experiment(name=shared) already exists.…")
}

func dividedRuns(p *walls) {
	_, a := p.workspace("a")
	_, b := p.workspace("b")
	experiment := p.experimentIn(a, "e")
	run, err := p.CreateRun(a, mlflow.NewRun{ExperimentID: experiment, StartTime: 1})
	p.must(err)
	id := run.Info.ID
	p.must(p.LogMetric(a, id, mlflow.Metric{Key: "m", Value: 1, Timestamp: 1}))
	p.must(p.LogInputs(a, id, []mlflow.DatasetInput{{Dataset: mlflow.Dataset{Name: "d", Digest: "1", SourceType: "t", Source: "s"}}}, nil))
	for what, err := range map[string]error{
		"get":     err2(p.GetRun(b, id)),
		"update":  err2(p.UpdateRun(b, mlflow.RunUpdate{ID: id, Status: mlflow.Killed})),
		"metric":  p.LogMetric(b, id, mlflow.Metric{Key: "m", Value: 2, Timestamp: 2}),
		"param":   p.LogParam(b, id, mlflow.Param{Key: "p", Value: "1"}),
		"tag":     p.SetTag(b, id, mlflow.Tag{Key: "t", Value: "1"}),
		"batch":   p.LogBatch(b, id, mlflow.Batch{Params: []mlflow.Param{{Key: "p", Value: "1"}}}),
		"inputs":  p.LogInputs(b, id, []mlflow.DatasetInput{{Dataset: mlflow.Dataset{Name: "x", Digest: "1", SourceType: "t", Source: "s"}}}, nil),
		"delete":  p.DeleteRun(b, id),
		"history": err2(p.MetricHistory(b, mlflow.HistoryQuery{RunID: id, Key: "m"})),
		"samples": err2(p.MetricIntervals(b, mlflow.IntervalQuery{RunIDs: []string{id}, Key: "m"})),
	} {
		if err == nil {
			p.Errorf("%s works from another workspace", what)
			continue
		}
		p.refused(err, mlflow.ResourceDoesNotExist, "Run with id="+id+" not found")
	}
	found, err := p.SearchRuns(b, mlflow.RunQuery{ExperimentIDs: []string{experiment}, ViewType: mlflow.All})
	p.must(err)
	p.equal("runs seen from another workspace", len(found.Items), 0)
	datasets, err := p.SearchDatasets(b, []string{experiment})
	p.must(err)
	p.equal("datasets seen from another workspace", len(datasets), 0)

	found, err = p.SearchRuns(a, mlflow.RunQuery{ExperimentIDs: []string{experiment}, ViewType: mlflow.All})
	p.must(err)
	p.equal("runs", len(found.Items), 1)
	p.equal("status", found.Items[0].Info.Status, mlflow.Running)
	p.equal("metrics", found.Items[0].Data.Metrics[0].Value, mlflow.Number(1))
	datasets, err = p.SearchDatasets(a, []string{experiment})
	p.must(err)
	p.equal("datasets", len(datasets), 1)
}

// err2 is the error of an answer.
func err2[T any](_ T, err error) error { return err }

func dividedLoggedModels(p *walls) {
	_, a := p.workspace("a")
	_, b := p.workspace("b")
	experiment := p.experimentIn(a, "e")
	m, err := p.CreateLoggedModel(a, mlflow.NewLoggedModel{ExperimentID: experiment, Name: "m"})
	p.must(err)
	id := m.Info.ID
	missing := "Logged model with ID '" + id + "' not found."
	_, err = p.GetLoggedModel(b, id)
	p.refused(err, mlflow.ResourceDoesNotExist, missing)
	_, err = p.FinalizeLoggedModel(b, id, mlflow.ModelReady)
	p.refused(err, mlflow.ResourceDoesNotExist, missing)
	_, err = p.SetLoggedModelTags(b, id, []mlflow.Tag{{Key: "k", Value: "v"}})
	p.refused(err, mlflow.ResourceDoesNotExist, missing)
	p.refused(p.DeleteLoggedModel(b, id), mlflow.ResourceDoesNotExist, missing)
	found, err := p.SearchLoggedModels(b, mlflow.LoggedModelQuery{ExperimentIDs: []string{experiment}})
	p.must(err)
	p.equal("logged models seen from another workspace", len(found.Items), 0)
	found, err = p.SearchLoggedModels(a, mlflow.LoggedModelQuery{ExperimentIDs: []string{experiment}})
	p.must(err)
	p.equal("logged models", len(found.Items), 1)
	p.equal("status", found.Items[0].Info.Status, mlflow.ModelPending)
}

func dividedRegistry(p *walls) {
	_, a := p.workspace("a")
	_, b := p.workspace("b")
	p.versionIn(a, "m", "s3://a/1")
	_, err := p.GetRegisteredModel(b, "m")
	p.refused(err, mlflow.ResourceDoesNotExist, "Registered Model with name=m not found")
	_, err = p.GetModelVersion(b, "m", "1")
	p.refused(err, mlflow.ResourceDoesNotExist, "Model Version (name=m, version=1) not found")
	p.versionIn(b, "m", "s3://b/1")
	for ctx, value := range map[context.Context]string{a: "a", b: "b"} {
		p.must(p.SetRegisteredModelTag(ctx, "m", mlflow.Tag{Key: "in", Value: value}))
		p.must(p.SetModelVersionTag(ctx, "m", "1", mlflow.Tag{Key: "in", Value: value}))
		p.must(p.SetAlias(ctx, "m", "best-"+value, "1"))
	}
	_, err = p.TransitionStage(b, mlflow.StageChange{Name: "m", Version: "1", Stage: mlflow.StageProduction})
	p.must(err)
	_, err = p.UpdateRegisteredModel(b, "m", "of b")
	p.must(err)

	m, err := p.GetRegisteredModel(a, "m")
	p.must(err)
	p.equal("description", m.Description, "")
	p.equal("tags", values(m.Tags), map[string]string{"in": "a"})
	p.equal("aliases", m.Aliases, []mlflow.Alias{{Alias: "best-a", Version: "1"}})
	v, err := p.GetVersionByAlias(a, "m", "best-a")
	p.must(err)
	p.equal("source", v.Source, "s3://a/1")
	p.equal("stage", v.CurrentStage, mlflow.StageNone)
	p.equal("tags of the version", values(v.Tags), map[string]string{"in": "a"})
	_, err = p.GetVersionByAlias(a, "m", "best-b")
	p.refused(err, mlflow.InvalidParameterValue, "Registered model alias best-b not found.")
	for _, filter := range []string{"", "tags.`in` = 'a'"} {
		versions, err := p.SearchModelVersions(a, mlflow.RegistryQuery{Filter: filter})
		p.must(err)
		p.equal("versions", len(versions.Items), 1)
		models, err := p.SearchRegisteredModels(a, mlflow.RegistryQuery{Filter: filter})
		p.must(err)
		p.equal("models", len(models.Items), 1)
	}
	none, err := p.SearchModelVersions(a, mlflow.RegistryQuery{Filter: "tags.`in` = 'b'"})
	p.must(err)
	p.equal("versions with a tag of another workspace", len(none.Items), 0)
	nobody, err := p.SearchRegisteredModels(a, mlflow.RegistryQuery{Filter: "tags.`in` = 'b'"})
	p.must(err)
	p.equal("models with a tag of another workspace", len(nobody.Items), 0)
	p.versionIn(a, "longer", "s3://a/1")
	p.versionIn(b, "longer", "s3://b/1")
	_, err = p.CreateModelVersion(b, mlflow.NewVersion{Name: "longer", Source: "s3://b/2"})
	p.must(err)
	latest, err := p.LatestVersions(a, "longer", nil)
	p.must(err)
	p.equal("latest versions", len(latest), 1)
	p.equal("the latest version", latest[0].Source, "s3://a/1")

	_, err = p.RenameRegisteredModel(a, "m", "n")
	p.must(err)
	p.must(p.DeleteRegisteredModel(b, "m"))
	v, err = p.GetModelVersion(a, "n", "1")
	p.must(err)
	p.equal("what is left in the one workspace", v.Source, "s3://a/1")
}

func dividedSources(p *walls) {
	_, a := p.workspace("a")
	_, b := p.workspace("b")
	p.versionIn(a, "m", "s3://a/1")
	_, err := p.CreateRegisteredModel(b, mlflow.NewRegisteredModel{Name: "copy"})
	p.must(err)
	_, err = p.CreateModelVersion(b, mlflow.NewVersion{Name: "copy", Source: "models:/m/1"})
	p.equal("code of a copy of another workspace's version", mlflow.CodeOf(err), mlflow.ResourceDoesNotExist)
}

func deleteEmptyWorkspace(p *walls) {
	name, in := p.workspace("team")
	p.versionIn(in, "m", "s3://a/1")
	p.refused(p.DeleteWorkspace(p.Context(), name, mlflow.OnlyEmpty), mlflow.InvalidState,
		"Cannot delete workspace '"+name+"': table 'registered_models' still contains 1 resource(s). Remove or reassign them before deleting the workspace.")
	p.must(p.DeleteRegisteredModel(in, "m"))
	id := p.experimentIn(in, "e")
	p.must(p.DeleteExperiment(in, id))
	p.refused(p.DeleteWorkspace(p.Context(), name, mlflow.OnlyEmpty), mlflow.InvalidState,
		"Cannot delete workspace '"+name+"': table 'experiments' still contains 1 resource(s). Remove or reassign them before deleting the workspace.")
}

// fill puts something of everything into a workspace; the names of the experiment
// and the model are the word.
func (p *walls) fill(in context.Context, word string) (run string) {
	p.Helper()
	experiment := p.experimentIn(in, word)
	r, err := p.CreateRun(in, mlflow.NewRun{ExperimentID: experiment, StartTime: 1, Tags: []mlflow.Tag{{Key: "k", Value: "v"}}})
	p.must(err)
	m, err := p.CreateLoggedModel(in, mlflow.NewLoggedModel{ExperimentID: experiment, Name: "m", SourceRunID: r.Info.ID,
		Params: []mlflow.Param{{Key: "p", Value: "1"}}, Tags: []mlflow.Tag{{Key: "k", Value: "v"}}})
	p.must(err)
	p.must(p.LogBatch(in, r.Info.ID, mlflow.Batch{
		Params:  []mlflow.Param{{Key: "p", Value: "1"}},
		Metrics: []mlflow.Metric{{Key: "m", Value: 1, Timestamp: 1, ModelID: m.Info.ID}},
	}))
	p.must(p.LogInputs(in, r.Info.ID, []mlflow.DatasetInput{{Dataset: mlflow.Dataset{Name: "d", Digest: "1", SourceType: "t", Source: "s"},
		Tags: []mlflow.Tag{{Key: "k", Value: "v"}}}}, nil))
	p.must(p.LogOutputs(in, r.Info.ID, []mlflow.ModelOutput{{ModelID: m.Info.ID}}))
	p.versionIn(in, word, "s3://"+word+"/1")
	p.must(p.SetModelVersionTag(in, word, "1", mlflow.Tag{Key: "k", Value: "v"}))
	p.must(p.SetRegisteredModelTag(in, word, mlflow.Tag{Key: "k", Value: "v"}))
	p.must(p.SetAlias(in, word, "best", "1"))
	return r.Info.ID
}

func deleteWholeWorkspace(p *walls) {
	name, in := p.workspace("team")
	word := p.named("all")
	run := p.fill(in, word)
	p.must(p.DeleteWorkspace(p.Context(), name, mlflow.DeleteAll))
	_, err := p.CreateWorkspace(p.Context(), mlflow.Workspace{Name: name})
	p.must(err)
	_, err = p.GetRun(in, run)
	p.refused(err, mlflow.ResourceDoesNotExist, "Run with id="+run+" not found")
	p.fill(in, word) // all names are free
}

func moveWorkspace(p *walls) {
	name, in := p.workspace("team")
	word := p.named("moved")
	run := p.fill(in, word)
	taken := p.experimentIn(p.Context(), word)
	p.refused(p.DeleteWorkspace(p.Context(), name, mlflow.MoveToDefault), mlflow.InvalidState,
		"Cannot reassign resources from workspace '"+name+"' to 'default': the following names already exist in the default workspace and would cause conflicts:\n"+
			"  - experiments: '"+word+"'\nRename or remove the conflicting resources before retrying.")
	p.must(p.RenameExperiment(p.Context(), taken, word+"-2"))
	p.must(p.DeleteWorkspace(p.Context(), name, mlflow.MoveToDefault))
	p.equal("the run that moved", p.read(run).Data.Tag("k"), "v")
	v, err := p.GetVersionByAlias(p.Context(), word, "best")
	p.must(err)
	p.equal("the version that moved", v.Source, "s3://"+word+"/1")
	p.equal("its tags", values(v.Tags), map[string]string{"k": "v"})
}
