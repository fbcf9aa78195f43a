package naive

import (
	"encoding/binary"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// A stored fit is magic, of which the last byte is 2 for drift, season and window,
// both 32 bits in little endian.
const (
	magic      = "NAIVE\x01"
	driftMagic = "NAIVE\x02"
)

// MarshalBinary returns the fit as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	m := magic
	if f.drift {
		m = driftMagic
	}
	b := binary.LittleEndian.AppendUint32([]byte(m), uint32(f.season))
	return binary.LittleEndian.AppendUint32(b, uint32(f.window)), nil
}

// Unmarshal reads what MarshalBinary wrote. Anything else is an error of kind
// fault.Integrity.
func Unmarshal(data []byte) (model.LocalFit, error) {
	if len(data) != len(magic)+8 {
		return nil, damaged("these %d bytes are no stored fit", len(data))
	}
	drift := string(data[:len(magic)]) == driftMagic
	if !drift && string(data[:len(magic)]) != magic {
		return nil, damaged("these %d bytes are no stored fit", len(data))
	}
	counts := data[len(magic):]
	f := &Fit{
		season: int(binary.LittleEndian.Uint32(counts)),
		window: int(binary.LittleEndian.Uint32(counts[4:])),
		drift:  drift,
	}
	if drift && f.window != 0 || f.season < 1 || f.season > maxCount || f.window > maxCount {
		return nil, damaged("a stored season of %d and window of %d periods are damaged", f.season, f.window)
	}
	return f, nil
}

func damaged(format string, args ...any) error {
	return fault.New(fault.Integrity, "naive: "+format, args...).WithHint("train the model again, or restore its file")
}
