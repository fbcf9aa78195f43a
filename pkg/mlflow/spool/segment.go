package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// line is one line of a segment. The checksum is CRC-32C of the record's bytes
// as they stand there.
type line struct {
	Sum    string          `json:"crc32c"`
	Record json.RawMessage `json:"record"`
}

func sum(raw []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli)))
}

// encode writes records as lines.
func encode(records []record.Record) ([]byte, error) {
	var b bytes.Buffer
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("record of run %q: %w", r.Name, err)
		}
		out, err := json.Marshal(line{sum(raw), raw})
		if err != nil {
			return nil, err
		}
		b.Write(append(out, '\n'))
	}
	return b.Bytes(), nil
}

// entry is a line that was read: a record, or bytes and what is wrong with them.
type entry struct {
	record record.Record
	raw    []byte
	err    error
}

// decode reads one line.
func decode(raw []byte) entry {
	var l line
	e := entry{raw: raw}
	if e.err = json.Unmarshal(raw, &l); e.err != nil {
		return e
	}
	if s := sum(l.Record); s != l.Sum {
		e.err = fmt.Errorf("checksum %s, want %s", s, l.Sum)
		return e
	}
	if e.err = json.Unmarshal(l.Record, &e.record); e.err == nil {
		e.err = e.record.Check()
	}
	return e
}

// read reads a segment. A line without its end is broken, too.
func read(path string) (entries []entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := bufio.NewReader(f)
	for {
		raw, err := b.ReadBytes('\n')
		if len(raw) > 0 {
			entries = append(entries, decode(raw))
		}
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
