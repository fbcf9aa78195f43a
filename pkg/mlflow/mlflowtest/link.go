package mlflowtest

import (
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var linkChecks = []check{
	{"datasets", logDatasets},
	{"a dataset twice", datasetTwice},
	{"logged models", linkModels},
	{"dataset search", searchDatasets},
}

// dataset is a dataset in its part of a run.
func dataset(name, part string) mlflow.DatasetInput {
	return mlflow.DatasetInput{
		Dataset: mlflow.Dataset{Name: name, Digest: "d1", SourceType: "local", Source: `{"uri":"x.csv"}`, Schema: `{"a":1}`, Profile: `{"rows":2}`},
		Tags:    []mlflow.Tag{{Key: "mlflow.data.context", Value: part}},
	}
}

func logDatasets(p *probe) {
	run := p.run().ID
	want := dataset(p.named("sales"), "training")
	p.must(p.LogInputs(p.Context(), run, []mlflow.DatasetInput{want}, nil))
	p.equal("inputs", p.read(run).Inputs.Datasets, []mlflow.DatasetInput{want})
}

func datasetTwice(p *probe) {
	experiment := p.experiment()
	a, b := p.runIn(experiment, "a").ID, p.runIn(experiment, "b").ID
	name := p.named("sales")
	for _, run := range []string{a, a, b} {
		p.must(p.LogInputs(p.Context(), run, []mlflow.DatasetInput{dataset(name, "training")}, nil))
	}
	p.equal("datasets of a", len(p.read(a).Inputs.Datasets), 1)
	p.equal("datasets of b", len(p.read(b).Inputs.Datasets), 1)
}

func linkModels(p *probe) {
	run := p.run()
	read, made := p.loggedModel(run.ExperimentID, "read"), p.loggedModel(run.ExperimentID, "made")
	p.must(p.LogInputs(p.Context(), run.ID, nil, []mlflow.ModelInput{{ModelID: read}}))
	p.must(p.LogOutputs(p.Context(), run.ID, []mlflow.ModelOutput{{ModelID: made, Step: 7}}))
	r := p.read(run.ID)
	p.equal("inputs", r.Inputs.Models, []mlflow.ModelInput{{ModelID: read}})
	p.equal("outputs", r.Outputs.Models, []mlflow.ModelOutput{{ModelID: made, Step: 7}})
}

func searchDatasets(p *probe) {
	run := p.run()
	name := p.named("sales")
	p.must(p.LogInputs(p.Context(), run.ID, []mlflow.DatasetInput{dataset(name, "testing")}, nil))
	got, err := p.SearchDatasets(p.Context(), []string{run.ExperimentID})
	p.must(err)
	p.equal("datasets", got, []mlflow.DatasetSummary{{ExperimentID: run.ExperimentID, Name: name, Digest: "d1", Context: "testing"}})
}
