package client

import (
	"context"
	"net/url"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

type versionAnswer struct {
	Version mlflow.ModelVersion `json:"model_version"`
}

// CreateModelVersion adds a version.
func (c *Client) CreateModelVersion(ctx context.Context, v mlflow.NewVersion) (mlflow.ModelVersion, error) {
	a, err := add[versionAnswer](ctx, c, "model-versions/create", v)
	return a.Version, err
}

// GetModelVersion finds a version.
func (c *Client) GetModelVersion(ctx context.Context, name, version string) (mlflow.ModelVersion, error) {
	a, err := get[versionAnswer](ctx, c, "model-versions/get", url.Values{"name": {name}, "version": {version}})
	return a.Version, err
}

// UpdateModelVersion changes the description.
func (c *Client) UpdateModelVersion(ctx context.Context, name, version, description string) (mlflow.ModelVersion, error) {
	a, err := patch[versionAnswer](ctx, c, "model-versions/update", object{"name": name, "version": version, "description": description})
	return a.Version, err
}

// DeleteModelVersion removes a version.
func (c *Client) DeleteModelVersion(ctx context.Context, name, version string) error {
	return remove(ctx, c, "model-versions/delete", object{"name": name, "version": version})
}

// ModelVersionDownloadURI returns where the version's files are.
func (c *Client) ModelVersionDownloadURI(ctx context.Context, name, version string) (string, error) {
	a, err := get[struct {
		URI string `json:"artifact_uri"`
	}](ctx, c, "model-versions/get-download-uri", url.Values{"name": {name}, "version": {version}})
	return a.URI, err
}

// SetModelVersionTag writes a tag.
func (c *Client) SetModelVersionTag(ctx context.Context, name, version string, t mlflow.Tag) error {
	_, err := post[none](ctx, c, "model-versions/set-tag", object{"name": name, "version": version, "key": t.Key, "value": t.Value})
	return err
}

// DeleteModelVersionTag removes a tag.
func (c *Client) DeleteModelVersionTag(ctx context.Context, name, version, key string) error {
	return remove(ctx, c, "model-versions/delete-tag", object{"name": name, "version": version, "key": key})
}

// TransitionStage moves a version to a stage.
func (c *Client) TransitionStage(ctx context.Context, s mlflow.StageChange) (mlflow.ModelVersion, error) {
	a, err := post[versionAnswer](ctx, c, "model-versions/transition-stage", s)
	return a.Version, err
}

// LatestVersions returns the newest version of each stage.
func (c *Client) LatestVersions(ctx context.Context, name string, stages []string) ([]mlflow.ModelVersion, error) {
	body := object{"name": name}
	if len(stages) > 0 {
		body["stages"] = stages
	}
	a, err := post[struct {
		Versions []mlflow.ModelVersion `json:"model_versions"`
	}](ctx, c, "registered-models/get-latest-versions", body)
	return a.Versions, err
}
