package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// A pipeline file is a container of named sections:
//
//	magic    8 bytes  "SALESCTL"
//	version  uint32   little-endian, as are all numbers
//	length   uint32   of the table
//	table    JSON     [{"name","offset","length","sha256"}], offsets from the file's start
//	checksum 32 bytes SHA-256 of all of the above
//	sections          one after another
//
// It holds data only, and no time and no id, so that the same training gives the
// same bytes.
const (
	magic          = "SALESCTL"
	currentVersion = 2
	headerSize     = len(magic) + 8
	maxTable       = 1 << 20
)

type section struct {
	Name   string `json:"name"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Sum    []byte `json:"sha256"`
}

// writer collects the sections of a file.
type writer struct {
	names  []string
	bodies [][]byte
}

func (w *writer) add(name string, body []byte) {
	w.names = append(w.names, name)
	w.bodies = append(w.bodies, body)
}

// bytes lays the file out. The table's length depends on the offsets and these
// on the table's length, so the table is padded with spaces to a fixed point.
func (w *writer) bytes() ([]byte, error) {
	table := make([]section, len(w.names))
	size := 0
	var encoded []byte
	for {
		at := int64(headerSize + size + sha256.Size)
		for i, body := range w.bodies {
			sum := sha256.Sum256(body)
			table[i] = section{w.names[i], at, int64(len(body)), sum[:]}
			at += int64(len(body))
		}
		var err error
		if encoded, err = json.Marshal(table); err != nil {
			return nil, err
		}
		if len(encoded) <= size {
			break
		}
		size = len(encoded)
	}
	out := append([]byte(magic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(out[len(magic):], currentVersion)
	binary.LittleEndian.PutUint32(out[len(magic)+4:], uint32(size))
	out = append(out, encoded...)
	out = append(out, bytes.Repeat([]byte(" "), size-len(encoded))...)
	sum := sha256.Sum256(out)
	out = append(out, sum[:]...)
	for _, body := range w.bodies {
		out = append(out, body...)
	}
	return out, nil
}

// container reads the sections of a file when they are asked for.
type container struct {
	r        io.ReaderAt
	sections []section
}

// openContainer checks every byte of the file against the checksums; what the
// sections mean is read when it is asked for.
func openContainer(r io.ReaderAt, size int64) (*container, error) {
	head := make([]byte, headerSize)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:len(magic)]) != magic {
		return nil, damaged("it does not begin as one")
	}
	if v := binary.LittleEndian.Uint32(head[len(magic):]); v != currentVersion {
		return nil, fault.New(fault.Integrity, "pipeline file has format %d, this program reads format %d", v, currentVersion).
			WithHint("use the salesctl that wrote it, or run `salesctl train` again")
	}
	// Lengths are not to be trusted before the checksum is: they bound what is
	// allocated.
	length := int64(binary.LittleEndian.Uint32(head[len(magic)+4:]))
	if length > maxTable {
		return nil, damaged("its table is too long")
	}
	table := make([]byte, length+sha256.Size)
	if _, err := r.ReadAt(table, int64(headerSize)); err != nil {
		return nil, damaged("it ends within its table")
	}
	sum := sha256.Sum256(append(head, table[:length]...))
	if !bytes.Equal(sum[:], table[length:]) {
		return nil, damaged("its table does not match its checksum")
	}
	c := &container{r: r}
	if err := json.Unmarshal(table[:length], &c.sections); err != nil {
		return nil, damaged("its table cannot be read")
	}
	end := int64(headerSize) + length + sha256.Size
	for _, s := range c.sections {
		if s.Offset != end || s.Length < 0 || s.Length > size-end {
			return nil, damaged("it does not hold its section " + s.Name + " whole")
		}
		if err := c.verify(s); err != nil {
			return nil, err
		}
		end += s.Length
	}
	if end != size {
		return nil, damaged("something stands behind its last section")
	}
	return c, nil
}

// verify checks a section against its checksum.
func (c *container) verify(s section) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(c.r, s.Offset, s.Length)); err != nil {
		return damaged("its section " + s.Name + " cannot be read: " + err.Error())
	}
	if !bytes.Equal(sum.Sum(nil), s.Sum) {
		return damaged("its section " + s.Name + " does not match its checksum")
	}
	return nil
}

// read returns a section.
func (c *container) read(name string) ([]byte, error) {
	i := slices.IndexFunc(c.sections, func(s section) bool { return s.Name == name })
	if i < 0 {
		return nil, damaged("it has no section " + name)
	}
	body := make([]byte, c.sections[i].Length)
	if _, err := io.ReadFull(io.NewSectionReader(c.r, c.sections[i].Offset, c.sections[i].Length), body); err != nil {
		return nil, damaged("its section " + name + " cannot be read: " + err.Error())
	}
	return body, nil
}

// readJSON reads a section that holds JSON.
func (c *container) readJSON(name string, into any) error {
	body, err := c.read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return damaged("its section " + name + " cannot be read: " + err.Error())
	}
	return nil
}

func damaged(why string) error {
	return fault.New(fault.Integrity, "the pipeline file is damaged: %s", why).
		WithHint("run `salesctl train` again, or bring the file back from a copy")
}
