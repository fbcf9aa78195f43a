package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/mlmodel"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/pipeline"
)

// PipelineFile is the pipeline in the folder of a registered version.
const PipelineFile = "model.pipeline"

// TagTrainedThrough is the tag of a version with the newest period that it learnt
// from.
const TagTrainedThrough = "salesctl.trained_through"

// xgboostForm is the release of XGBoost whose JSON form is written.
const xgboostForm = "3.2.0"

// regressorModels are the logged and registered names of regressors that stock
// Python can load: those of the Python original, and what it has not, which is
// logged alone.
func regressorModels() map[string]struct{ logged, registered string } {
	return map[string]struct{ logged, registered string }{
		"gbt":         {"xgboost_model", "XGB-" + RegisteredName},
		"rf":          {"randomforest_model", "RF-" + RegisteredName},
		"extra_trees": {"extratrees_model", ""},
	}
}

// models are what the training made: the pipeline, and its regressors in
// XGBoost's form.
func (t *training) models() ([]record.Model, error) {
	p, err := pipeline.Open(bytes.NewReader(t.report.File), int64(len(t.report.File)))
	if err != nil {
		return nil, err
	}
	return modelsOf(p, t.report.File, t.From.Version, t.Now())
}

// Import makes the record by which a pipeline file from elsewhere is registered.
func Import(file []byte, from Provenance, now time.Time) (record.Record, error) {
	p, err := pipeline.Open(bytes.NewReader(file), int64(len(file)))
	if err == nil {
		err = p.Warm()
	}
	if err != nil {
		return record.Record{}, err
	}
	at := now.UnixMilli()
	r := record.Record{
		ID: from.ID, Experiment: Experiment, Name: "Registered File", User: from.User, Status: mlflow.Finished, Start: at, End: at,
		Tags: []mlflow.Tag{{Key: "mlflow.user", Value: from.User}, {Key: "mlflow.source.name", Value: "salesctl models register"}, {Key: "mlflow.source.type", Value: "LOCAL"}},
	}
	r.Models, err = modelsOf(p, file, from.Version, now)
	return r, err
}

// modelsOf makes the folders. All of them carry the digest of the pipeline file,
// so that what one training made is found by it.
func modelsOf(p *pipeline.Pipeline, file []byte, version string, now time.Time) ([]record.Model, error) {
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	info := p.Info()
	through := info.TrainedThrough.String()
	shared := mlmodel.Model{
		RunID: record.RunID, ModelID: record.ModelID, MLflowVersion: mlflow.Release, Created: now,
		Metadata: map[string]any{"trained_through": through, "pipeline_sha256": digest},
	}
	folder := shared
	folder.Flavor, folder.FlavorVersion, folder.DataPath, folder.Data = mlmodel.Salesctl, version, PipelineFile, file
	folder.Signature = pipelineSignature(info)
	whole, err := modelFolder("pipeline", RegisteredName, folder, digest, through)
	if err != nil {
		return nil, err
	}
	out := []record.Model{whole}
	exports, err := p.Exports()
	if err != nil {
		return nil, err
	}
	for _, e := range exports {
		m, err := regressor(e, shared, digest, through)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// pipelineSignature are the columns of a row and its prediction.
func pipelineSignature(info pipeline.Info) mlmodel.Signature {
	var in []mlmodel.Column
	for _, name := range info.Schema.KeyNames {
		in = append(in, mlmodel.Column{Type: mlmodel.String, Name: name, Required: true})
	}
	in = append(in, mlmodel.Column{Type: mlmodel.Datetime, Name: "date", Required: true})
	in = append(in, mlmodel.Numbers(info.Schema.ColumnNames)...)
	return mlmodel.Signature{Inputs: in, Outputs: []mlmodel.Column{{Type: mlmodel.Double, Name: "prediction", Required: true}}}
}

// regressor is a regressor's folder. Its answers are no dollars: the metadata
// says what they are.
func regressor(e pipeline.Export, shared mlmodel.Model, digest, through string) (record.Model, error) {
	var body bytes.Buffer
	if err := e.Write(&body); err != nil {
		return record.Model{}, err
	}
	m := shared
	m.Flavor, m.FlavorVersion, m.Data = mlmodel.XGBoost, xgboostForm, body.Bytes()
	m.Metadata = map[string]any{
		"trained_through": through, "pipeline_sha256": digest, "output": e.Output,
		"example_scale": e.Example.Scale,
	}
	m.Signature = mlmodel.Signature{
		Inputs:  mlmodel.Numbers(e.Features),
		Outputs: []mlmodel.Column{{Type: mlmodel.Float, Required: true}},
	}
	m.Example = mlmodel.ExampleOf(e.Features, e.Example.X)
	names := regressorModels()[e.Name]
	return modelFolder(names.logged, names.registered, m, digest, through)
}

// modelFolder writes a folder as a record keeps it.
func modelFolder(logged, registered string, m mlmodel.Model, digest, through string) (record.Model, error) {
	m.ArtifactPath = logged
	files, err := mlmodel.Files(m)
	if err != nil {
		return record.Model{}, err
	}
	out := record.Model{
		Name: logged, Type: string(m.Flavor), Register: registered, Digest: digest,
		Tags: []mlflow.Tag{{Key: TagTrainedThrough, Value: through}},
	}
	for _, f := range files {
		out.Files = append(out.Files, record.File{
			Path: f.Path, Data: f.Body, Template: f.Path == mlmodel.MLmodelPath && strings.Contains(string(f.Body), record.RunID),
		})
	}
	return out, nil
}
