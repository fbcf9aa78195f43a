package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/auth"
	"github.com/salesctl/salesctl/pkg/fault"
)

// keysFile holds the keys, in the state folder.
const keysFile = "keys.json"

// keyring is the file of keys of the working directory.
func (a *app) keyring() *auth.Keyring {
	return auth.NewKeyring(a.path(stateFolder+"/"+keysFile), a.now)
}

// newKeys makes `salesctl keys` and what is below it.
func newKeys(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make and revoke the keys that servers with --auth key ask for",
		Long: `Make and revoke the keys that servers with --auth key ask for. A client sends its
key as a bearer token (MLFLOW_TRACKING_TOKEN) or as the password of basic
authentication (MLFLOW_TRACKING_PASSWORD). The file of keys holds their hashes;
a revoked key stops working at once.`,
		GroupID: groupSetup,
		Example: `  salesctl keys create ann --scope tracking:write
  salesctl keys list
  salesctl keys revoke 0a1b2c3d4e5f --yes`,
	}
	cmd.AddCommand(newKeysCreate(a), newKeysList(a), newKeysRevoke(a))
	return cmd
}

func newKeysCreate(a *app) *cobra.Command {
	var scopes []string
	var days int
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a key and print it, once",
		Long: `Make a key and print it, once. With --quiet the key is all that is printed.

A name belongs to one key, also after that has expired: the audit tells names.`,
		Args: takes(1, 1),
		Example: `  salesctl keys create ann
  export MLFLOW_TRACKING_TOKEN=$(salesctl keys create dashboard --scope tracking:read --days 90 --quiet)
  salesctl keys create shop --scope api --json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if days < 0 {
				return fault.New(fault.Usage, "--days is %d, want 0 or more", days)
			}
			var expires time.Time
			if days > 0 {
				expires = a.now().AddDate(0, 0, days)
			}
			var of []auth.Scope // checked by the ring, which knows all there are
			for _, s := range scopes {
				of = append(of, auth.Scope(s))
			}
			k, secret, err := a.keyring().Create(args[0], of, expires)
			if err != nil {
				return err
			}
			if a.global.quiet && !a.forPrograms() { // what $(...) in a script takes
				_, err := fmt.Fprintln(a.stdout, secret)
				return err
			}
			a.note("keep the key: it is shown this once")
			t := keysTable([]auth.Key{k})
			t.Columns = append(t.Columns, column{Name: "key"})
			t.Rows[0] = append(t.Rows[0], secret)
			return a.render(t)
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{string(auth.API), string(auth.TrackingWrite)}, "what it opens: `SCOPES` of api, tracking:read, tracking:write")
	cmd.Flags().IntVar(&days, "days", 0, "expire after `N` days; 0 is never")
	return cmd
}

func newKeysList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, without their secrets",
		Args:  noArgs,
		Example: `  salesctl keys list
  salesctl keys list --json
  salesctl keys list -o csv`,
		RunE: func(*cobra.Command, []string) error {
			keys, err := a.keyring().List()
			if err != nil {
				return err
			}
			return a.render(keysTable(keys))
		},
	}
}

func newKeysRevoke(a *app) *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Take a key away, at once",
		Args:  takes(1, 1),
		Example: `  salesctl keys revoke 0a1b2c3d4e5f
  salesctl keys revoke 0a1b2c3d4e5f --yes
  salesctl keys revoke 0a1b2c3d4e5f --dry-run`,
		RunE: func(_ *cobra.Command, args []string) error {
			ring := a.keyring()
			k, err := ring.Get(args[0]) // before the question, which names whose it is
			if err != nil {
				return err
			}
			ok, err := c.agreed(a, "revoke key "+k.ID+" ("+k.Name+")")
			if err != nil {
				return err
			}
			if ok { // the server reads the file again at its next request
				if err := ring.Revoke(k.ID); err != nil {
					return err
				}
				a.note("revoked %s", k.ID)
			}
			return a.done(table{
				Thing: "revoked-keys", Columns: columns("id", "name", "revoked"), Rows: [][]any{{k.ID, k.Name, ok}},
			})
		},
	}
	c.add(cmd)
	return cmd
}

// keysTable shows a line a key. The secret is no part of it: nobody has it any more.
func keysTable(keys []auth.Key) table {
	t := table{Thing: "keys", Columns: columns("id", "name", "scopes", "created", "expires")}
	for _, k := range keys {
		var scopes []string
		for _, s := range k.Scopes {
			scopes = append(scopes, string(s))
		}
		var expires any
		if !k.Expires.IsZero() {
			expires = k.Expires.Format(time.RFC3339)
		}
		t.Rows = append(t.Rows, []any{k.ID, k.Name, strings.Join(scopes, " "), k.Created.Format(time.RFC3339), expires})
	}
	return t
}
