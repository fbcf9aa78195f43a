package mlflowtest

import (
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var searchChecks = []check{
	{"experiments", searchExperiments},
	{"runs", searchRuns},
	{"the order of runs", orderRuns},
	{"deleted runs", searchDeletedRuns},
	{"registered models", searchRegistered},
	{"versions", searchVersions},
	{"what cannot be read", badFilters},
}

func searchExperiments(p *probe) {
	ids := map[string]string{}
	for _, word := range []string{"a", "b", "c"} {
		id, err := p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: p.named(word), Tags: []mlflow.Tag{{Key: "mark", Value: p.mark}, {Key: "word", Value: word}}})
		p.must(err)
		ids[id] = word
	}
	find := func(filter string, view mlflow.ViewType, order ...string) []string {
		return collect(p, func(e mlflow.Experiment) string { return ids[e.ID] }, func(token string) (mlflow.Page[mlflow.Experiment], error) {
			return p.SearchExperiments(p.Context(), mlflow.ExperimentQuery{Filter: filter, ViewType: view, OrderBy: order, MaxResults: 2, PageToken: token})
		})
	}
	all := "tags.mark = '" + p.mark + "'"
	p.equal("by id, downwards", find(all, "", "experiment_id DESC"), []string{"c", "b", "a"})
	p.equal("by name", find(all, "", "name ASC"), []string{"a", "b", "c"})
	p.equal("of a name", find("name = '"+p.named("b")+"'", ""), []string{"b"})
	p.equal("like a name", find("name LIKE '%"+p.mark+"' AND tags.word != 'a'", "", "name"), []string{"b", "c"})
	p.equal("in any case", find("attribute.name ILIKE 'A-"+p.mark+"'", ""), []string{"a"})
	b, err := p.GetExperimentByName(p.Context(), p.named("b"))
	p.must(err)
	p.must(p.DeleteExperiment(p.Context(), b.ID))
	p.equal("active ones", find(all, mlflow.ActiveOnly, "name"), []string{"a", "c"})
	p.equal("deleted ones", find(all, mlflow.DeletedOnly, "name"), []string{"b"})
	p.equal("both", find(all, mlflow.All, "name"), []string{"a", "b", "c"})
}

// runs makes three runs and returns a search among them, which answers with
// their names.
func (p *probe) runs() func(filter string, view mlflow.ViewType, order ...string) []string {
	p.Helper()
	experiment := p.experiment()
	for i, name := range []string{"a", "b", "c"} {
		id := p.runIn(experiment, name, mlflow.Tag{Key: "tag word", Value: "T" + name}).ID
		p.must(p.LogBatch(p.Context(), id, mlflow.Batch{
			Metrics: []mlflow.Metric{metric("rmse", float64(3-i), 0)},
			Params:  []mlflow.Param{{Key: "depth", Value: []string{"2", "10", "2"}[i]}},
		}))
	}
	return func(filter string, view mlflow.ViewType, order ...string) []string {
		return collect(p, func(r mlflow.Run) string { return r.Info.Name }, func(token string) (mlflow.Page[mlflow.Run], error) {
			return p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{experiment}, Filter: filter, ViewType: view, OrderBy: order, MaxResults: 2, PageToken: token})
		})
	}
}

func searchRuns(p *probe) {
	find := p.runs()
	for filter, want := range map[string][]string{
		"":                 {"a", "b", "c"},
		"metrics.rmse < 3": {"b", "c"},
		"metrics.rmse >= 2 AND metrics.rmse != 3.0":                     {"b"},
		"params.depth = '2'":                                            {"a", "c"},
		"params.depth LIKE '1%'":                                        {"b"},
		"tags.`tag word` = 'Tb'":                                        {"b"},
		"tag.\"tag word\" ILIKE 'ta'":                                   {"a"},
		"attributes.run_name LIKE '%c'":                                 {"c"},
		"run_name != 'a' and params.depth = '2' and status = 'RUNNING'": {"c"},
		"params.missing != 'x'":                                         nil,
	} {
		p.equal(filter, find(filter, "", "attributes.run_name ASC"), want)
	}
}

func orderRuns(p *probe) {
	find := p.runs()
	p.equal("by metric", find("", "", "metrics.rmse ASC"), []string{"c", "b", "a"})
	p.equal("by metric, downwards", find("", "", "metrics.rmse DESC"), []string{"a", "b", "c"})
	p.equal("by param, as text, and name", find("", "", "params.depth", "run_name DESC"), []string{"b", "c", "a"})
	p.equal("by tag", find("", "", "tags.`tag word` DESC"), []string{"c", "b", "a"})
}

