package database

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/salesctl/salesctl/pkg/fault"
)

// The numbers of the server's errors that have a meaning here:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and,
// where MariaDB has its own, https://mariadb.com/kb/en/mariadb-error-code-reference/
const (
	errDiskFull         = 1021
	errWriteFile        = 1026
	errTooManyConns     = 1040
	errDatabaseDenied   = 1044
	errAccessDenied     = 1045
	errUnknownDatabase  = 1049
	errShutdown         = 1053
	errDuplicate        = 1062
	errUnnamed          = 1105
	errTableFull        = 1114
	errTableDenied      = 1142
	errPacketTooLarge   = 1153
	errTooManyOfUser    = 1203
	errLockWait         = 1205
	errDeadlock         = 1213
	errUserLimit        = 1226
	errPrivilege        = 1227
	errOptionPrevents   = 1290 // --read-only, most of the time
	errNoPasswordUsed   = 1698
	errReadOnlyMode     = 1836
	errConnectionKilled = 1927 // MariaDB
	errPlainForbidden   = 3159 // require_secure_transport
)

// noSpace is how the text of errWriteFile, which is about every failed write, tells
// a full disk: the server quotes its system.
const noSpace = "No space left on device"

func isMySQL(err error) bool {
	_, ok := errors.AsType[*mysql.MySQLError](err)
	return ok
}

func number(err error) uint16 {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// mysqlDuplicate is IsDuplicate for MySQL.
func mysqlDuplicate(err error) bool { return number(err) == errDuplicate }

// mysqlFault gives an error of the driver or the server its kind, a hint and the
// address; nil where it is neither's.
func (db *DB) mysqlFault(err error) error {
	if n := number(err); n != 0 {
		return db.serverFault(n, err)
	}
	if f := db.tlsFault(err); f != nil {
		return f
	}
	_, dial := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, mysql.ErrPktTooLarge):
		return db.tooLarge(err)
	case dial:
		return fault.New(fault.Unavailable, "database %s cannot be reached: %w", db.path, err).
			WithHint("check that the server runs, and the host and port in the address")
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return db.lost(err)
	}
	return nil
}

func (db *DB) serverFault(n uint16, err error) error {
	of := func(kind fault.Kind, what, hint string) error {
		return fault.New(kind, "database %s%s: %w", db.path, what, err).WithHint("%s", hint)
	}
	switch n {
	case errLockWait, errDeadlock:
		return db.locked(err)
	case errWriteFile:
		if !strings.Contains(err.Error(), noSpace) {
			return of(fault.Failure, " cannot be written", "look into the server's error log; nothing was changed")
		}
		fallthrough
	case errDiskFull, errTableFull:
		return db.full(err, "free space on the server's disk, and run the command again; nothing was changed")
	case errPacketTooLarge:
		return db.tooLarge(err)
	case errUnnamed: // among others, the packet of a prepared statement
		if strings.Contains(err.Error(), "max_allowed_packet") {
			return db.tooLarge(err)
		}
	case errUnknownDatabase:
		return of(fault.NotFound, " does not exist", "have the server's administrator create it, with CHARACTER SET utf8mb4")
	case errAccessDenied, errNoPasswordUsed:
		return of(fault.Auth, " refuses the user", "check user and password; the password comes from the environment or a file")
	case errDatabaseDenied, errTableDenied, errPrivilege:
		return of(fault.Auth, " refuses the user", "have the server's administrator grant the user all privileges on the database")
	case errTooManyConns, errTooManyOfUser, errUserLimit:
		return of(fault.Unavailable, " takes no more connections", "try again, or raise max_connections of the server")
	case errOptionPrevents, errReadOnlyMode:
		return of(fault.Unavailable, " is read-only", "name the primary server, or try again when it takes writes")
	case errPlainForbidden:
		return of(fault.Config, " takes no plain connections", "add tls=required, or tls=verify-identity&ca=FILE, to the address")
	case errShutdown, errConnectionKilled:
		return db.lost(err)
	}
	return nil
}

// tlsFault tells what went wrong before the server had a word.
func (db *DB) tlsFault(err error) error {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return fault.New(fault.Config, "database %s: the server does not offer TLS, and a plain connection to it is refused: %w", db.path, err).
			WithHint("turn TLS on at the server")
	case unverified, authority, host:
		return fault.New(fault.Config, "database %s: the server's certificate is not trusted: %w", db.path, err).
			WithHint("name the certificate of its authority with ca=FILE, and the host as the certificate does; tls=required does not check either")
	}
	return nil
}

func (db *DB) tooLarge(err error) error {
	return fault.New(fault.Failure, "database %s: a value is larger than the server takes: %w", db.path, err).
		WithHint("raise max_allowed_packet of the server")
}

func (db *DB) lost(err error) error {
	return fault.New(fault.Unavailable, "database %s: the connection is lost: %w", db.path, err).
		WithHint("try again when the server is back; a change that was under way may or may not be there")
}
