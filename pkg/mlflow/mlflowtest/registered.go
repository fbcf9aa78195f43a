package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var registeredChecks = []check{
	{"create and get", createRegistered},
	{"names", registeredNames},
	{"missing", missingRegistered},
	{"update", updateRegistered},
	{"tags", registeredTags},
	{"rename", renameRegistered},
	{"rename to a name that is taken", renameToTaken},
	{"delete", deleteRegistered},
}

// model reads a registered model.
func (p *probe) model(name string) mlflow.RegisteredModel {
	p.Helper()
	m, err := p.GetRegisteredModel(p.Context(), name)
	p.must(err)
	return m
}

func createRegistered(p *probe) {
	name := p.named("modèle 🚀 (x)")
	made, err := p.CreateRegisteredModel(p.Context(), mlflow.NewRegisteredModel{
		Name: name, Description: "what it is", Tags: []mlflow.Tag{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}, {Key: "e", Value: ""}},
	})
	p.must(err)
	p.equal("name", made.Name, name)
	m := p.model(name)
	p.equal("name", m.Name, name)
	p.equal("description", m.Description, "what it is")
	p.equal("tags", values(m.Tags), map[string]string{"k": "2", "e": ""})
	p.equal("versions", len(m.LatestVersions), 0)
	p.equal("aliases", len(m.Aliases), 0)
	p.equal("last change", m.LastUpdatedTime, m.CreationTime)
	_, err = p.CreateRegisteredModel(p.Context(), mlflow.NewRegisteredModel{Name: name})
	p.refused(err, mlflow.ResourceAlreadyExists, "Registered Model (name="+name+") already exists.")
}

func registeredNames(p *probe) {
	for name, text := range map[string]string{
		"":    "Missing value for required parameter 'name'.…",
		"  ":  "Missing value for required parameter 'name'.…",
		"a/b": "Invalid model name 'a/b'. Names cannot contain '/' or ':'.",
		"a:b": "Invalid model name 'a:b'. Names cannot contain '/' or ':'.",
		"..":  `Invalid value ".." for parameter 'name' supplied: ` + badPath + "'..'",
		".":   `Invalid value "." for parameter 'name' supplied: ` + badPath + "'.'",
		"..é": `Invalid value "..\u00e9" for parameter 'name' supplied: ` + badPath + "'..é'",
	} {
		_, err := p.CreateRegisteredModel(p.Context(), mlflow.NewRegisteredModel{Name: name})
		p.refused(err, mlflow.InvalidParameterValue, text)
		_, err = p.GetRegisteredModel(p.Context(), name)
		p.refused(err, mlflow.InvalidParameterValue, text)
	}
}

func missingRegistered(p *probe) {
	text := "Registered Model with name=" + p.mark + " not found"
	_, err := p.GetRegisteredModel(p.Context(), p.mark)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.UpdateRegisteredModel(p.Context(), p.mark, "x")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.RenameRegisteredModel(p.Context(), p.mark, "x"+p.mark)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: p.mark, Source: "s3://bucket/x"})
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.LatestVersions(p.Context(), p.mark, nil)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteRegisteredModel(p.Context(), p.mark), mlflow.ResourceDoesNotExist, text)
	p.refused(p.SetRegisteredModelTag(p.Context(), p.mark, mlflow.Tag{Key: "k", Value: "v"}), mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteRegisteredModelTag(p.Context(), p.mark, "k"), mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteAlias(p.Context(), p.mark, "a"), mlflow.ResourceDoesNotExist, text)
	_, err = p.GetVersionByAlias(p.Context(), p.mark, "a")
	p.refused(err, mlflow.ResourceDoesNotExist, text)
}

func updateRegistered(p *probe) {
	name := p.registered("model")
	m, err := p.UpdateRegisteredModel(p.Context(), name, "new")
	p.must(err)
	p.equal("the answer", m.Description, "new")
	p.equal("description", p.model(name).Description, "new")
	_, err = p.UpdateRegisteredModel(p.Context(), name, "")
	p.must(err)
	p.equal("description", p.model(name).Description, "")
}

