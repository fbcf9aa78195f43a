package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/disk"
)

// placeFile names the tracking place that the records of a folder wait for.
const placeFile = "place"

// Place is a tracking place and how many records wait for it.
type Place struct {
	Name    string
	Records int
}

// OpenFor opens the spool of one tracking place, a folder of its own below root:
// what one server was meant to get must not reach another because the settings
// changed while it was away.
func OpenFor(root, place string, o Options) (*Spool, error) {
	sum := sha256.Sum256([]byte(place))
	s, err := Open(filepath.Join(root, hex.EncodeToString(sum[:8])), o)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(s.dir, placeFile)
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := disk.WriteFile(name, []byte(place+"\n")); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

// Places lists the tracking places for which records wait below root, by name.
// There are none where root does not exist.
func Places(root string) ([]Place, error) {
	folders, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var places []Place
	for _, f := range folders {
		s := Spool{dir: filepath.Join(root, f.Name())}
		name, err := os.ReadFile(filepath.Join(s.dir, placeFile))
		if err != nil { // not a folder that OpenFor made
			continue
		}
		waiting, err := s.Len()
		if err != nil {
			return nil, err
		}
		if waiting > 0 {
			places = append(places, Place{Name: strings.TrimSuffix(string(name), "\n"), Records: waiting})
		}
	}
	slices.SortFunc(places, func(a, b Place) int { return strings.Compare(a.Name, b.Name) })
	return places, nil
}
