package client

import (
	"context"
	"net/url"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

type modelAnswer struct {
	Model mlflow.LoggedModel `json:"model"`
}

// model is the route of one logged model.
func model(id string) string { return "logged-models/" + url.PathEscape(id) }

// CreateLoggedModel adds a logged model. A server before MLflow 3 has none: the
// error's code is mlflow.EndpointNotFound.
func (c *Client) CreateLoggedModel(ctx context.Context, m mlflow.NewLoggedModel) (mlflow.LoggedModel, error) {
	a, err := add[modelAnswer](ctx, c, "logged-models", m)
	return a.Model, err
}

// GetLoggedModel finds a logged model.
func (c *Client) GetLoggedModel(ctx context.Context, id string) (mlflow.LoggedModel, error) {
	a, err := get[modelAnswer](ctx, c, model(id), nil)
	return a.Model, err
}

// FinalizeLoggedModel says how the upload of a logged model ended.
func (c *Client) FinalizeLoggedModel(ctx context.Context, id string, s mlflow.ModelStatus) (mlflow.LoggedModel, error) {
	a, err := patch[modelAnswer](ctx, c, model(id), object{"model_id": id, "status": s})
	return a.Model, err
}

// DeleteLoggedModel deletes a logged model.
func (c *Client) DeleteLoggedModel(ctx context.Context, id string) error {
	return remove(ctx, c, model(id), nil)
}

// SearchLoggedModels returns a page of logged models.
func (c *Client) SearchLoggedModels(ctx context.Context, q mlflow.LoggedModelQuery) (mlflow.Page[mlflow.LoggedModel], error) {
	a, err := post[struct {
		Models []mlflow.LoggedModel `json:"models"`
		Next   string               `json:"next_page_token"`
	}](ctx, c, "logged-models/search", q)
	return mlflow.Page[mlflow.LoggedModel]{Items: a.Models, Next: a.Next}, err
}

// SetLoggedModelTags writes tags.
func (c *Client) SetLoggedModelTags(ctx context.Context, id string, tags []mlflow.Tag) (mlflow.LoggedModel, error) {
	a, err := patch[modelAnswer](ctx, c, model(id)+"/tags", object{"model_id": id, "tags": tags})
	return a.Model, err
}

// DeleteLoggedModelTag removes a tag.
func (c *Client) DeleteLoggedModelTag(ctx context.Context, id, key string) error {
	return remove(ctx, c, model(id)+"/tags/"+url.PathEscape(key), nil)
}

// LogLoggedModelParams sets params.
func (c *Client) LogLoggedModelParams(ctx context.Context, id string, params []mlflow.Param) error {
	_, err := post[none](ctx, c, model(id)+"/params", object{"model_id": id, "params": params})
	return err
}
