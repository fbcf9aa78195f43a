// Package auth says who may call a server.
//
// The way of a request through the handler that Guard makes:
//
//  1. Its Host header must name an address that the server is known by: a page
//     of somebody else's that has its name resolved to this machine (DNS
//     rebinding) does not pass.
//  2. A request that a browser sends for a page of another origin may not change
//     anything.
//  3. Where keys are asked for, the request brings one, as a bearer token or as
//     the password of basic authentication, and the key has the scope that the
//     request needs.
//  4. Requests that change something are told to the audit, with whose key it was.
//
// A Keyring keeps the keys in a file. A key is shown once, when it is made; the
// file holds its SHA-256, which is enough for 256 random bits.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Scope is a part of what a server does.
type Scope string

// The scopes.
const (
	API           Scope = "api"            // predictions and forecasts
	TrackingRead  Scope = "tracking:read"  // looking at runs and models
	TrackingWrite Scope = "tracking:write" // logging and registering, and looking
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{API, TrackingRead, TrackingWrite} }

// Key is a key as it is kept: without the secret.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // whose it is
	Hash    string    `json:"sha256"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// Allows reports whether the key's scopes hold the scope; writing includes
// reading.
func (k Key) Allows(s Scope) bool {
	return slices.Contains(k.Scopes, s) || s == TrackingRead && slices.Contains(k.Scopes, TrackingWrite)
}

// prefix begins every secret, so that scanners for leaked secrets know it.
const prefix = "salesctl_"

const (
	secretBytes = 32
	idBytes     = 6
)

// newKey makes a key and its secret.
func newKey(name string, scopes []Scope, now, expires time.Time) (Key, string, error) {
	if name == "" || len(name) > 100 || strings.ContainsAny(name, ":\n\r\x00") {
		return Key{}, "", fault.New(fault.Usage, "a key's name %q must be 1 to 100 characters without colons and line ends", name)
	}
	if len(scopes) == 0 {
		return Key{}, "", fault.New(fault.Usage, "a key without a scope opens nothing")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return Key{}, "", fault.New(fault.Usage, "there is no scope %q", s).WithHint("the scopes are %s", strings.Join(names(Scopes()), ", "))
		}
	}
	if !expires.IsZero() && !expires.After(now) {
		return Key{}, "", fault.New(fault.Usage, "the key would be expired from the start")
	}
	if expires.Year() > 9999 { // what RFC 3339 can write
		return Key{}, "", fault.New(fault.Usage, "the key would expire in the year %d", expires.Year()).WithHint("a key without an end never expires")
	}
	id, random := make([]byte, idBytes), make([]byte, secretBytes)
	_, _ = rand.Read(id) // never fails
	_, _ = rand.Read(random)
	secret := prefix + base64.RawURLEncoding.EncodeToString(random)
	return Key{
		ID: hex.EncodeToString(id), Name: name, Hash: hash(secret), Scopes: scopes,
		Created: now.UTC().Truncate(time.Second), Expires: expires.UTC(),
	}, secret, nil
}

func names(scopes []Scope) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = string(s)
	}
	return out
}

// hash is what is kept of a secret.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
