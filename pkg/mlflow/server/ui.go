package server

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// pagesBelow is where MLflow's web pages lie in a wheel, and in the folder it is
// installed to.
const pagesBelow = "mlflow/server/js/build"

// maxPageFile is the longest file of the pages, in bytes; the longest of 3.17 has
// a tenth of it.
const maxPageFile = 64 << 20

// Cache-Control of the pages: the first page names the others, whose names change
// with their content.
const (
	cacheIndex = "no-cache"
	cacheFiles = "public, max-age=2419200"
)

// uiRoutes are the web pages and what only they ask for.
func (h *handler) uiRoutes() []route {
	routes := slices.Concat(h.infoRoutes(), h.graphRoutes())
	if h.UI == "" {
		return append(routes, route{http.MethodGet, "/{$}", plain("This server has no web pages. Start it with --mlflow-ui-dir auto, " +
			"or the folder of an MLflow that is installed, to see them here.\n")})
	}
	pages := sync.OnceValues(func() (fs.FS, error) { return openPages(h.UI) })
	serve := func(name func(*http.Request) string, cache string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			files, err := pages()
			if err != nil {
				return err
			}
			return servePage(w, r, files, name(r), cache)
		}
	}
	index := func(*http.Request) string { return "index.html" }
	file := func(r *http.Request) string { return r.PathValue("path") }
	return append(routes,
		route{http.MethodGet, "/{$}", serve(index, cacheIndex)},
		route{http.MethodGet, "/static-files/{path...}", serve(file, cacheFiles)},
	)
}

// openPages opens the pages in a folder or in a wheel, which is a ZIP file.
func openPages(at string) (fs.FS, error) {
	if !strings.HasSuffix(at, ".whl") {
		return os.DirFS(at), nil
	}
	wheel, err := zip.OpenReader(at)
	if err != nil {
		return nil, err
	}
	return fs.Sub(wheel, pagesBelow) // stays open as long as the server
}

// servePage answers with one file of the pages.
func servePage(w http.ResponseWriter, r *http.Request, pages fs.FS, name, cache string) error {
	f, err := pages.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return noPage(name)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return noPage(name)
	}
	content, ok := f.(io.ReadSeeker)
	if !ok { // packed: it can be read in one direction only
		b, err := io.ReadAll(io.LimitReader(f, maxPageFile))
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	w.Header().Set("Cache-Control", cache)
	if t, ok := pageTypes[path.Ext(name)]; ok {
		w.Header().Set("Content-Type", t)
	}
	http.ServeContent(w, r, name, info.ModTime(), content)
	return nil
}

func noPage(name string) error {
	return mlflow.Errorf(mlflow.EndpointNotFound, "The web pages have no file '%s'.", name)
}

// pageTypes are the media types of the pages. Tables of the system that lack or
// change one of them would leave the user a blank page.
var pageTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/vnd.microsoft.icon",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
	".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".woff": "font/woff", ".woff2": "font/woff2",
}
