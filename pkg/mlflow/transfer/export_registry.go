package transfer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// registered is a line of registered_models.jsonl.
type registered struct {
	mlflow.RegisteredModel
	Versions []version `json:"versions,omitempty"` // by number
}

// version is a version of a registered model, and where its files are.
type version struct {
	mlflow.ModelVersion
	Files string `json:"files"` // an artifact URI
}

// id names a version for good: after a copy to where other versions are already,
// its number may be another one's.
func (v version) id() string {
	return v.Name + "/" + v.Version + "@" + strconv.FormatInt(v.CreationTime, 10)
}

// copied is the version that this one is a copy of; ok says whether it is one.
func (v version) copied() (of mlflow.Registration, ok bool) {
	ref, ok := mlflow.ParseModelURI(v.Source)
	return mlflow.Registration{Name: ref.Name, Version: ref.Version}, ok && ref.Version != ""
}

// registry writes the registered models.
func (e *exporter) registry(ctx context.Context) error {
	names, err := e.registeredNames(ctx)
	if err != nil {
		return err
	}
	return e.w.lines(ctx, registeredPath, func(line func(any) error) error {
		for i, name := range names {
			e.o.progress("exporting registered models", i, len(names))
			if err := e.registered(ctx, name, line); err != nil {
				return fmt.Errorf("registered model %q: %w", name, err)
			}
		}
		return nil
	})
}

// registeredNames are those of the chosen registered models. A search leaves
// prompts out unless it asks for them.
func (e *exporter) registeredNames(ctx context.Context) (names []string, err error) {
	if len(e.o.Models) > 0 {
		return e.o.Models, nil
	}
	for _, filter := range []string{"", "tags.`" + tagPrompt + "` = 'true'"} {
		err := pages(func(token string) (mlflow.Page[mlflow.RegisteredModel], error) {
			return e.from.Registry.SearchRegisteredModels(ctx, mlflow.RegistryQuery{
				Filter: filter, MaxResults: mlflow.DefaultSearchPage, PageToken: token,
			})
		}, func(m mlflow.RegisteredModel) error { names = append(names, m.Name); return nil })
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// registered writes a registered model, after those that it has copies from.
func (e *exporter) registered(ctx context.Context, name string, line func(any) error) error {
	if e.visited[name] {
		return nil
	}
	m, err := e.from.Registry.GetRegisteredModel(ctx, name)
	if absent(err) {
		return fault.New(fault.NotFound, "%w", err).WithHint("leave it out, or look at what there is")
	}
	if err != nil {
		return err
	}
	e.visited[name] = true // before others, whose copies it may have and which may have its
	all, err := versions(ctx, e.from.Registry, name)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(v version) bool { return !e.belongs(v) })
	if left := len(all) - len(kept); left > 0 {
		if len(kept) == 0 && len(e.o.Models) == 0 {
			return nil // nobody asked for it
		}
		e.report.Warnings = append(e.report.Warnings, fmt.Sprintf("%s of %s come from experiments that were not chosen and stay behind",
			fault.Counted(left, "version"), name))
	}
	for i := range kept {
		if err := e.version(ctx, &kept[i], line); err != nil {
			return err
		}
	}
	m.LatestVersions = nil
	sortTags(m.Tags)
	slices.SortFunc(m.Aliases, func(a, b mlflow.Alias) int { return strings.Compare(a.Alias, b.Alias) })
	e.report.Registered++
	e.report.Versions += len(kept)
	return line(registered{m, kept})
}

// belongs reports whether a version comes from a run or a logged model that was
// exported, or from nothing that could be.
func (e *exporter) belongs(v version) bool {
	if len(e.o.Experiments) == 0 || e.runs[v.RunID] {
		return true
	}
	ref, ok := mlflow.ParseModelURI(v.Source)
	return v.RunID == "" && (!ok || ref.ID == "" || e.models[ref.ID])
}

// version completes a version, and writes the model that it is a copy from first.
func (e *exporter) version(ctx context.Context, v *version, line func(any) error) (err error) {
	if of, ok := v.copied(); ok && e.o.wantsModel(of.Name) {
		if err := e.registered(ctx, of.Name, line); err != nil && !absent(err) { // it may be gone
			return err
		}
	}
	sortTags(v.Tags)
	slices.Sort(v.Aliases)
	if v.Files, err = e.from.Registry.ModelVersionDownloadURI(ctx, v.Name, v.Version); err != nil {
		return fmt.Errorf("version %s: %w", v.Version, err)
	}
	return nil
}

// versions returns all versions of a registered model by number. It asks for one
// after the other: a search by name cannot name every name there is.
func versions(ctx context.Context, r mlflow.Registry, name string) ([]version, error) {
	latest, err := r.LatestVersions(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	newest := 0
	for _, v := range latest {
		n, err := strconv.Atoi(v.Version)
		if err != nil {
			return nil, fmt.Errorf("version %q is no number", v.Version)
		}
		newest = max(newest, n)
	}
	var all []version
	for n := range newest {
		v, err := r.GetModelVersion(ctx, name, strconv.Itoa(n+1))
		if absent(err) { // it is deleted
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, version{ModelVersion: v})
	}
	return all, nil
}
