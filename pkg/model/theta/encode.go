package theta

import (
	"encoding/binary"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// A stored fit is, in little endian: magic; variant and whether the season is
// multiplicative (a byte each); the number of seasonal indices (32 bits); alpha,
// theta, level, intercept, slope, criterion and the indices (64-bit floats).
const (
	magic      = "THETA\x01"
	headerSize = len(magic) + 2 + 4
	numbers    = 6
)

// MarshalBinary returns the parameters as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	b := append(make([]byte, 0, headerSize+8*(numbers+len(f.season.indices))), magic...)
	b = append(b, byte(f.variant), 0)
	if f.season.multiplicative {
		b[len(b)-1] = 1
	}
	b = le.AppendUint32(b, uint32(len(f.season.indices)))
	for _, v := range append([]float64{f.alpha, f.theta, f.level, f.line.intercept, f.line.slope, f.criterion}, f.season.indices...) {
		b = le.AppendUint64(b, math.Float64bits(v))
	}
	return b, nil
}

// Unmarshal reads what MarshalBinary wrote. Anything else is an error of kind
// fault.Integrity.
func Unmarshal(data []byte) (model.LocalFit, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return nil, damaged("these bytes are no stored fit")
	}
	rest := data[len(magic):]
	length := int(binary.LittleEndian.Uint32(rest[2:]))
	if Variant(rest[0]) >= Auto || rest[1] > 1 || length > maxSeason || len(data) != headerSize+8*(numbers+length) {
		return nil, damaged("the stored fit's header is damaged")
	}
	all := make([]float64, numbers+length)
	for i := range all {
		all[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[headerSize+8*i:]))
		if math.IsNaN(all[i]) || math.IsInf(all[i], 0) {
			return nil, damaged("a stored number is damaged")
		}
	}
	f := &Fit{
		variant: Variant(rest[0]), alpha: all[0], theta: all[1], level: all[2],
		line: trend{all[3], all[4]}, criterion: all[5],
	}
	if length > 0 {
		f.season = season{indices: all[numbers:], multiplicative: rest[1] == 1}
	}
	if rest[1] == 1 && length == 0 || !f.plausible() {
		return nil, damaged("the stored fit's parameters are damaged")
	}
	return f, nil
}

func damaged(why string) error {
	return fault.New(fault.Integrity, "theta: %s", why).WithHint("train the model again, or restore its file")
}

// plausible tells whether the numbers are those of a fit.
func (f *Fit) plausible() bool {
	ok := f.alpha >= leastAlpha && f.alpha <= mostAlpha && f.theta >= 1 && f.criterion >= 0
	return ok && (!f.season.multiplicative || above(f.season.indices, leastIndex))
}
