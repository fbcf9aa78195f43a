package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// send answers with a file below the place, or with the range of it that is asked
// for. The file is an attachment: no browser shows it as a page of this server,
// whose scripts would run with the user's rights.
func (h *handler) send(w http.ResponseWriter, r *http.Request, at place, below string) error {
	f, err := open(r.Context(), at, below)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	head := w.Header()
	head.Set("Content-Type", contentType(below))
	head.Set("Content-Disposition", disposition(path.Base(below)))
	head.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("Range") != "" {
		http.ServeContent(w, r, "", time.Time{}, newPieces(f))
		return nil
	}
	head.Set("Accept-Ranges", "bytes")
	head.Set("Content-Length", strconv.FormatInt(f.Size(), 10))
	if r.Method == http.MethodHead {
		return nil
	}
	// An error is no answer any more: part of the file is on its way. The length
	// promised above makes net/http cut the connection, and the client notice.
	if _, err := artifact.Copy(w, f); err != nil && r.Context().Err() == nil {
		h.Logger.WarnContext(r.Context(), "an artifact broke off on its way", "path", at.name(below), "error", err)
	}
	return nil
}

// open opens a file below the place.
func open(ctx context.Context, at place, below string) (artifact.File, error) {
	name, folder := at.name(below), at.folder(below)
	f, err := artifact.File(nil), error(nil)
	if folder != "" {
		if f, err = at.store.Get(ctx, folder); !fault.Is(err, fault.NotFound) {
			return f, err
		}
	}
	inside, listErr := at.store.List(ctx, folder)
	if folder == "" || listErr == nil && len(inside) > 0 {
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Artifact path refers to a directory, not a file: '%s'", name)
	}
	return nil, mlflow.Errorf(mlflow.ResourceDoesNotExist, "No such artifact: '%s'", name)
}

// pieces reads a file in large pieces, however small the ones that are asked of
// it: a piece may be a request to a store far away.
type pieces struct {
	*bufio.Reader
	section *io.SectionReader
}

func newPieces(f artifact.File) *pieces {
	s := io.NewSectionReader(f, 0, f.Size())
	return &pieces{bufio.NewReaderSize(s, 1<<20), s}
}

// Seek moves and forgets what was read ahead.
func (p *pieces) Seek(offset int64, whence int) (int64, error) {
	at, err := p.section.Seek(offset, whence)
	p.Reset(p.section)
	return at, err
}

// disposition names the file for whoever saves it: RFC 6266, and RFC 5987 where
// the name is not ASCII.
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r > 0x7e {
			return -1
		}
		return r
	}, norm.NFKD.String(name))
	if plain == name {
		return "attachment; filename=" + quoted(name)
	}
	if plain == "" {
		plain = "download"
	}
	return "attachment; filename=" + quoted(plain) + "; filename*=UTF-8''" + percent(name)
}

// quoted returns the value as a token of RFC 9110, in quotes where it is none.
func quoted(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !isAttr(byte(r)) && !strings.ContainsRune("%'*", r) }) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// percent encodes all bytes but RFC 5987's attr-char.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isAttr(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isAttr reports whether c is an attr-char of RFC 5987.
func isAttr(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// contentType guesses from the name, as MLflow does: what it shows as text is
// text/plain, and what it does not know is bytes. A table of our own, since those
// of the system differ from machine to machine.
func contentType(name string) string {
	base := path.Base(name)
	ext := strings.TrimPrefix(path.Ext(base), ".")
	if ext == "" || "."+ext == base {
		ext = base
	}
	if slices.Contains(textExtensions, ext) {
		return "text/plain"
	}
	base = strings.ToLower(base)
	for _, c := range []string{".gz", ".bz2", ".xz", ".br", ".z"} {
		base = strings.TrimSuffix(base, c) // the type is that of what is compressed
	}
	if t, ok := types[strings.TrimPrefix(path.Ext(base), ".")]; ok {
		return t
	}
	return "application/octet-stream"
}

// textExtensions are the extensions, and the names without one, that MLflow's
// pages show as text.
var textExtensions = []string{
	"txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon", "toml", "yaml", "yml", "xml",
	"json", "js", "py", "py3", "csv", "tsv", "md", "rst", "ipynb", "MLmodel", "mlproject",
}

// types are the media types of other files that runs log.
var types = map[string]string{
	"avif": "image/avif", "bmp": "image/bmp", "gif": "image/gif", "ico": "image/vnd.microsoft.icon", "jpeg": "image/jpeg",
	"jpg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff", "webp": "image/webp",
	"css": "text/css", "csv": "text/csv", "json": "application/json", "md": "text/markdown", "txt": "text/plain", "xml": "text/xml",
	"htm": "text/html", "html": "text/html", "c": "text/plain", "h": "text/plain", "pl": "text/plain",
	"aac": "audio/aac", "mp3": "audio/mpeg", "wav": "audio/x-wav", "avi": "video/x-msvideo", "mov": "video/quicktime",
	"mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpeg", "webm": "video/webm",
	"doc": "application/msword", "eps": "application/postscript", "h5": "application/x-hdf5", "hdf": "application/x-hdf",
	"mjs": "text/javascript", "nc": "application/x-netcdf", "pdf": "application/pdf", "ppt": "application/vnd.ms-powerpoint",
	"ps": "application/postscript", "pyc": "application/x-python-code", "sh": "application/x-sh", "tar": "application/x-tar",
	"tex": "application/x-tex", "tgz": "application/x-tar", "wasm": "application/wasm", "xls": "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "zip": "application/zip",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
