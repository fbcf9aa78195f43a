package artifact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sweep removes unfinished files that were last written before the moment. All of
// them lie in the store's own folder, so that it costs one look however much the
// store holds.
func (l Local) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	found, err := os.ReadDir(l.dir)
	if absent(err) {
		return 0, ctx.Err()
	}
	for _, f := range found {
		if ctx.Err() != nil {
			break
		}
		if !strings.HasPrefix(f.Name(), unfinished) || !f.Type().IsRegular() {
			continue
		}
		info, infoErr := f.Info()
		if absent(infoErr) || infoErr == nil && !info.ModTime().Before(before) { // finished meanwhile, or at work
			continue
		}
		if infoErr = errors.Join(infoErr, os.Remove(filepath.Join(l.dir, f.Name()))); infoErr == nil {
			removed++
		}
		err = errors.Join(err, infoErr)
	}
	return removed, errors.Join(err, ctx.Err())
}
