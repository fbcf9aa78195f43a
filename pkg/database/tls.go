package database

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// mode is how far the connection to a server is protected, by the names of
// MySQL's own clients:
// https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
type mode uint8

const (
	unset          mode = iota // required, or off where the server is on this machine
	off                        // plain
	required                   // against who listens
	verifyCA                   // and against who claims to be a server of ours
	verifyIdentity             // and against another server of ours
)

func parseMode(text string) (mode, string) {
	switch strings.ReplaceAll(strings.ToLower(text), "_", "-") {
	case "off", "disabled":
		return off, ""
	case "required":
		return required, ""
	case "verify-ca":
		return verifyCA, ""
	case "verify-identity":
		return verifyIdentity, ""
	}
	return unset, "its tls is off, required, verify-ca or verify-identity"
}

// tlsConfig returns nil for a plain connection, which is refused to a server
// elsewhere.
func (s server) tlsConfig(dir string) (*tls.Config, error) {
	m := s.tls
	switch {
	case m == off && !s.local():
		return nil, fault.New(fault.Config, "database %s: a plain connection to another machine is refused", s.address()).
			WithHint("write tls=required, or tls=verify-identity&ca=FILE with the certificate of the server's authority")
	case m == off, m == unset && s.local():
		return nil, nil
	}
	c := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		var err error
		if c.RootCAs, err = readCA(s.ca, dir); err != nil {
			return nil, fault.New(fault.Config, "database %s: %w", s.address(), err).
				WithHint("ca names a file of certificates in PEM form")
		}
	}
	switch m {
	case unset, required:
		c.InsecureSkipVerify = true // encrypted, against whoever listens
	case verifyCA:
		c.InsecureSkipVerify = true // crypto/tls would ask for the name too
		c.VerifyConnection = func(state tls.ConnectionState) error { return signed(state.PeerCertificates, c.RootCAs) }
	}
	return c, nil
}

func readCA(path, dir string) (*x509.CertPool, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}

// signed checks the chain without the name.
func signed(chain []*x509.Certificate, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err
}
