package arima

import (
	"encoding/binary"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// A stored fit is, in little endian: magic; p, d, converged (a byte each);
// periods and iterations (32 bits each); log-likelihood, sigma2 and the p
// coefficients (64-bit floats).
const (
	magic      = "ARIMA\x01"
	headerSize = len(magic) + 3 + 2*4
)

// MarshalBinary returns the parameters and statistics as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	b := append(make([]byte, 0, storedSize(f.order.P)), magic...)
	b = append(b, byte(f.order.P), byte(f.order.D), 0)
	if f.converged {
		b[len(b)-1] = 1
	}
	b = le.AppendUint32(b, uint32(f.periods))
	b = le.AppendUint32(b, uint32(f.iterations))
	b = le.AppendUint64(b, math.Float64bits(f.llf))
	b = le.AppendUint64(b, math.Float64bits(f.sigma2))
	for _, c := range f.phi {
		b = le.AppendUint64(b, math.Float64bits(c))
	}
	return b, nil
}

func storedSize(p int) int { return headerSize + 8*(2+p) }

// Unmarshal reads what MarshalBinary wrote. Anything else is an error of kind
// fault.Integrity.
func Unmarshal(data []byte) (model.LocalFit, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return nil, damaged("these %d bytes are no stored fit", len(data))
	}
	le, rest := binary.LittleEndian, data[len(magic):]
	f := &Fit{order: Order{P: int(rest[0]), D: int(rest[1])}, periods: int(le.Uint32(rest[3:]))}
	f.converged, f.iterations = rest[2] == 1, int(le.Uint32(rest[7:]))
	if f.order.Validate() != nil || rest[2] > 1 || len(data) != storedSize(f.order.P) {
		return nil, damaged("the stored fit's header is damaged")
	}
	numbers := make([]float64, 2+f.order.P)
	for i := range numbers {
		numbers[i] = math.Float64frombits(le.Uint64(data[headerSize+8*i:]))
	}
	f.llf, f.sigma2, f.phi = numbers[0], numbers[1], numbers[2:]
	if !f.plausible() {
		return nil, damaged("the stored fit's parameters are damaged")
	}
	return f, nil
}

// plausible tells whether the numbers are those of a fit.
func (f *Fit) plausible() bool {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	return finite(f.llf) && f.sigma2 >= 0 && finite(f.sigma2) && newFilter(f.order).start(f.phi, f.sigma2)
}

func damaged(format string, args ...any) error {
	return fault.New(fault.Integrity, "arima: "+format, args...).WithHint("train the model again, or restore its file")
}
