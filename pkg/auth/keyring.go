package auth

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/disk"
	"github.com/salesctl/salesctl/pkg/fault"
)

// Keyring is a file of keys. It is safe for concurrent use; what another process
// writes is seen at once, so that a revoked key stops working without a restart.
type Keyring struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	seen fs.FileInfo // of what is in keys; nil before the first look
	keys []Key
}

// NewKeyring returns the keys in the file, which Create makes where it is missing.
func NewKeyring(path string, now func() time.Time) *Keyring {
	return &Keyring{path: path, now: now}
}

// List returns the keys, the oldest first.
func (r *Keyring) List() ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.look()
	return slices.Clone(r.keys), err
}

// Find returns the key that a secret belongs to. An unknown, expired or revoked
// one is a fault.Auth.
func (r *Keyring) Find(secret string) (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.look(); err != nil {
		return Key{}, err
	}
	want := hash(secret)
	for _, k := range r.keys {
		if subtle.ConstantTimeCompare([]byte(k.Hash), []byte(want)) != 1 {
			continue
		}
		if !k.Expires.IsZero() && !r.now().Before(k.Expires) {
			return k, fault.New(fault.Auth, "the key %s expired on %s", k.ID, k.Expires.Format(time.DateOnly)).WithHint("ask for a new one: salesctl keys create")
		}
		return k, nil
	}
	return Key{}, fault.New(fault.Auth, "the key is unknown or was revoked").WithHint("salesctl keys list shows those that work")
}

// Create adds a key and returns it with its secret, which is kept nowhere. A name
// that another key has is a fault.Usage.
func (r *Keyring) Create(name string, scopes []Scope, expires time.Time) (Key, string, error) {
	k, secret, err := newKey(name, scopes, r.now(), expires)
	if err != nil {
		return k, "", err
	}
	err = r.change(func(keys []Key) ([]Key, error) {
		for _, other := range keys {
			if other.Name == name {
				return nil, fault.New(fault.Usage, "there is a key %q already: %s", name, other.ID).
					WithHint("name it otherwise, or first: salesctl keys revoke %s", other.ID)
			}
		}
		return append(keys, k), nil
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// Get returns the key of an id.
func (r *Keyring) Get(id string) (Key, error) {
	keys, err := r.List()
	if err != nil {
		return Key{}, err
	}
	i, err := find(keys, id)
	if err != nil {
		return Key{}, err
	}
	return keys[i], nil
}

func find(keys []Key, id string) (int, error) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return i, fault.New(fault.NotFound, "there is no key %q", id).WithHint("salesctl keys list shows the ids")
	}
	return i, nil
}

// Revoke takes the key away.
func (r *Keyring) Revoke(id string) error {
	return r.change(func(keys []Key) ([]Key, error) {
		i, err := find(keys, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(keys, i, i+1), nil
	})
}

// look reads the file where it has changed.
func (r *Keyring) look() error {
	info, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		r.keys, r.seen = nil, nil
		return nil
	}
	if err != nil {
		return err
	}
	if r.seen != nil && os.SameFile(info, r.seen) && info.ModTime().Equal(r.seen.ModTime()) && info.Size() == r.seen.Size() {
		return nil
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		return err
	}
	var keys []Key
	if err := json.Unmarshal(text, &keys); err != nil {
		return fault.New(fault.Integrity, "the keys in %s cannot be read: %w", r.path, err).WithHint("restore the file, or remove it and make new keys")
	}
	r.keys, r.seen = keys, info
	return nil
}

// change rewrites the file under a lock of its own, which keeps two programs from
// losing each other's keys.
func (r *Keyring) change(f func([]Key) ([]Key, error)) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return err
	}
	release, err := r.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	r.seen = nil // whatever the clock of the disk says
	if err := r.look(); err != nil {
		return err
	}
	keys, err := f(slices.Clone(r.keys))
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return err
	}
	r.seen = nil
	return disk.WriteFile(r.path, append(text, '\n'))
}

// How long a change waits for that of another program, which takes milliseconds.
const (
	lockWait = 5 * time.Second
	lockPoll = 5 * time.Millisecond
)

// lock takes the lock of the file. The system gives it back when the program ends,
// however that ends, so that no lock is ever stale.
func (r *Keyring) lock() (release func() error, err error) {
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		release, ok, err := disk.TryLock(r.path + ".lock")
		if ok || err != nil {
			return release, err
		}
		if time.Now().After(deadline) {
			return nil, fault.New(fault.Unavailable, "%s is being changed by another program", r.path).WithHint("wait until it is done")
		}
	}
}
