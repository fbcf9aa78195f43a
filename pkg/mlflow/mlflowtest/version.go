package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var versionChecks = []check{
	{"create and get", createVersion},
	{"numbers", versionNumbers},
	{"missing", missingVersions},
	{"update", updateVersion},
	{"tags", versionTags},
	{"delete", deleteVersion},
	{"of a logged model", loggedVersion},
	{"of a logged model that is missing", missingLoggedVersion},
}

// readVersion reads a version.
func (p *probe) readVersion(name, version string) mlflow.ModelVersion {
	p.Helper()
	v, err := p.GetModelVersion(p.Context(), name, version)
	p.must(err)
	return v
}

// place returns where a version's files are.
func (p *probe) place(name, version string) string {
	p.Helper()
	uri, err := p.ModelVersionDownloadURI(p.Context(), name, version)
	p.must(err)
	return uri
}

func createVersion(p *probe) {
	run, name := p.run().ID, p.registered("model")
	made, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{
		Name: name, Source: "s3://bucket/model", RunID: run, RunLink: "http://x/y", Description: "what",
		Tags: []mlflow.Tag{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}},
	})
	p.must(err)
	v := p.readVersion(name, "1")
	p.equal("the version as it was made", made, v)
	p.equal("name", v.Name, name)
	p.equal("version", v.Version, "1")
	p.equal("stage", v.CurrentStage, mlflow.StageNone)
	p.equal("status", v.Status, mlflow.Ready)
	p.equal("source", v.Source, "s3://bucket/model")
	p.equal("place", p.place(name, "1"), "s3://bucket/model")
	p.equal("run", v.RunID, run)
	p.equal("link", v.RunLink, "http://x/y")
	p.equal("description", v.Description, "what")
	p.equal("tags", values(v.Tags), map[string]string{"k": "2"})
	p.equal("aliases", len(v.Aliases), 0)
	p.equal("last change", v.LastUpdatedTime, v.CreationTime)
	p.equal("last change of the model", p.model(name).LastUpdatedTime, v.CreationTime)
}

func versionNumbers(p *probe) {
	name := p.registered("model")
	p.equal("the first", p.version(name).Version, "1")
	p.equal("the second", p.version(name).Version, "2")
	p.must(p.DeleteModelVersion(p.Context(), name, "2"))
	p.equal("the third", p.version(name).Version, "3")
	latest := p.model(name).LatestVersions
	if len(latest) != 1 || latest[0].Version != "3" {
		p.Errorf("newest %+v", latest)
	}
}

func missingVersions(p *probe) {
	name := p.registered("model")
	text := "Model Version (name=" + name + ", version=7) not found"
	_, err := p.GetModelVersion(p.Context(), name, "7")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.UpdateModelVersion(p.Context(), name, "7", "x")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.ModelVersionDownloadURI(p.Context(), name, "7")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.TransitionStage(p.Context(), mlflow.StageChange{Name: name, Version: "7", Stage: "Staging"})
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteModelVersion(p.Context(), name, "7"), mlflow.ResourceDoesNotExist, text)
	p.refused(p.SetModelVersionTag(p.Context(), name, "7", mlflow.Tag{Key: "k", Value: "v"}), mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteModelVersionTag(p.Context(), name, "7", "k"), mlflow.ResourceDoesNotExist, text)
	p.refused(p.SetAlias(p.Context(), name, "champion", "7"), mlflow.ResourceDoesNotExist, text)
	_, err = p.GetModelVersion(p.Context(), name, "one")
	p.refused(err, mlflow.InvalidParameterValue, "Parameter 'version' must be an integer, got 'one'.")
}

func updateVersion(p *probe) {
	name := p.registered("model")
	p.version(name)
	v, err := p.UpdateModelVersion(p.Context(), name, "1", "better")
	p.must(err)
	p.equal("the answer", v, p.readVersion(name, "1"))
	p.equal("description", v.Description, "better")
}

func versionTags(p *probe) {
	name := p.registered("model")
	p.version(name)
	p.version(name)
	for _, value := range []string{"one", "two"} {
		p.must(p.SetModelVersionTag(p.Context(), name, "1", mlflow.Tag{Key: "k", Value: value}))
	}
	p.must(p.SetModelVersionTag(p.Context(), name, "1", mlflow.Tag{Key: "gone", Value: "x"}))
	for range 2 { // a tag that is not there may be deleted
		p.must(p.DeleteModelVersionTag(p.Context(), name, "1", "gone"))
	}
	p.equal("tags", values(p.readVersion(name, "1").Tags), map[string]string{"k": "two"})
	p.equal("tags of another version", values(p.readVersion(name, "2").Tags), map[string]string{})
	set := func(key, value string) error {
		return p.SetModelVersionTag(p.Context(), name, "1", mlflow.Tag{Key: key, Value: value})
	}
	p.refused(set("../k", "v"), mlflow.InvalidParameterValue, `Invalid value "../k" for parameter 'key' supplied: `+badPath+"'../k'")
	p.refused(set("k", strings.Repeat("v", mlflow.MaxModelTag+1)), mlflow.InvalidParameterValue, "'value' exceeds the maximum length of 100000 characters")
}

func deleteVersion(p *probe) {
	name := p.registered("model")
	p.version(name)
	p.version(name)
	p.must(p.SetAlias(p.Context(), name, "champion", "1"))
	p.must(p.SetAlias(p.Context(), name, "other", "2"))
	p.must(p.DeleteModelVersion(p.Context(), name, "1"))
	text := "Model Version (name=" + name + ", version=1) not found"
	_, err := p.GetModelVersion(p.Context(), name, "1")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.ModelVersionDownloadURI(p.Context(), name, "1")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteModelVersion(p.Context(), name, "1"), mlflow.ResourceDoesNotExist, text)
	p.equal("aliases", p.model(name).Aliases, []mlflow.Alias{{Alias: "other", Version: "2"}})
	found, err := p.SearchModelVersions(p.Context(), mlflow.RegistryQuery{Filter: "name='" + name + "'"})
	p.must(err)
	p.equal("versions that are found", len(found.Items), 1)
}

func loggedVersion(p *probe) {
	run, name := p.run(), p.registered("model")
	m, err := p.CreateLoggedModel(p.Context(), mlflow.NewLoggedModel{ExperimentID: run.ExperimentID, SourceRunID: run.ID})
	p.must(err)
	id := m.Info.ID
	for range 2 {
		_, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: name, Source: "models:/" + id, ModelID: id})
		p.must(err)
	}
	v := p.readVersion(name, "1")
	p.equal("source", v.Source, "models:/"+id)
	p.equal("place", p.place(name, "1"), m.Info.ArtifactURI)
	p.equal("run", v.RunID, run.ID)
	tag := strings.ReplaceAll(values(p.readModel(id).Info.Tags)["mlflow.modelVersions"], " ", "")
	p.equal("the model's versions", tag, `[{"name":"`+name+`","version":1},{"name":"`+name+`","version":2}]`)
}

func missingLoggedVersion(p *probe) {
	const id = "m-0123456789abcdef0123456789abcdef"
	name := p.registered("model")
	_, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: name, Source: "models:/" + id, ModelID: id})
	p.refused(err, mlflow.InternalError, "Unable to fetch model from model URI source artifact location 'models:/"+id+"'.Error: Logged model with ID '"+id+"' not found.")
	_, err = p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: name, Source: "s3://bucket/model", ModelID: id})
	p.refused(err, mlflow.ResourceDoesNotExist, "Logged model with ID '"+id+"' not found.")
	p.equal("versions", len(p.model(name).LatestVersions), 0)
}
