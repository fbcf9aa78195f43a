package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var aliasChecks = []check{
	{"set, move, delete", moveAlias},
	{"several of one version", severalAliases},
	{"latest", latestAlias},
	{"names", aliasNames},
	{"missing", missingAlias},
}

func moveAlias(p *probe) {
	name := p.registered("model")
	p.version(name)
	p.version(name)
	for _, version := range []string{"1", "2", "2"} {
		p.must(p.SetAlias(p.Context(), name, "champion", version))
		v, err := p.GetVersionByAlias(p.Context(), name, "champion")
		p.must(err)
		p.equal("version", v.Version, version)
		p.equal("its aliases", v.Aliases, []string{"champion"})
	}
	p.equal("aliases of the one before", len(p.readVersion(name, "1").Aliases), 0)
	p.equal("aliases of the model", p.model(name).Aliases, []mlflow.Alias{{Alias: "champion", Version: "2"}})
	for range 2 { // an alias that is not there may be deleted
		p.must(p.DeleteAlias(p.Context(), name, "champion"))
	}
	p.equal("aliases of the model", len(p.model(name).Aliases), 0)
}

func severalAliases(p *probe) {
	name := p.registered("model")
	p.version(name)
	for _, alias := range []string{"b_1", "a-1", "ünï"} {
		p.must(p.SetAlias(p.Context(), name, alias, "1"))
	}
	got := map[string]bool{}
	for _, alias := range p.readVersion(name, "1").Aliases {
		got[alias] = true
	}
	p.equal("aliases", got, map[string]bool{"b_1": true, "a-1": true, "ünï": true})
	latest, err := p.LatestVersions(p.Context(), name, nil)
	p.must(err)
	p.equal("aliases of the latest version", len(latest[0].Aliases), 3)
}

func latestAlias(p *probe) {
	name := p.registered("model")
	_, err := p.GetVersionByAlias(p.Context(), name, "latest")
	p.refused(err, mlflow.ResourceDoesNotExist, "Latest version not found for model "+name+".")
	for range 11 { // the eleventh is newer than the ninth, as numbers go
		p.version(name)
	}
	_, err = p.TransitionStage(p.Context(), mlflow.StageChange{Name: name, Version: "9", Stage: "Production"})
	p.must(err)
	v, err := p.GetVersionByAlias(p.Context(), name, "LATEST")
	p.must(err)
	p.equal("version", v.Version, "11")
}

func aliasNames(p *probe) {
	name := p.registered("model")
	p.version(name)
	for alias, text := range map[string]string{
		"a b":                    "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
		"a.b":                    "Invalid alias name: 'a.b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
		"🚀":                      "Invalid alias name: '🚀'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
		"Latest":                 "'latest' alias name (case insensitive) is reserved.",
		"V12":                    "Version alias name 'V12' is reserved.",
		strings.Repeat("a", 256): "'Registered model alias name' exceeds the maximum length of 255 characters",
	} {
		p.refused(p.SetAlias(p.Context(), name, alias, "1"), mlflow.InvalidParameterValue, text)
	}
	for _, alias := range []string{"v", "v1a", "1", strings.Repeat("ä", 255)} {
		p.must(p.SetAlias(p.Context(), name, alias, "1"))
	}
	p.refused(p.SetAlias(p.Context(), name, "champion", "x"), mlflow.InvalidParameterValue, "Parameter 'version' must be an integer, got 'x'.")
}

func missingAlias(p *probe) {
	name := p.registered("model")
	p.version(name)
	_, err := p.GetVersionByAlias(p.Context(), name, "champion")
	p.refused(err, mlflow.InvalidParameterValue, "Registered model alias champion not found.")
}
