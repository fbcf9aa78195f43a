package database

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

const sqliteScheme = "sqlite:///"

// forms is the hint of an error in a DSN.
const forms = "write sqlite:///sales.db, sqlite:////srv/sales.db for an absolute path, or mysql://user@host:3306/name"

// target is what a DSN names.
type target struct {
	dialect Dialect
	path    string // of a SQLite file
	server
}

// server is a database at a MySQL server.
type server struct {
	user, password string
	socket         string // instead of host and port
	host, port     string
	name           string
	tls            mode
	ca             string // file of certificates
}

// serverSchemes are the names of MySQL in a DSN.
var serverSchemes = [...]string{"mysql", "mariadb"}

// IsDSN reports whether a text means a database, and not a server or a folder: by
// its scheme alone, so that Open can say what is wrong with the rest.
func IsDSN(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	scheme, _, _ = strings.Cut(scheme, "+")
	return ok && (scheme == "sqlite" || slices.Contains(serverSchemes[:], scheme))
}

// parse reads a DSN.
func parse(dsn string) (target, error) {
	if path, ok := strings.CutPrefix(dsn, sqliteScheme); ok {
		return parseSQLite(dsn, path)
	}
	scheme, _, ok := strings.Cut(dsn, "://")
	dialect, driver, named := strings.Cut(scheme, "+")
	// The names that SQLAlchemy has for drivers of this server.
	if !ok || !slices.Contains(serverSchemes[:], dialect) ||
		named && !slices.Contains([]string{"pymysql", "mysqldb", "mysqlconnector"}, driver) {
		return target{}, refuse(dsn, "its form is not known")
	}
	return parseMySQL(dsn)
}

func parseSQLite(dsn, path string) (target, error) {
	switch {
	case path == "":
		return target{}, refuse(dsn, "it names no file")
	case strings.HasPrefix(path, ":"):
		return target{}, refuse(dsn, "a database lives in a file, not in memory")
	case strings.Contains(path, "?"):
		return target{}, refuse(dsn, "it takes no parameters after a question mark")
	case strings.ContainsRune(path, 0):
		return target{}, refuse(dsn, "a path holds no zero byte")
	}
	return target{dialect: SQLite, path: path}, nil
}

func parseMySQL(dsn string) (target, error) {
	u, err := url.Parse(dsn)
	if err != nil { // whose text holds the password
		return target{}, refuse(dsn, "it cannot be read: a user, password or name with special characters stands percent-encoded")
	}
	s := server{user: u.User.Username(), host: u.Hostname(), port: u.Port(), name: strings.TrimPrefix(u.Path, "/")}
	s.password, _ = u.User.Password()
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, refuse(dsn, "its parameters cannot be read")
	}
	if why := s.settle(q); why != "" {
		return target{}, refuse(dsn, why)
	}
	switch {
	case s.user == "":
		return target{}, refuse(dsn, "it names no user")
	case s.name == "" || strings.Contains(s.name, "/"):
		return target{}, refuse(dsn, "it names no database")
	}
	if s.host == "" {
		s.host = "localhost"
	}
	if s.port == "" {
		s.port = "3306"
	}
	return target{dialect: MySQL, server: s}, nil
}

// settle reads the parameters, under MySQL's, PyMySQL's and our own names, and
// says what is wrong with them. It never tells a value that it does not know.
func (s *server) settle(q url.Values) (why string) {
	identity := true
	for name, values := range q {
		value := values[len(values)-1]
		switch name {
		case "tls", "ssl-mode", "ssl_mode":
			if s.tls, why = parseMode(value); why != "" {
				return why
			}
		case "ca", "ssl-ca", "ssl_ca":
			s.ca = value
		case "ssl_check_hostname":
			identity = value != "false" && value != "False" && value != "0"
		case "unix_socket":
			s.socket = value
		case "charset":
			if value != "utf8mb4" {
				return "its charset must be utf8mb4"
			}
		default:
			return "the parameter " + name + " is not known; tls, ca, ssl_check_hostname, unix_socket and charset are"
		}
	}
	switch {
	case s.ca == "":
	case s.tls == unset && identity:
		s.tls = verifyIdentity
	case s.tls == unset, s.tls == required: // as MySQL's own clients do with a CA at hand
		s.tls = verifyCA
	case s.tls == off:
		return "it turns TLS off and names a CA"
	}
	return ""
}

// local reports whether the server is on this machine, so that nobody stands
// between.
func (s server) local() bool {
	ip := net.ParseIP(s.host)
	return s.socket != "" || s.host == "localhost" || ip != nil && ip.IsLoopback()
}

// address is what messages call the database.
func (s server) address() string {
	at := net.JoinHostPort(s.host, s.port)
	if s.socket != "" {
		at = s.socket
	}
	return "mysql://" + s.user + "@" + at + "/" + s.name
}

func refuse(dsn, why string) error {
	return fault.New(fault.Config, "database %q: %s", shown(dsn), why).WithHint(forms)
}

// shown is a DSN as messages tell it: without its parameters, which are refused
// where they are not known. Without a scheme, as Go's own driver of MySQL writes
// one, everything up to the host may be a secret.
func shown(dsn string) string {
	switch at := strings.LastIndexByte(dsn, '@'); {
	case strings.HasPrefix(dsn, sqliteScheme):
		return dsn
	case at >= 0 && !strings.Contains(dsn, "://"):
		dsn = fault.Mask + dsn[at:]
	}
	dsn, _, _ = strings.Cut(fault.Redact(dsn), "?")
	return dsn
}
