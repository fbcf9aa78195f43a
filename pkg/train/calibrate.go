package train

import (
	"slices"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/pipeline"
)

// calibrate learns the intervals of each forecaster from its errors in the
// backtest.
func (t *training) calibrate(r evaluate.Result) error {
	residuals := map[string][]conformal.Residual{}
	for _, row := range r.Rows {
		residuals[row.Model] = append(residuals[row.Model], conformal.Residual{
			Horizon: row.Horizon, Error: row.Actual - row.Forecast, Scale: row.Scale,
		})
	}
	t.evaluation.Bands = map[string]conformal.Table{}
	for _, name := range r.Models {
		table, err := conformal.Calibrate(residuals[name], conformal.Options{Levels: pipeline.Levels()})
		if err != nil {
			return err
		}
		t.evaluation.Bands[name] = table
		for _, w := range table.Warnings { // of all forecasters the same: it is a matter of how many rows there are
			if !slices.Contains(t.report.Warnings, w) {
				t.report.Warnings = append(t.report.Warnings, w)
			}
		}
	}
	return nil
}
