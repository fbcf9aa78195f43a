package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var (
	_ mlflow.RegisteredModels    = (*Store)(nil)
	_ mlflow.RegisteredModelTags = (*Store)(nil)
)

// Limits of columns that SQLite does not keep and MySQL does.
const (
	maxModelName   = 256
	maxDescription = 5000
	maxModelTag    = 5000
)

// oneModel finds what has a name in a workspace.
const oneModel = " WHERE workspace = ? AND name = ?"

// checkModelName refuses a name that could not stand in a models:/ URI.
func checkModelName(param, name string) error {
	if strings.TrimSpace(name) == "" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Missing value for required parameter '%s'.", param)
	}
	if strings.ContainsAny(name, "/:") {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid model name '%s'. Names cannot contain '/' or ':'.", name)
	}
	if strings.HasPrefix(name, "..") || name == "." {
		return invalid("name", jsonQuoted(name), badPath+quoted(name))
	}
	return nil
}

// checkRegistryTag checks a tag of a registered model or of a version.
func checkRegistryTag(t mlflow.Tag) error {
	err := checkName("key", t.Key)
	if err == nil {
		err = within("key", mlflow.MaxKey, t.Key)
	}
	if err == nil {
		err = within("value", mlflow.MaxModelTag, t.Value)
	}
	return err
}

// hold keeps other writers from a registered model until the transaction ends.
// Called before anything is read, it lets MySQL show what they had done; SQLite
// has one writer at a time anyway.
func (t tx) hold(name string) error {
	if t.dialect == database.SQLite {
		return nil
	}
	_, _, err := one(t, text, "SELECT name FROM registered_models"+oneModel+" FOR UPDATE", t.workspace, name)
	return err
}

// registered finds a registered model and returns its name as it is stored.
func (t tx) registered(name string) (string, error) {
	if err := checkModelName("name", name); err != nil {
		return "", err
	}
	stored, ok, err := one(t, text, "SELECT name FROM registered_models"+oneModel, t.workspace, name)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Registered Model with name=%s not found", name)
	}
	return stored, err
}

// scanRegistered reads a registered model by itself.
func scanRegistered(r scanner) (m mlflow.RegisteredModel, err error) {
	err = r.Scan(&m.Name, &m.CreationTime, &m.LastUpdatedTime, &m.Description)
	return m, err
}

// pair is a key and a value that belong to a registered model.
type pair struct{ name, key, value string }

// scanPair reads the name that owns the pair, then the pair.
func scanPair(r scanner) (p pair, err error) {
	err = r.Scan(&p.name, &p.key, &p.value)
	return p, err
}

// registeredModels returns whole registered models in the order of their names,
// which are those that are stored.
func (t tx) registeredModels(names []string) ([]mlflow.RegisteredModel, error) {
	found := make(map[string]*mlflow.RegisteredModel, len(names))
	for part := range slices.Chunk(names, rowsAtOnce) {
		if err := t.collectModels(found, part); err != nil {
			return nil, err
		}
	}
	models := make([]mlflow.RegisteredModel, 0, len(names))
	for _, name := range names {
		if m, ok := found[name]; ok {
			models = append(models, *m)
		}
	}
	return models, nil
}

// collectModels adds the registered models of a few names to found.
func (t tx) collectModels(found map[string]*mlflow.RegisteredModel, names []string) error {
	these, args := " WHERE workspace = ? AND name IN "+marks(len(names)), append([]any{t.workspace}, anys(names)...)
	rows, err := all(t, scanRegistered, "SELECT name, COALESCE(creation_time, 0), COALESCE(last_updated_time, 0), COALESCE(description, '') FROM registered_models"+these, args...)
	if err != nil {
		return err
	}
	for i := range rows {
		found[rows[i].Name] = &rows[i]
	}
	tags, err := all(t, scanPair, "SELECT name, `key`, COALESCE(value, '') FROM registered_model_tags"+these+" ORDER BY name, `key`", args...)
	if err != nil {
		return err
	}
	for _, p := range tags {
		if m, ok := found[p.name]; ok {
			m.Tags = append(m.Tags, mlflow.Tag{Key: p.key, Value: p.value})
		}
	}
	aliases, err := all(t, scanPair, "SELECT name, alias, version FROM registered_model_aliases"+these+" ORDER BY name, alias", args...)
	if err != nil {
		return err
	}
	for _, p := range aliases {
		if m, ok := found[p.name]; ok {
			m.Aliases = append(m.Aliases, mlflow.Alias{Alias: p.key, Version: p.value})
		}
	}
	latest, err := t.latest(names)
	for _, v := range latest {
		if m, ok := found[v.Name]; ok {
			m.LatestVersions = append(m.LatestVersions, v)
		}
	}
	return err
}

