package mlflow

import "strings"

// ModelRef is what a models:/ URI names: a logged model by its id, or a version
// of a registered model by its number, an alias or a stage, or, with the name
// alone, as the newest.
type ModelRef struct{ ID, Name, Version, Stage, Alias string }

// ParseModelURI reads models:/ID, models:/NAME/VERSION, models:/NAME@ALIAS,
// models:/NAME/STAGE and models:/NAME/latest. It knows no URI that names another
// registry's host.
func ParseModelURI(uri string) (ref ModelRef, ok bool) {
	scheme, p, _ := strings.Cut(uri, ":")
	p, _, _ = strings.Cut(p, "?")
	if rest, ok := strings.CutPrefix(p, "//"); ok { // an empty host
		p = rest
	}
	if !strings.EqualFold(scheme, "models") || !strings.HasPrefix(p, "/") {
		return ModelRef{}, false
	}
	name, suffix, two := strings.Cut(strings.TrimLeft(p, "/"), "/")
	at := strings.LastIndexByte(name, '@')
	switch {
	case strings.TrimSpace(name) == "" || strings.Contains(suffix, "/") || two && strings.TrimSpace(suffix) == "":
		return ModelRef{}, false
	case !two && at < 0:
		return ModelRef{ID: name}, true
	case !two && strings.TrimSpace(name[at+1:]) == "":
		return ModelRef{}, false
	case !two:
		return ModelRef{Name: name[:at], Alias: name[at+1:]}, true
	case strings.Trim(suffix, "0123456789") == "":
		return ModelRef{Name: name, Version: suffix}, true
	case strings.EqualFold(suffix, "latest"):
		return ModelRef{Name: name}, true
	}
	return ModelRef{Name: name, Stage: suffix}, true
}
