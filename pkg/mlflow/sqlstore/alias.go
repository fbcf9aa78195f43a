package sqlstore

import (
	"context"
	"regexp"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.Aliases = (*Store)(nil)

// An alias stands behind an @ in a models:/ URI, where v12 would look like a
// version.
var (
	aliasForm    = regexp.MustCompile(`^[\p{L}\p{N}_\-]+$`)
	versionAlias = regexp.MustCompile(`^[vV]\p{Nd}+$`)
)

// latestAlias points at the newest version without being set.
const latestAlias = "latest"

const oneAlias = oneModel + " AND alias = ?"

// checkAlias checks the words that name an alias.
func checkAlias(name, alias string) error {
	if err := checkModelName("name", name); err != nil {
		return err
	}
	if alias == "" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Registered model alias name cannot be empty.")
	}
	if !aliasForm.MatchString(alias) {
		return mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid alias name: '%s'. Names may only contain alphanumerics, underscores (_), and dashes (-).", alias)
	}
	return within("Registered model alias name", mlflow.MaxAlias, alias)
}

// checkFree refuses aliases that mean something by themselves.
func checkFree(alias string) error {
	if strings.EqualFold(alias, latestAlias) {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "'latest' alias name (case insensitive) is reserved.")
	}
	if versionAlias.MatchString(alias) {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Version alias name '%s' is reserved.", alias)
	}
	return nil
}

// pointer is an alias, as it is stored, with its version.
type pointer struct {
	alias string
	versionKey
}

// scanPointer reads an alias, its model and its version.
func scanPointer(r scanner) (p pointer, err error) {
	err = r.Scan(&p.alias, &p.name, &p.version)
	return p, err
}

// pointer finds an alias; MySQL finds it in any case of its letters.
func (t tx) pointer(name, alias string) (pointer, bool, error) {
	return one(t, scanPointer, "SELECT alias, name, version FROM registered_model_aliases"+oneAlias, t.workspace, name, alias)
}

// SetAlias points an alias at a version, wherever it pointed before.
func (s *Store) SetAlias(ctx context.Context, name, alias, version string) error {
	if err := checkAlias(name, alias); err != nil {
		return err
	}
	if err := checkFree(alias); err != nil {
		return err
	}
	return s.changeVersion(ctx, name, version, func(t tx, p placed) error { return t.point(p, alias, s.millis()) })
}

// DeleteAlias deletes an alias, if it is there.
func (s *Store) DeleteAlias(ctx context.Context, name, alias string) error {
	if err := checkAlias(name, alias); err != nil {
		return err
	}
	return s.changeRegistered(ctx, name, func(t tx, name string) error { return t.unpoint(name, alias, s.millis()) })
}

// point sets an alias, and logs the move.
func (t tx) point(p placed, alias string, now int64) error {
	before, ok, err := t.pointer(p.name, alias)
	if err != nil || ok && before.version == p.version {
		return err
	}
	moved := move{kind: mlflow.AliasMoved, subject: alias, new: p.number()}
	if ok {
		moved.subject, moved.old = before.alias, before.number()
	}
	err = t.insert("INSERT INTO registered_model_aliases (workspace, name, alias, version)", 4, t.onTaken("workspace, name, alias", "version"),
		[]any{t.workspace, p.name, alias, p.version})
	if err != nil {
		return err
	}
	return t.logMoves(p.name, now, []move{moved})
}

// unpoint deletes an alias, if it is there, and logs that.
func (t tx) unpoint(name, alias string, now int64) error {
	before, ok, err := t.pointer(name, alias)
	if err != nil || !ok {
		return err
	}
	if _, err := t.exec("DELETE FROM registered_model_aliases"+oneAlias, t.workspace, name, alias); err != nil {
		return err
	}
	return t.logMoves(name, now, []move{{mlflow.AliasMoved, before.alias, before.number(), ""}})
}

// GetVersionByAlias returns the version that an alias points at; latest, in any
// case, is the newest one.
func (s *Store) GetVersionByAlias(ctx context.Context, name, alias string) (v mlflow.ModelVersion, err error) {
	if err := checkAlias(name, alias); err != nil {
		return v, err
	}
	err = s.read(ctx, func(t tx) error {
		k, err := t.aliased(name, alias)
		if err == nil {
			v, err = t.version(k)
		}
		return err
	})
	return v, err
}

// aliased finds the version that an alias points at.
func (t tx) aliased(name, alias string) (versionKey, error) {
	stored, err := t.registered(name)
	if err != nil {
		return versionKey{}, err
	}
	if strings.EqualFold(alias, latestAlias) {
		k, ok, err := one(t, scanKey, "SELECT name, version FROM model_versions"+oneModel+" AND current_stage <> ? ORDER BY version DESC LIMIT 1", t.workspace, stored, stageGone)
		if err == nil && !ok {
			err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Latest version not found for model %s.", name)
		}
		return k, err
	}
	p, ok, err := t.pointer(stored, alias)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.InvalidParameterValue, "Registered model alias %s not found.", alias)
	}
	if err != nil {
		return versionKey{}, err
	}
	live, err := t.live(p.name, p.number())
	return live.versionKey, err
}