// registeredModel returns one whole registered model.
func (t tx) registeredModel(name string) (mlflow.RegisteredModel, error) {
	stored, err := t.registered(name)
	if err != nil {
		return mlflow.RegisteredModel{}, err
	}
	models, err := t.registeredModels([]string{stored})
	if err != nil {
		return mlflow.RegisteredModel{}, err
	}
	return models[0], nil
}

// CreateRegisteredModel takes a name. Of tags with one key the last one stays.
func (s *Store) CreateRegisteredModel(ctx context.Context, m mlflow.NewRegisteredModel) (out mlflow.RegisteredModel, err error) {
	if err := checkModelName("name", m.Name); err != nil {
		return out, err
	}
	for _, tag := range m.Tags {
		if err := checkRegistryTag(tag); err != nil {
			return out, err
		}
	}
	err = s.write(ctx, func(t tx) error {
		if err := t.insertRegistered(m, s.millis()); err != nil {
			return err
		}
		if err := t.setRegisteredTags(m.Name, m.Tags); err != nil {
			return err
		}
		out, err = t.registeredModel(m.Name)
		return err
	})
	return out, err
}

// insertRegistered writes the row of a new registered model. The name is looked
// for only when the write has failed, so that of two calls at once one is told
// that it is taken.
func (t tx) insertRegistered(m mlflow.NewRegisteredModel, now int64) error {
	if err := t.fits("name", maxModelName, m.Name); err != nil {
		return err
	}
	if err := t.fits("description", maxDescription, m.Description); err != nil {
		return err
	}
	_, err := t.exec("INSERT INTO registered_models (workspace, name, creation_time, last_updated_time, description) VALUES (?, ?, ?, ?, ?)",
		t.workspace, m.Name, now, now, m.Description)
	if err != nil && t.hold(m.Name) == nil {
		if _, missing := t.registered(m.Name); missing == nil {
			err = mlflow.Errorf(mlflow.ResourceAlreadyExists, "Registered Model (name=%s) already exists.", m.Name)
		}
	}
	return err
}