func registeredTags(p *probe) {
	name := p.registered("model")
	for _, value := range []string{"one", "two"} {
		p.must(p.SetRegisteredModelTag(p.Context(), name, mlflow.Tag{Key: "a/b.c d", Value: value}))
	}
	p.must(p.SetRegisteredModelTag(p.Context(), name, mlflow.Tag{Key: "gone", Value: "x"}))
	for range 2 { // a tag that is not there may be deleted
		p.must(p.DeleteRegisteredModelTag(p.Context(), name, "gone"))
	}
	p.equal("tags", values(p.model(name).Tags), map[string]string{"a/b.c d": "two"})
	set := func(key, value string) error {
		return p.SetRegisteredModelTag(p.Context(), name, mlflow.Tag{Key: key, Value: value})
	}
	p.refused(set("a?", "v"), mlflow.InvalidParameterValue, `Invalid value "a?" for parameter 'key' supplied: `+badCharacters)
	p.refused(set(strings.Repeat("k", 251), "v"), mlflow.InvalidParameterValue, "'key' exceeds the maximum length of 250 characters")
	p.refused(set("k", strings.Repeat("v", mlflow.MaxModelTag+1)), mlflow.InvalidParameterValue, "'value' exceeds the maximum length of 100000 characters")
}

func renameRegistered(p *probe) {
	old, name := p.registered("model"), p.named("other")
	v := p.version(old)
	p.must(p.SetRegisteredModelTag(p.Context(), old, mlflow.Tag{Key: "k", Value: "v"}))
	p.must(p.SetModelVersionTag(p.Context(), old, v.Version, mlflow.Tag{Key: "w", Value: "x"}))
	p.must(p.SetAlias(p.Context(), old, "champion", v.Version))
	m, err := p.RenameRegisteredModel(p.Context(), old, name)
	p.must(err)
	p.equal("the answer", m.Name, name)
	_, err = p.GetRegisteredModel(p.Context(), old)
	p.refused(err, mlflow.ResourceDoesNotExist, "Registered Model with name="+old+" not found")
	m = p.model(name)
	p.equal("tags", values(m.Tags), map[string]string{"k": "v"})
	p.equal("aliases", m.Aliases, []mlflow.Alias{{Alias: "champion", Version: "1"}})
	got, err := p.GetModelVersion(p.Context(), name, "1")
	p.must(err)
	p.equal("name of the version", got.Name, name)
	p.equal("tags of the version", values(got.Tags), map[string]string{"w": "x"})
	p.equal("source of the version", got.Source, v.Source)
}

func renameToTaken(p *probe) {
	a, b := p.registered("a"), p.registered("b")
	_, err := p.RenameRegisteredModel(p.Context(), a, b)
	p.refused(err, mlflow.ResourceAlreadyExists, "Registered Model (name="+b+") already exists.…")
	_, err = p.RenameRegisteredModel(p.Context(), a, "x/y")
	p.refused(err, mlflow.InvalidParameterValue, "Invalid model name 'x/y'. Names cannot contain '/' or ':'.")
	_, err = p.RenameRegisteredModel(p.Context(), a, a)
	p.must(err)
	p.equal("name", p.model(a).Name, a)
}

func deleteRegistered(p *probe) {
	name := p.registered("model")
	v := p.version(name)
	p.must(p.SetModelVersionTag(p.Context(), name, v.Version, mlflow.Tag{Key: "k", Value: "v"}))
	p.must(p.SetAlias(p.Context(), name, "champion", v.Version))
	p.must(p.DeleteRegisteredModel(p.Context(), name))
	_, err := p.GetRegisteredModel(p.Context(), name)
	p.refused(err, mlflow.ResourceDoesNotExist, "Registered Model with name="+name+" not found")
	_, err = p.GetModelVersion(p.Context(), name, "1")
	p.refused(err, mlflow.ResourceDoesNotExist, "Model Version (name="+name+", version=1) not found")
	again := p.registered("model")
	p.equal("name", again, name)
	p.equal("aliases", len(p.model(name).Aliases), 0)
	p.equal("the first version", p.version(name).Version, "1")
}
