package database_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/fault"
)

func TestMySQLProtection(t *testing.T) {
	s := databasetest.Start(t)
	dsn := s.DSN("protected")
	s.Exec(`CREATE OR REPLACE USER careful@'%' IDENTIFIED BY 'p@/?%:word' REQUIRE SSL`, `GRANT ALL ON protected.* TO careful@'%'`)
	careful := strings.Replace(dsn, "root@", "careful@", 1)
	withPassword := strings.Replace(dsn, "root@", "careful:p%40%2F%3F%25%3Aword@", 1)
	named := strings.Replace(careful, "127.0.0.1", "localhost", 1) // the certificate is for 127.0.0.1
	other := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(other, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	password := database.Options{Password: "p@/?%:word"}
	for _, tt := range []struct {
		name, dsn string
		o         database.Options
		kind      fault.Kind
		words     []string // none: it opens
	}{
		{"required", careful + "?tls=required", password, 0, nil},
		{"identity", careful + "?tls=verify-identity&ca=" + s.CA(), password, 0, nil},
		{"identity by SQLAlchemy's name", careful + "?ssl_ca=" + s.CA(), password, 0, nil},
		{"a relative CA", careful + "?ca=ca.pem", database.Options{Password: password.Password, Dir: filepath.Dir(s.CA())}, 0, nil},
		{"authority", named + "?tls=verify-ca&ca=" + s.CA(), password, 0, nil},
		{"a secret address", withPassword + "?tls=required", database.Options{Secret: true}, 0, nil},
		{"plain on this machine", dsn, database.Options{}, 0, nil},
		{"a socket", "mysql://root@/protected?unix_socket=" + s.Socket(), database.Options{}, 0, nil},
		{"another name", named + "?tls=verify-identity&ca=" + s.CA(), password, fault.Config, []string{"is not trusted", "ca=FILE"}},
		{"an unknown authority", careful + "?tls=verify-ca", password, fault.Config, []string{"is not trusted"}},
		{"no CA file", careful + "?ca=/absent.pem", password, fault.Config, []string{"/absent.pem", "PEM"}},
		{"a CA file of another kind", careful + "?ca=" + other, password, fault.Config, []string{"holds no certificate"}},
		{"plain to another machine", "mysql://me@192.0.2.1/s?tls=off", database.Options{}, fault.Config, []string{"plain connection to another machine is refused", "tls=required"}},
		{"an open address", withPassword, database.Options{}, fault.Config, []string{"a password in an address is refused", "environment"}},
		{"no password", careful + "?tls=required", database.Options{}, fault.Auth, []string{"refuses the user", "password"}},
		{"the user may not go plain", careful, password, fault.Auth, []string{"refuses the user"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := database.Open(t.Context(), tt.dsn, tt.o)
			if db != nil {
				defer func() { _ = db.Close() }()
			}
			if tt.words == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantKind(t, err, tt.kind, tt.words...)
			if strings.Contains(err.Error(), "word") && !strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), "p@/") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}

// plainOnly answers each connection as a server without TLS does: with a greeting
// whose capabilities lack CLIENT_SSL, as
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
// lays it out.
func plainOnly(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	const secureConnection, protocol41, pluginAuth = 1 << 15, 1 << 9, 1 << 19
	const caps = secureConnection | protocol41 | pluginAuth
	body := "\x0a8.4.0\x00" + "\x01\x00\x00\x00" + "saltsalt\x00"
	body += string([]byte{byte(caps & 0xff), byte(caps >> 8 & 0xff), 45, 2, 0, byte(caps >> 16 & 0xff), byte(caps >> 24), 21})
	body += strings.Repeat("\x00", 10) + "saltsaltsalt\x00" + "mysql_native_password\x00"
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write(append([]byte{byte(len(body)), 0, 0, 0}, body...))
		}
	}()
	return l.Addr().String()
}

func TestMySQLServerWithoutTLS(t *testing.T) {
	_, err := database.Open(t.Context(), "mysql://me@"+plainOnly(t)+"/s?tls=required", database.Options{})
	wantKind(t, err, fault.Config, "does not offer TLS, and a plain connection to it is refused", "turn TLS on")
}

