package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/salesctl/salesctl/pkg/fault"
)

const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second // a query may take long, sending it may not
	// The smallest servers that are rented out take some sixty connections, for
	// all processes together.
	mysqlWriters, mysqlReaders = 8, 8
	idle                       = 3 * time.Minute // below what proxies cut off
	lifetime                   = 30 * time.Minute
)

// sqlMode makes the server refuse what it would else round, cut or fill in, and
// read SQL as the standard and SQLite do.
const sqlMode = "'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE," +
	"ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,PIPES_AS_CONCAT'"

// A writer sees what others have committed by the time of each of its statements
// and locks the rows that it changes, not the gaps between them, from which most
// deadlocks come. A reader sees one moment.
const (
	writing = "READ COMMITTED"
	reading = "REPEATABLE READ"
)

func openMySQL(s server, o Options) (*DB, error) {
	db := &DB{dialect: MySQL, path: s.address(), wait: o.Wait}
	switch {
	case s.password != "" && !o.Secret:
		return nil, fault.New(fault.Config, "database %s: a password in an address is refused, as others can read it", db.path).
			WithHint("leave it out of the address; it comes from the environment or a file")
	case s.password == "":
		s.password = o.Password
	}
	protection, err := s.tlsConfig(o.Dir)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = s.user, s.password, s.name
	c.Net, c.Addr = "tcp", net.JoinHostPort(s.host, s.port)
	if s.socket != "" {
		c.Net, c.Addr = "unix", s.socket
	}
	c.TLS = protection
	c.Timeout, c.WriteTimeout = dialTimeout, writeTimeout
	c.MaxAllowedPacket = 0     // ask the server
	c.InterpolateParams = true // one round trip a query, not two
	c.ClientFoundRows = true
	c.Logger = &mysql.NopLogger{} // what it would print comes as an error too
	seconds := strconv.Itoa(int(max(o.Wait.Round(time.Second), time.Second).Seconds()))
	c.Params = map[string]string{
		"sql_mode": sqlMode, "time_zone": "'+00:00'",
		"innodb_lock_wait_timeout": seconds, "lock_wait_timeout": seconds,
	}
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("database %s: %w", db.path, err)
	}
	if db.writer, err = pool(c, writing, mysqlWriters); err == nil {
		db.reader, err = pool(c, reading, mysqlReaders)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", db.path, err)
	}
	return db, nil
}

func pool(c *mysql.Config, isolation string, size int) (*sql.DB, error) {
	to, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{to, isolation})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(idle)
	db.SetConnMaxLifetime(lifetime)
	return db, nil
}

// connector sets the isolation of each connection by a statement: the variable
// for it has one name in MySQL and another in MariaDB.
type connector struct {
	driver.Connector
	isolation string
}

// Connect makes a connection and sets it up.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	x, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	if _, err := x.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL "+c.isolation, nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