func searchDeletedRuns(p *probe) {
	find := p.runs()
	experiment, err := p.GetExperimentByName(p.Context(), p.named("experiment"))
	p.must(err)
	b, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{experiment.ID}, Filter: "run_name = 'b'"})
	p.must(err)
	p.must(p.DeleteRun(p.Context(), b.Items[0].Info.ID))
	p.equal("active", find("", "", "run_name"), []string{"a", "c"})
	p.equal("deleted", find("", mlflow.DeletedOnly, "run_name"), []string{"b"})
	p.equal("all", find("", mlflow.All, "run_name"), []string{"a", "b", "c"})
}

func searchRegistered(p *probe) {
	word := map[string]string{}
	for _, w := range []string{"a", "b", "c"} {
		name := p.registered(w)
		word[name] = w
		p.must(p.SetRegisteredModelTag(p.Context(), name, mlflow.Tag{Key: "word", Value: w}))
	}
	p.version(p.named("b"))
	p.must(p.SetAlias(p.Context(), p.named("b"), "champion", "1"))
	find := func(filter string, order ...string) []string {
		return collect(p, func(m mlflow.RegisteredModel) string { return word[m.Name] }, func(token string) (mlflow.Page[mlflow.RegisteredModel], error) {
			return p.SearchRegisteredModels(p.Context(), mlflow.RegistryQuery{Filter: filter, OrderBy: order, MaxResults: 2, PageToken: token})
		})
	}
	all := "name LIKE '%" + p.mark + "'"
	p.equal("by name", find(all), []string{"a", "b", "c"})
	p.equal("by name, downwards", find(all, "name DESC"), []string{"c", "b", "a"})
	p.equal("of a name", find("name = '"+p.named("b")+"'"), []string{"b"})
	p.equal("of a tag", find(all+" AND tags.word = 'c'"), []string{"c"})
	p.equal("no prompts", find(all+" AND tag.`mlflow.prompt.is_prompt` != 'true'"), []string{"a", "b", "c"})
	b, err := p.SearchRegisteredModels(p.Context(), mlflow.RegistryQuery{Filter: "name = '" + p.named("b") + "'"})
	p.must(err)
	p.equal("its aliases", b.Items[0].Aliases, []mlflow.Alias{{Alias: "champion", Version: "1"}})
	p.equal("its newest version", byStage(b.Items[0].LatestVersions), map[string]string{"None": "1"})
}

func searchVersions(p *probe) {
	run, name := p.run().ID, p.registered("model")
	for i := range 3 {
		v := mlflow.NewVersion{Name: name, Source: "s3://bucket/model", Tags: []mlflow.Tag{{Key: "i", Value: string(rune('0' + i))}}}
		if i == 1 {
			v.RunID = run
		}
		_, err := p.CreateModelVersion(p.Context(), v)
		p.must(err)
	}
	find := func(filter string, order ...string) []string {
		return collect(p, func(v mlflow.ModelVersion) string { return v.Version }, func(token string) (mlflow.Page[mlflow.ModelVersion], error) {
			return p.SearchModelVersions(p.Context(), mlflow.RegistryQuery{Filter: filter, OrderBy: order, MaxResults: 2, PageToken: token})
		})
	}
	of := "name='" + name + "'"
	p.equal("upwards", find(of, "version_number ASC"), []string{"1", "2", "3"})
	p.equal("downwards", find(of, "name", "version_number DESC"), []string{"3", "2", "1"})
	p.equal("of a run", find("run_id = '"+run+"'"), []string{"2"})
	p.equal("of a tag", find(of+" and tags.i = '2'"), []string{"3"})
	p.equal("from a number on", find(of+" and version_number >= 2", "version_number"), []string{"2", "3"})
}

func badFilters(p *probe) {
	id := p.experiment()
	for _, filter := range []string{"metrics.rmse < 'x'", "depth", "params.depth = 2", "params.depth < '2'", "foo.bar = 'x'", "metrics.rmse > 1 OR metrics.rmse < 0"} {
		_, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{id}, Filter: filter})
		p.equal(filter, mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	}
	_, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{id}, OrderBy: []string{"rmse upwards"}})
	p.equal("order", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	_, err = p.SearchModelVersions(p.Context(), mlflow.RegistryQuery{Filter: "stage = 'x'"})
	p.equal("versions", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	_, err = p.SearchRegisteredModels(p.Context(), mlflow.RegistryQuery{Filter: "version > 1"})
	p.equal("registered models", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	_, err = p.SearchExperiments(p.Context(), mlflow.ExperimentQuery{Filter: "metrics.x = 1"})
	p.equal("experiments", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
}
