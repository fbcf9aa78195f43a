package mstl

import (
	"encoding/binary"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/ets"
)

// A stored fit is magic; periodic (a byte: no, yes, open) and robust (a byte); the
// window, the number
// of seasons and their lengths (32 bits each, in little endian); the remainder's
// stored fit.
const (
	magic      = "MSTL\x01"
	headerSize = len(magic) + 2 + 2*4
	open       = 2 // whether seasons are all the same is left to the series
)

// MarshalBinary returns the fit as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	rest, err := f.remainder.MarshalBinary()
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	b := append([]byte(magic), open, bit(f.options.Robust))
	if f.options.Periodic != nil {
		b[len(magic)] = bit(*f.options.Periodic)
	}
	b = le.AppendUint32(b, uint32(f.options.Window))
	b = le.AppendUint32(b, uint32(len(f.seasons)))
	for _, m := range f.seasons {
		b = le.AppendUint32(b, uint32(m))
	}
	return append(b, rest...), nil
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Unmarshal reads what MarshalBinary wrote with ETS for the remainder. Anything
// else is an error of kind fault.Integrity.
func Unmarshal(data []byte) (model.LocalFit, error) { return UnmarshalWith(data, ets.Unmarshal) }

// UnmarshalWith is Unmarshal for another remainder, whose fits it reads with
// remainder.
func UnmarshalWith(data []byte, remainder func([]byte) (model.LocalFit, error)) (model.LocalFit, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return nil, damaged("these bytes are no stored fit")
	}
	le, rest := binary.LittleEndian, data[len(magic):]
	count := le.Uint32(rest[6:])
	if rest[0] > open || rest[1] > 1 || count > maxSeasons || len(data) < headerSize+4*int(count) {
		return nil, damaged("the stored fit's header is damaged")
	}
	f := &Fit{options: Options{Robust: rest[1] == 1, Window: int(le.Uint32(rest[2:]))}}
	if periodic := rest[0] == 1; rest[0] != open {
		f.options.Periodic = &periodic
	}
	rest = rest[headerSize-len(magic):]
	for i := range int(count) {
		f.seasons = append(f.seasons, int(le.Uint32(rest[4*i:])))
		if i > 0 && f.seasons[i] <= f.seasons[i-1] {
			return nil, damaged("the stored seasons are out of order")
		}
	}
	o := f.options
	o.Seasons = f.seasons
	if o.Validate() != nil {
		return nil, damaged("the stored fit's parameters are damaged")
	}
	var err error
	f.remainder, err = remainder(rest[4*count:])
	return f, err
}

func damaged(why string) error {
	return fault.New(fault.Integrity, "mstl: %s", why).WithHint("train the model again, or restore its file")
}
