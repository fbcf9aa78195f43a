package mlflowtest

import (
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var pageChecks = []check{
	{"no end before the last", fullPages},
	{"tokens", badTokens},
	{"sizes", pageSizes},
}

// fullPages looks for rows that stand on two pages or on none.
func fullPages(p *probe) {
	experiment := p.experiment()
	var want []string
	for i := range 6 {
		name := fmt.Sprintf("run %d", i)
		p.runIn(experiment, name)
		want = append(want, name)
	}
	for size := 1; size <= 7; size++ {
		got := collect(p, func(r mlflow.Run) string { return r.Info.Name }, func(token string) (mlflow.Page[mlflow.Run], error) {
			page, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{experiment}, MaxResults: size, PageToken: token})
			if len(page.Items) > size {
				p.Errorf("%d runs on a page of %d", len(page.Items), size)
			}
			return page, err
		})
		slices.Sort(got)
		p.equal(fmt.Sprintf("runs in pages of %d", size), got, want)
	}
}

func badTokens(p *probe) {
	id := p.experiment()
	_, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{id}, PageToken: "no token"})
	p.refused(err, mlflow.InvalidParameterValue, "Invalid page token, could not base64-decode")
	_, err = p.SearchModelVersions(p.Context(), mlflow.RegistryQuery{PageToken: "no token"})
	p.refused(err, mlflow.InvalidParameterValue, "Invalid page token, could not base64-decode")
}

func pageSizes(p *probe) {
	id := p.experiment()
	_, err := p.SearchRuns(p.Context(), mlflow.RunQuery{ExperimentIDs: []string{id}, MaxResults: mlflow.MaxSearchRuns + 1})
	p.equal("too many runs", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	_, err = p.SearchRegisteredModels(p.Context(), mlflow.RegistryQuery{MaxResults: mlflow.MaxSearchPage + 1})
	p.equal("too many registered models", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
	_, err = p.SearchModelVersions(p.Context(), mlflow.RegistryQuery{MaxResults: mlflow.MaxSearchVersions + 1})
	p.equal("too many versions", mlflow.CodeOf(err), mlflow.InvalidParameterValue)
}