// setRegisteredTags writes tags; of several with one key the last one stays.
func (t tx) setRegisteredTags(name string, tags []mlflow.Tag) error {
	values := make([]any, 0, 4*len(tags))
	for _, tag := range tags {
		if err := t.fits("value", maxModelTag, tag.Value); err != nil {
			return err
		}
		values = append(values, t.workspace, name, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO registered_model_tags (workspace, name, `key`, value)", 4, t.onTaken("workspace, `key`, name", "value"), values)
}

// GetRegisteredModel returns a registered model with the newest version of each
// stage.
func (s *Store) GetRegisteredModel(ctx context.Context, name string) (m mlflow.RegisteredModel, err error) {
	err = s.read(ctx, func(t tx) error {
		m, err = t.registeredModel(name)
		return err
	})
	return m, err
}

// changeRegistered runs f on a registered model that nobody else writes into.
func (s *Store) changeRegistered(ctx context.Context, name string, f func(t tx, name string) error) error {
	return s.write(ctx, func(t tx) error {
		if err := t.hold(name); err != nil {
			return err
		}
		stored, err := t.registered(name)
		if err != nil {
			return err
		}
		return f(t, stored)
	})
}

// touch dates a registered model.
func (t tx) touch(name string, now int64) error {
	_, err := t.exec("UPDATE registered_models SET last_updated_time = ?"+oneModel, now, t.workspace, name)
	return err
}

// UpdateRegisteredModel writes a registered model's description.
func (s *Store) UpdateRegisteredModel(ctx context.Context, name, description string) (m mlflow.RegisteredModel, err error) {
	err = s.changeRegistered(ctx, name, func(t tx, name string) error {
		if err := t.fits("description", maxDescription, description); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE registered_models SET description = ?, last_updated_time = ?"+oneModel, description, s.millis(), t.workspace, name); err != nil {
			return err
		}
		m, err = t.registeredModel(name)
		return err
	})
	return m, err
}

// RenameRegisteredModel gives a registered model another name. Versions, tags and
// aliases follow by their foreign keys.
func (s *Store) RenameRegisteredModel(ctx context.Context, name, newName string) (m mlflow.RegisteredModel, err error) {
	if err := checkModelName("new_name", newName); err != nil {
		return m, err
	}
	err = s.changeRegistered(ctx, name, func(t tx, name string) error {
		if err := t.rename(name, newName, s.millis()); err != nil {
			return err
		}
		m, err = t.registeredModel(newName)
		return err
	})
	return m, err
}

// rename moves a registered model to a name that is free, or is its own. MLflow
// passes on what the database says of a name that is taken.
func (t tx) rename(name, newName string, now int64) error {
	if err := t.fits("name", maxModelName, newName); err != nil {
		return err
	}
	there, err := t.registered(newName)
	switch {
	case err == nil && there != name:
		return mlflow.Errorf(mlflow.ResourceAlreadyExists, "Registered Model (name=%s) already exists. Error: (sqlite3.IntegrityError) UNIQUE constraint failed: registered_models.workspace, registered_models.name", newName)
	case err != nil && mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist:
		return err
	}
	if name != newName { // else the log would tell that all went and came back
		if err := t.logGone(name, newName, now); err != nil {
			return err
		}
	}
	if _, err := t.exec("UPDATE registered_models SET name = ?, last_updated_time = ?"+oneModel, newName, now, t.workspace, name); err != nil {
		return err
	}
	_, err = t.exec("UPDATE model_versions SET last_updated_time = ?"+oneModel, now, t.workspace, newName)
	return err
}

// DeleteRegisteredModel deletes a registered model with all that belongs to it,
// for good.
func (s *Store) DeleteRegisteredModel(ctx context.Context, name string) error {
	return s.changeRegistered(ctx, name, func(t tx, name string) error { return t.deleteRegistered(name, s.millis()) })
}

func (t tx) deleteRegistered(name string, now int64) error {
	if err := t.logGone(name, "", now); err != nil {
		return err
	}
	// What refers to others first: MLflow's foreign keys follow a new name, but most of
	// them keep what is deleted.
	for _, table := range []string{"model_version_tags", "model_versions", "registered_model_aliases", "registered_model_tags", "registered_models"} {
		if _, err := t.exec("DELETE FROM "+table+oneModel, t.workspace, name); err != nil {
			return err
		}
	}
	return nil
}

// SetRegisteredModelTag writes a tag of a registered model.
func (s *Store) SetRegisteredModelTag(ctx context.Context, name string, tag mlflow.Tag) error {
	if err := checkModelName("name", name); err != nil {
		return err
	}
	if err := checkRegistryTag(tag); err != nil {
		return err
	}
	return s.changeRegistered(ctx, name, func(t tx, name string) error {
		return t.setRegisteredTags(name, []mlflow.Tag{tag})
	})
}

// DeleteRegisteredModelTag deletes a tag of a registered model, if it has it.
func (s *Store) DeleteRegisteredModelTag(ctx context.Context, name, key string) error {
	if err := checkModelName("name", name); err != nil {
		return err
	}
	if err := checkName("key", key); err != nil {
		return err
	}
	return s.changeRegistered(ctx, name, func(t tx, name string) error {
		_, err := t.exec("DELETE FROM registered_model_tags"+oneModel+" AND `key` = ?", t.workspace, name, key)
		return err
	})
}

// anys makes arguments of a list.
func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
