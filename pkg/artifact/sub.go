package artifact

import (
	"context"
	"io"
	"path"
	"strings"
)

// Divider is a store whose parts can what the whole can, such as to presign.
type Divider interface {
	Sub(folder string) Store
}

// Sub returns the part of the store below the folder, with paths from there. ""
// is all of it. A folder that leaves the store makes a part whose every path does.
func Sub(s Store, folder string) Store {
	if folder == "" {
		return s
	}
	c, err := Clean(folder)
	if err != nil {
		return sub{s, folder}
	}
	if d, ok := s.(Divider); ok {
		return d.Sub(c)
	}
	return sub{s, c}
}

type sub struct {
	Store
	folder string
}

func (s sub) below(p string) (string, error) {
	c, err := Clean(p)
	return path.Join(s.folder, c), err
}

// Put writes below the folder.
func (s sub) Put(ctx context.Context, p string, r io.Reader) error {
	p, err := s.below(p)
	if err != nil {
		return err
	}
	return s.Store.Put(ctx, p, r)
}

// Get opens below the folder.
func (s sub) Get(ctx context.Context, p string) (File, error) {
	p, err := s.below(p)
	if err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, p)
}

// List reads below the folder and cuts it off the answer.
func (s sub) List(ctx context.Context, folder string) ([]Entry, error) {
	at := s.folder
	if folder != "" {
		var err error
		if at, err = s.below(folder); err != nil {
			return nil, err
		}
	}
	entries, err := s.Store.List(ctx, at)
	for i := range entries {
		entries[i].Path = strings.TrimPrefix(entries[i].Path, s.folder+"/")
	}
	return entries, err
}

// Delete removes below the folder.
func (s sub) Delete(ctx context.Context, p string) error {
	p, err := s.below(p)
	if err != nil {
		return err
	}
	return s.Store.Delete(ctx, p)
}
