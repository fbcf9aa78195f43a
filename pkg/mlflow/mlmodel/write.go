package mlmodel

import (
	"bytes"
	"cmp"
	"errors"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// document is an MLmodel file. Fields that MLflow always writes are there
// without a value, too: some of its readers ask for them.
type document struct {
	ArtifactPath string                    `yaml:"artifact_path,omitempty"`
	Flavors      map[string]map[string]any `yaml:"flavors"`
	HintedTypes  bool                      `yaml:"is_signature_from_type_hint"`
	Metadata     yaml.Node                 `yaml:"metadata,omitempty"`
	MLflow       string                    `yaml:"mlflow_version,omitempty"`
	ModelID      *string                   `yaml:"model_id"`
	Size         int64                     `yaml:"model_size_bytes"`
	UUID         *string                   `yaml:"model_uuid"`
	Prompts      *string                   `yaml:"prompts"`
	RunID        string                    `yaml:"run_id,omitempty"`
	Example      *exampleInfo              `yaml:"saved_input_example_info,omitempty"`
	Signature    *signatureText            `yaml:"signature,omitempty"`
	HintedSample bool                      `yaml:"type_hint_from_example"`
	Created      string                    `yaml:"utc_time_created,omitempty"`
}

// exampleInfo says how the example is written.
type exampleInfo struct {
	Path    string `yaml:"artifact_path"`
	Orient  string `yaml:"pandas_orient"`
	Serving string `yaml:"serving_input_path"`
	Type    string `yaml:"type"`
}

// signatureText is a signature whose columns are JSON within YAML.
type signatureText struct {
	Inputs  *string `yaml:"inputs"`
	Outputs *string `yaml:"outputs"`
	Params  *string `yaml:"params"`
}

// timeLayout is how MLmodel writes times, in UTC.
const timeLayout = "2006-01-02 15:04:05.000000"

// marshal writes the MLmodel file.
func (m Model) marshal() ([]byte, error) {
	signature, err := m.Signature.text()
	if err != nil {
		return nil, err
	}
	d := document{
		ArtifactPath: m.ArtifactPath,
		Flavors:      m.flavors(),
		MLflow:       m.MLflowVersion,
		ModelID:      optional(m.ModelID),
		UUID:         optional(cmp.Or(m.UUID, m.ModelID)),
		Size:         m.Size,
		RunID:        m.RunID,
		Signature:    signature,
	}
	if len(m.Metadata) > 0 {
		if d.Metadata, err = metadataNode(m.Metadata); err != nil {
			return nil, err
		}
	}
	if len(m.Example.Columns) > 0 {
		d.Example = &exampleInfo{examplePath, "split", servingPath, "dataframe"}
	}
	if !m.Created.IsZero() {
		d.Created = m.Created.UTC().Format(timeLayout)
	}
	return marshalYAML(d)
}

// flavors says how to load the data.
func (m Model) flavors() map[string]map[string]any {
	if m.Flavor == Salesctl {
		return map[string]map[string]any{string(Salesctl): {"data": m.DataPath, "salesctl_version": m.FlavorVersion}}
	}
	return map[string]map[string]any{
		"python_function": {
			"data":           m.DataPath,
			"env":            map[string]string{"conda": condaPath, "virtualenv": pythonPath},
			"loader_module":  "mlflow.xgboost",
			"python_version": pythonVersion,
		},
		string(XGBoost): {
			"code":         nil,
			"data":         m.DataPath,
			"model_class":  "xgboost.sklearn.XGBRegressor",
			"model_format": "json",
			"xgb_version":  m.FlavorVersion,
		},
	}
}

// text writes the signature; nil where there is none.
func (s Signature) text() (*signatureText, error) {
	var out [2]*string
	for i, columns := range [][]Column{s.Inputs, s.Outputs} {
		if len(columns) == 0 {
			continue
		}
		body, err := encode(columns)
		if err != nil {
			return nil, err
		}
		out[i] = new(string(body))
	}
	if out[0] == nil && out[1] == nil {
		return nil, nil
	}
	return &signatureText{Inputs: out[0], Outputs: out[1]}, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// The files from which Python makes an environment that can load the model.
const (
	requirementsPath = "requirements.txt"
	condaPath        = "conda.yaml"
	pythonPath       = "python_env.yaml"
	pythonVersion    = "3.11" // any that the requirements run on
)

// requirements are ranges, since the data is not tied to the release that wrote
// it: XGBoost reads base_score as it is written here from 3.1 on.
func requirements() []string {
	return []string{"mlflow>=3,<4", "pandas>=2", "scikit-learn>=1.5", "xgboost>=3.1,<4"}
}

// environment writes those files.
func environment() ([]File, error) {
	conda, err := marshalYAML(map[string]any{
		"name":         "mlflow-env",
		"channels":     []string{"conda-forge"},
		"dependencies": []any{"python=" + pythonVersion, "pip", map[string]any{"pip": requirements()}},
	})
	if err != nil {
		return nil, err
	}
	python, err := marshalYAML(map[string]any{
		"python":             pythonVersion,
		"build_dependencies": []string{"pip", "setuptools", "wheel"},
		"dependencies":       []string{"-r " + requirementsPath},
	})
	text := strings.Join(requirements(), "\n") + "\n"
	return []File{{requirementsPath, []byte(text)}, {condaPath, conda}, {pythonPath, python}}, err
}

// marshalYAML writes YAML with MLflow's indentation.
func marshalYAML(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := errors.Join(e.Encode(v), e.Close())
	return b.Bytes(), err
}

// parseTime reads a time as MLflow writes it; "" is none.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02 15:04:05.999999", s)
}
