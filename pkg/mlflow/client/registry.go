package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

type registeredAnswer struct {
	Model mlflow.RegisteredModel `json:"registered_model"`
}

// CreateRegisteredModel adds a name.
func (c *Client) CreateRegisteredModel(ctx context.Context, m mlflow.NewRegisteredModel) (mlflow.RegisteredModel, error) {
	a, err := add[registeredAnswer](ctx, c, "registered-models/create", m)
	return a.Model, err
}

// GetRegisteredModel finds a name.
func (c *Client) GetRegisteredModel(ctx context.Context, name string) (mlflow.RegisteredModel, error) {
	a, err := get[registeredAnswer](ctx, c, "registered-models/get", url.Values{"name": {name}})
	return a.Model, err
}

// UpdateRegisteredModel changes the description.
func (c *Client) UpdateRegisteredModel(ctx context.Context, name, description string) (mlflow.RegisteredModel, error) {
	a, err := patch[registeredAnswer](ctx, c, "registered-models/update", object{"name": name, "description": description})
	return a.Model, err
}

// RenameRegisteredModel changes the name. It is not repeated: the second time the
// old name is unknown.
func (c *Client) RenameRegisteredModel(ctx context.Context, name, newName string) (mlflow.RegisteredModel, error) {
	a, err := add[registeredAnswer](ctx, c, "registered-models/rename", object{"name": name, "new_name": newName})
	return a.Model, err
}

// DeleteRegisteredModel removes a name and its versions.
func (c *Client) DeleteRegisteredModel(ctx context.Context, name string) error {
	return remove(ctx, c, "registered-models/delete", object{"name": name})
}

// SetRegisteredModelTag writes a tag.
func (c *Client) SetRegisteredModelTag(ctx context.Context, name string, t mlflow.Tag) error {
	_, err := post[none](ctx, c, "registered-models/set-tag", object{"name": name, "key": t.Key, "value": t.Value})
	return err
}

// DeleteRegisteredModelTag removes a tag.
func (c *Client) DeleteRegisteredModelTag(ctx context.Context, name, key string) error {
	return remove(ctx, c, "registered-models/delete-tag", object{"name": name, "key": key})
}

// SetAlias points an alias at a version.
func (c *Client) SetAlias(ctx context.Context, name, alias, version string) error {
	_, err := post[none](ctx, c, "registered-models/alias", object{"name": name, "alias": alias, "version": version})
	return err
}

// DeleteAlias removes an alias.
func (c *Client) DeleteAlias(ctx context.Context, name, alias string) error {
	return remove(ctx, c, "registered-models/alias", object{"name": name, "alias": alias})
}

// GetVersionByAlias finds the version that an alias points at.
func (c *Client) GetVersionByAlias(ctx context.Context, name, alias string) (mlflow.ModelVersion, error) {
	a, err := get[versionAnswer](ctx, c, "registered-models/alias", url.Values{"name": {name}, "alias": {alias}})
	return a.Version, err
}

// SearchRegisteredModels returns a page of names.
func (c *Client) SearchRegisteredModels(ctx context.Context, q mlflow.RegistryQuery) (mlflow.Page[mlflow.RegisteredModel], error) {
	a, err := get[struct {
		Models []mlflow.RegisteredModel `json:"registered_models"`
		Next   string                   `json:"next_page_token"`
	}](ctx, c, "registered-models/search", search(q))
	return mlflow.Page[mlflow.RegisteredModel]{Items: a.Models, Next: a.Next}, err
}

// SearchModelVersions returns a page of versions.
func (c *Client) SearchModelVersions(ctx context.Context, q mlflow.RegistryQuery) (mlflow.Page[mlflow.ModelVersion], error) {
	a, err := get[struct {
		Versions []mlflow.ModelVersion `json:"model_versions"`
		Next     string                `json:"next_page_token"`
	}](ctx, c, "model-versions/search", search(q))
	return mlflow.Page[mlflow.ModelVersion]{Items: a.Versions, Next: a.Next}, err
}

// search is a query as the registry's searches take it.
func search(q mlflow.RegistryQuery) url.Values {
	v := url.Values{"order_by": q.OrderBy}
	if q.Filter != "" {
		v.Set("filter", q.Filter)
	}
	if q.MaxResults != 0 {
		v.Set("max_results", strconv.Itoa(q.MaxResults))
	}
	if q.PageToken != "" {
		v.Set("page_token", q.PageToken)
	}
	return v
}
