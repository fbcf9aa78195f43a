package databasetest

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
)

func TestServer(t *testing.T) {
	s := Start(t)
	for range 2 { // empty each time
		dsn := s.DSN("some")
		s.Exec(`CREATE TABLE some.word (text TEXT)`)
		db, err := database.Open(t.Context(), dsn+"?tls=verify-identity&ca="+s.CA(), database.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(s.Socket()); err != nil {
		t.Error(err)
	}
	if again := Start(t); again.port != s.port {
		t.Error("a second server was started")
	}
}

// When the watching shell is let go, the server and its folder vanish.
func TestServerVanishesWithTheProgram(t *testing.T) {
	Start(t)
	s, err := launch()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.held.Close(); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		_, err := os.Stat(s.dir)
		c, dial := net.DialTimeout("tcp", s.Address(), time.Second)
		if dial == nil {
			_ = c.Close()
		}
		return os.IsNotExist(err) && dial != nil
	}
	for deadline := time.Now().Add(patience); !gone(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server is still there")
		}
	}
}
