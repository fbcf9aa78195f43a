package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

var _ mlflow.RegistrySearch = (*Store)(nil)

// The columns of registered models and of versions by the names of attributes.
var (
	registeredFields = map[string]string{"name": "m.name", "last_updated_timestamp": "m.last_updated_time"}
	versionFields    = map[string]string{
		"name": "v.name", "version_number": "v.version", "run_id": "v.run_id", "source_path": "v.source",
		"creation_timestamp": "v.creation_time", "last_updated_timestamp": "v.last_updated_time",
	}
)

// SearchRegisteredModels returns registered models, and prompts only when they are
// asked for. Without an order they come by name.
func (s *Store) SearchRegisteredModels(ctx context.Context, q mlflow.RegistryQuery) (p mlflow.Page[mlflow.RegisteredModel], err error) {
	limit, err := registrySize(q.MaxResults, mlflow.DefaultSearchPage, mlflow.MaxSearchPage)
	if err != nil {
		return p, err
	}
	sel, err := s.registeredSelection(q)
	if err != nil {
		return p, err
	}
	choose := func(t tx) (*selection, error) {
		return sel.limited(" AND m.workspace = ?", []any{t.workspace}), nil
	}
	p, err = paged(ctx, s, limit, q.PageToken, choose, text, tx.registeredModels)
	for _, m := range p.Items { // MLflow's search has them by stage, though its get has not
		slices.SortFunc(m.LatestVersions, func(a, b mlflow.ModelVersion) int {
			return strings.Compare(a.CurrentStage, b.CurrentStage)
		})
	}
	return p, err
}

// SearchModelVersions returns versions that are not deleted, and those of prompts
// only when they are asked for. Without an order the last changed come first.
func (s *Store) SearchModelVersions(ctx context.Context, q mlflow.RegistryQuery) (p mlflow.Page[mlflow.ModelVersion], err error) {
	limit, err := registrySize(q.MaxResults, mlflow.MaxSearchVersions, mlflow.MaxSearchVersions)
	if err != nil {
		return p, err
	}
	sel, err := s.versionSelection(q)
	if err != nil {
		return p, err
	}
	choose := func(t tx) (*selection, error) {
		return sel.limited(" AND v.workspace = ?", []any{t.workspace}), nil
	}
	return paged(ctx, s, limit, q.PageToken, choose, scanVersionKey, tx.versions)
}

// registrySize checks how many results a search of the registry asks for.
func registrySize(asked, standard, most int) (int, error) {
	switch {
	case asked == 0:
		return standard, nil
	case asked < 0:
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for max_results. It must be a positive integer, but got %d", asked)
	case asked > most:
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for request parameter max_results. It must be at most %d, but got value %d", most, asked)
	}
	return asked, nil
}

func scanVersionKey(r scanner) (k versionKey, err error) {
	err = r.Scan(&k.name, &k.version)
	return k, err
}

// registeredSelection turns a query for registered models into SQL.
func (s *Store) registeredSelection(q mlflow.RegistryQuery) (*selection, error) {
	conditions, err := filter.Parse(filter.RegisteredModels, q.Filter)
	if err != nil {
		return nil, err
	}
	order, err := filter.ParseOrder(filter.RegisteredModels, q.OrderBy)
	if err != nil {
		return nil, err
	}
	sel := &selection{dialect: s.db.Dialect(), keys: "m.name", from: "registered_models m"}
	sel.registry(conditions, registeredFields, "registered_model_tags x", "x.workspace = m.workspace AND x.name = m.name", "x.workspace = m.workspace AND x.name = m.name")
	for _, o := range order {
		sel.by(registeredFields[o.Key], o.Descending)
	}
	if !ordersBy(order, "name") {
		sel.by("m.name", false)
	}
	return sel, nil
}

// versionSelection turns a query for versions into SQL.
func (s *Store) versionSelection(q mlflow.RegistryQuery) (*selection, error) {
	conditions, err := filter.Parse(filter.Versions, q.Filter)
	if err != nil {
		return nil, err
	}
	order, err := filter.ParseOrder(filter.Versions, q.OrderBy)
	if err != nil {
		return nil, err
	}
	if len(order) == 0 {
		order = []filter.Order{{Key: "last_updated_timestamp", Descending: true}}
	}
	sel := &selection{dialect: s.db.Dialect(), keys: "v.name, v.version", from: "model_versions v"}
	sel.only("v.current_stage != ?", stageGone)
	sel.registry(conditions, versionFields, "model_version_tags x", "x.workspace = v.workspace AND x.name = v.name AND x.version = v.version", "x.workspace = v.workspace AND x.name = v.name")
	for _, o := range order {
		sel.by(versionFields[o.Key], o.Descending)
	}
	if !ordersBy(order, "name") {
		sel.by("v.name", false)
	}
	if !ordersBy(order, "version_number") {
		sel.by("v.version", true)
	}
	return sel, nil
}

func ordersBy(order []filter.Order, key string) bool {
	return slices.ContainsFunc(order, func(o filter.Order) bool { return o.Key == key })
}

// registry keeps the rows for which all conditions hold. own finds a row's tags,
// of those of all versions of its model. Prompts are left out, whatever a filter
// says of their tag, unless its first word on it asks for them: models do not have
// the tag, and to ask for tags that are not 'true' would find none.
func (s *selection) registry(conditions []filter.Comparison, columns map[string]string, tags, own, of string) {
	prompts := wantsPrompts(conditions)
	for _, c := range conditions {
		switch {
		case c.Entity == filter.Attribute:
			one := s.compare(columns[c.Key], c)
			s.only(one.sql, one.args...)
		case prompts || c.Key != filter.PromptTag:
			s.tagged(tags, c, when(own), s.equals("x.`key`", c.Key))
		}
	}
	if !prompts {
		s.missing(tags, when(of), s.equals("x.`key`", filter.PromptTag), s.equals("x.value", "true"))
	}
}

// wantsPrompts reports whether a filter asks for prompts.
func wantsPrompts(conditions []filter.Comparison) bool {
	for _, c := range conditions {
		if c.Entity == filter.Tag && c.Key == filter.PromptTag {
			value, _ := c.Value.(string)
			return c.Op == filter.Equal && strings.EqualFold(value, "true") ||
				c.Op == filter.NotEqual && strings.EqualFold(value, "false")
		}
	}
	return false
}