func TestMySQLFaults(t *testing.T) {
	s := databasetest.Start(t)
	db, dsn := words(t)
	s.Exec(`CREATE OR REPLACE USER plain@'%'`, `GRANT SELECT, INSERT, CREATE, UPDATE ON words.* TO plain@'%'`,
		`CREATE OR REPLACE USER single@'%' WITH MAX_USER_CONNECTIONS 1`, `GRANT ALL ON words.* TO single@'%'`)
	as := func(user string) string { return strings.Replace(dsn, "root@", user+"@", 1) }
	plain := open(t, as("plain"), database.Options{})
	single := open(t, as("single"), database.Options{})

	t.Run("no such database", func(t *testing.T) {
		_, err := database.Open(t.Context(), strings.Replace(dsn, "/words", "/absent", 1), database.Options{Create: true})
		wantKind(t, err, fault.NotFound, "/absent does not exist", "utf8mb4")
	})
	t.Run("no such user", func(t *testing.T) {
		_, err := database.Open(t.Context(), as("nobody"), database.Options{})
		wantKind(t, err, fault.Auth, as("nobody"), "refuses the user", "check user and password")
	})
	t.Run("no right to the database", func(t *testing.T) {
		_, err := database.Open(t.Context(), strings.Replace(as("plain"), "/words", "/mysql", 1), database.Options{})
		wantKind(t, err, fault.Auth, "refuses the user", "grant")
	})
	t.Run("no right to delete", func(t *testing.T) {
		wantKind(t, plain.InTx(t.Context(), exec(t.Context(), `DELETE FROM word`)), fault.Auth, "refuses the user", "grant")
	})
	t.Run("unreachable", func(t *testing.T) {
		_, err := database.Open(t.Context(), "mysql://me@127.0.0.1:1/s", database.Options{})
		wantKind(t, err, fault.Unavailable, "mysql://me@127.0.0.1:1/s", "cannot be reached", "host and port")
	})
	t.Run("too many connections", func(t *testing.T) {
		err := single.InTx(t.Context(), func(*sql.Tx) error {
			return single.InSnapshot(t.Context(), func(*sql.Tx) error { return nil })
		})
		wantKind(t, err, fault.Unavailable, "takes no more connections", "max_connections")
	})
	t.Run("read-only", func(t *testing.T) {
		s.Exec(`COMMIT`, `SET GLOBAL read_only = 1`) // which is refused within a transaction
		defer s.Exec(`COMMIT`, `SET GLOBAL read_only = 0`)
		wantKind(t, plain.InTx(t.Context(), insert(t.Context(), 1, "a")), fault.Unavailable, "is read-only", "primary")
	})
	t.Run("a full table", func(t *testing.T) {
		if err := db.InTx(t.Context(), exec(t.Context(), `CREATE TABLE small (text CHAR(200)) ENGINE=MEMORY MAX_ROWS=1`)); err != nil {
			t.Fatal(err)
		}
		err := db.InTx(t.Context(), func(tx *sql.Tx) error {
			for {
				if err := exec(t.Context(), `SET max_heap_table_size = 16384`)(tx); err != nil {
					return err
				}
				if err := exec(t.Context(), `INSERT INTO small SELECT REPEAT('x', 200) FROM seq_1_to_100000`)(tx); err != nil {
					return err
				}
			}
		})
		wantKind(t, err, fault.Failure, "cannot grow", "free space")
	})
	t.Run("a packet too large", func(t *testing.T) {
		err := db.InTx(t.Context(), insert(t.Context(), 1, strings.Repeat("x", 17<<20)))
		wantKind(t, err, fault.Failure, "larger than the server takes", "max_allowed_packet")
	})
	t.Run("of the caller", func(t *testing.T) {
		want := fault.New(fault.Rejected, "no").WithHint("yes")
		if err := db.InTx(t.Context(), func(*sql.Tx) error { return want }); err != error(want) {
			t.Errorf("error %v", err)
		}
		wantKind(t, db.InTx(t.Context(), exec(t.Context(), `SELECT * FROM absent`)), fault.Failure, dsn, "absent")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := database.Open(ctx, dsn, database.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	if n := count(t, db); n != 0 {
		t.Errorf("%d words stayed", n)
	}
}
