package server

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// FindUI returns where MLflow's web pages are, for Options.UI. The hint is the
// folder of the pages, a wheel of MLflow, packed or not, a site-packages folder or
// a virtual environment; "auto" looks into the environments that the variables
// VIRTUAL_ENV, PATH and HOME lead to, in this order.
func FindUI(hint string, getenv func(string) string) (string, error) {
	roots := []string{hint}
	if hint == "auto" {
		roots = environments(getenv)
	}
	for _, root := range roots {
		if at, ok := pagesAt(root); ok {
			return at, nil
		}
	}
	err := fault.New(fault.NotFound, "%s has no MLflow web pages", hint)
	if hint == "auto" {
		err = fault.New(fault.NotFound, "no installed MLflow with web pages was found: neither in VIRTUAL_ENV nor beside a python of PATH")
	}
	return "", err.WithHint("get them with `pip download --no-deps mlflow==%s` and name the wheel, or the folder of an environment that has mlflow",
		mlflow.Release)
}

// environments are the prefixes of the Python environments at hand.
func environments(getenv func(string) string) []string {
	roots := []string{getenv("VIRTUAL_ENV")}
	for _, dir := range filepath.SplitList(getenv("PATH")) {
		for _, name := range []string{"python3", "python", "python.exe"} {
			if real, err := filepath.EvalSymlinks(filepath.Join(dir, name)); err == nil {
				// The environment of a link is the link's, that of a system's
				// python may be where the link leads.
				roots = append(roots, filepath.Dir(dir), filepath.Dir(filepath.Dir(real)))
			}
		}
	}
	roots = append(roots, filepath.Join(getenv("HOME"), ".local"))
	return slices.DeleteFunc(roots, func(root string) bool { return !filepath.IsAbs(root) })
}

// pagesAt returns the folder of the pages below the root, or the wheel itself.
func pagesAt(root string) (string, bool) {
	if strings.HasSuffix(root, ".whl") {
		wheel, err := zip.OpenReader(root)
		if err != nil {
			return "", false
		}
		defer func() { _ = wheel.Close() }() // it was only read
		_, err = fs.Stat(wheel, pagesBelow+"/index.html")
		return root, err == nil
	}
	below := filepath.FromSlash(pagesBelow)
	for _, pattern := range []string{
		"", below,
		filepath.Join("lib", "python3*", "site-packages", below),
		filepath.Join("lib", "python3*", "dist-packages", below),
		filepath.Join("Lib", "site-packages", below), // Windows
	} {
		found, _ := filepath.Glob(filepath.Join(root, pattern, "index.html")) // the patterns are good
		if len(found) > 0 && hasPages(filepath.Dir(found[0])) {
			return filepath.Dir(found[0]), true
		}
	}
	return "", false
}

// hasPages tells MLflow's pages from any folder with a first page.
func hasPages(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "static", "js"))
	return err == nil && info.IsDir()
}
