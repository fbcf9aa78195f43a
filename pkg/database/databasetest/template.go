package databasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// template returns the folder of system tables for this version of the server
// and makes it where it is missing. Several programs may do so at once: the last
// step is a rename.
func template(program string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	version, err := exec.CommandContext(ctx, program, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", program, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "salesctl-databasetest")
	dir := filepath.Join(cache, name(string(version)))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	install, err := find("mariadb-install-db")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	raw, err := os.MkdirTemp(cache, "new")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(raw) }()
	args := append([]string{"--no-defaults", "--datadir=" + raw, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}, small()...)
	if out, err := exec.CommandContext(ctx, install, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	if err := os.Rename(raw, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(dir); there != nil { // nobody else was faster
			return "", err
		}
	}
	return dir, nil
}

// name makes a folder's name of the version that a server tells.
func name(version string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' {
			return r
		}
		return '-'
	}, strings.TrimSpace(version[strings.LastIndex(version, "Ver")+len("Ver"):]))
}
