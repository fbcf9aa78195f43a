package transfer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// snapshot is all that a place holds, under the ids that things had where they
// were made, without what a transfer cannot keep. Names of experiments and models
// may be given: then it is only those.
func snapshot(t testing.TB, p transfer.Place, only ...string) map[string]any {
	t.Helper()
	s := &snapshots{filler: filler{t, p}, only: only, all: map[string]any{}}
	ctx := t.Context()
	experiments, err := p.Tracking.SearchExperiments(ctx, mlflow.ExperimentQuery{ViewType: mlflow.All})
	must(t, err)
	var runs []mlflow.Run
	var models []mlflow.LoggedModel
	for _, x := range experiments.Items {
		if !s.wanted(x.Name) {
			continue
		}
		r, err := p.Tracking.SearchRuns(ctx, mlflow.RunQuery{ExperimentIDs: []string{x.ID}, ViewType: mlflow.All})
		must(t, err)
		m, err := p.Tracking.SearchLoggedModels(ctx, mlflow.LoggedModelQuery{ExperimentIDs: []string{x.ID}})
		must(t, err)
		for _, found := range r.Items {
			r, err := p.Tracking.GetRun(ctx, found.Info.ID) // with the models that it read
			must(t, err)
			runs = append(runs, r)
		}
		models = append(models, m.Items...)
		s.keep("experiment "+x.Name, []any{x.LifecycleStage, s.tags(x.Tags)})
		name, err := json.Marshal(x.Name)
		must(t, err)
		s.names = append(s.names, `"experiment_id":"`+x.ID+`"`, `"experiment":`+string(name))
	}
	for _, r := range runs {
		s.rename(r.Info.ID, r.Info.ArtifactURI, r.Data.Tags)
	}
	for _, m := range models {
		s.rename(m.Info.ID, m.Info.ArtifactURI, m.Info.Tags)
	}
	for _, r := range runs {
		s.run(r)
	}
	for _, m := range models {
		s.model(m)
	}
	s.registry()
	return s.all
}

// snapshots is a snapshot in the making.
type snapshots struct {
	filler
	only  []string
	names []string // pairs for a strings.Replacer: of here, of where it was made
	all   map[string]any
}

func (s *snapshots) wanted(name string) bool {
	return len(s.only) == 0 || slices.Contains(s.only, name)
}

func (s *snapshots) rename(id, uri string, tags []mlflow.Tag) {
	from := id
	for _, t := range tags {
		if t.Key == transfer.TagFrom {
			from = t.Value
		}
	}
	// An id that was left as it is is no name of anything here.
	s.names = append([]string{uri, "[artifacts of " + from + "]", id, "[" + from + "]"}, s.names...)
}

// keep keeps a value with the ids of where it was made.
func (s *snapshots) keep(name string, v any) {
	s.Helper()
	raw, err := json.Marshal(v)
	must(s, err)
	r := strings.NewReplacer(s.names...)
	var back any
	must(s, json.Unmarshal([]byte(r.Replace(string(raw))), &back))
	name = r.Replace(name)
	if s.all[name] != nil {
		s.Fatalf("%s is there twice", name)
	}
	s.all[name] = back
}

func (s *snapshots) tags(tags []mlflow.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range tags {
		if t.Key != transfer.TagFrom && t.Key != transfer.TagDigest && t.Key != "note" {
			m[t.Key] = t.Value
		}
	}
	return m
}

func (s *snapshots) run(r mlflow.Run) {
	s.Helper()
	var history []mlflow.Metric
	for _, m := range r.Data.Metrics {
		h, err := s.Tracking.MetricHistory(s.Context(), mlflow.HistoryQuery{RunID: r.Info.ID, Key: m.Key})
		must(s, err)
		for _, m := range h.Items {
			m.RunID = ""
			history = append(history, m)
		}
	}
	slices.SortStableFunc(history, func(a, b mlflow.Metric) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(r.Outputs.Models, func(a, b mlflow.ModelOutput) int { return int(a.Step - b.Step) })
	tags := s.tags(r.Data.Tags)
	r.Data = mlflow.RunData{Metrics: history, Params: r.Data.Params}
	s.keep("run "+r.Info.ID, []any{r, tags, s.files(r.Info.ArtifactURI)})
}

func (s *snapshots) model(m mlflow.LoggedModel) {
	s.Helper()
	tags := s.tags(m.Info.Tags)
	if as := tags["mlflow.modelVersions"]; as != "" { // MLflow's server writes a version as a number, its client adds it as a string
		var list []map[string]any
		must(s, json.Unmarshal([]byte(as), &list))
		named := map[string]bool{}
		for _, v := range list {
			named[fmt.Sprint(v["name"], "/", v["version"])] = true
		}
		tags["mlflow.modelVersions"] = fmt.Sprint(named)
	}
	m.Info.Tags, m.Info.CreationTime, m.Info.LastUpdatedTime, m.Info.Registrations = nil, 0, 0, nil
	slices.SortFunc(m.Data.Metrics, func(a, b mlflow.Metric) int { return int(a.Timestamp - b.Timestamp) })
	s.keep("model "+m.Info.ID, []any{m, tags, s.files(m.Info.ArtifactURI)})
}

func (s *snapshots) files(uri string) map[string]string {
	s.Helper()
	files, err := s.Files(s.Context(), uri)
	must(s, err)
	out := map[string]string{}
	must(s, artifact.Walk(s.Context(), files, "", func(e artifact.Entry) error {
		f, err := files.Get(s.Context(), e.Path)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if out[e.Path] = string(text); e.Path == "data/trees.json" {
			out[e.Path] = fmt.Sprint(len(text))
		}
		return errors.Join(err, f.Close())
	}))
	return out
}

// registry keeps the registered models. The numbers of versions count without
// holes, as they do behind a transfer.
func (s *snapshots) registry() {
	s.Helper()
	for _, filter := range []string{"", "tags.`mlflow.prompt.is_prompt` = 'true'"} {
		found, err := s.Registry.SearchRegisteredModels(s.Context(), mlflow.RegistryQuery{Filter: filter})
		must(s, err)
		for _, m := range found.Items {
			if s.wanted(m.Name) {
				s.registered(m)
			}
		}
	}
}

func (s *snapshots) registered(m mlflow.RegisteredModel) {
	s.Helper()
	s.keep("registered "+m.Name, []any{m.Description, s.tags(m.Tags)})
	n := 0
	for number := range 10 {
		v, err := s.Registry.GetModelVersion(s.Context(), m.Name, fmt.Sprint(number+1))
		if err != nil {
			continue
		}
		n++
		uri, err := s.Registry.ModelVersionDownloadURI(s.Context(), m.Name, v.Version)
		must(s, err)
		v.Version, v.CreationTime, v.LastUpdatedTime = fmt.Sprint(n), 0, 0
		tags := s.tags(v.Tags)
		v.Tags = nil
		s.keep(fmt.Sprintf("version %s/%d", m.Name, n), []any{v, tags, uri})
	}
}
