package sqlstore

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// join adds segments to the path of an artifact URI. A query and a fragment stay
// behind it, as in s3://bucket/runs?endpoint=x.
func join(uri string, segments ...string) string {
	path, rest := uri, ""
	if strings.Contains(uri, ":") { // without a scheme it is a path, which may hold any sign
		if at := strings.IndexAny(uri, "?#"); at >= 0 {
			path, rest = uri[:at], uri[at:]
		}
	}
	for _, s := range segments {
		if path != "" && !strings.HasSuffix(path, "/") {
			path += "/"
		}
		path += strings.TrimLeft(s, "/")
	}
	return path + rest
}

// resolve makes a relative local path absolute, as a path or as a file: URI, and
// leaves every other place as it is.
func (s *Store) resolve(location string) (string, error) {
	if location == "" {
		return "", nil
	}
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Scheme == "":
		return s.absolute(location)
	case strings.Contains(u.RawQuery, ".."):
		return "", mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid query string")
	case u.Scheme == "file" && u.Opaque != "": // file:runs
		path, err := s.absolute(u.Opaque)
		return "file://" + filepath.ToSlash(path), err
	}
	return location, nil
}

func (s *Store) absolute(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	if filepath.IsAbs(path) {
		return path, nil // as it was written
	}
	return filepath.Abs(path)
}
