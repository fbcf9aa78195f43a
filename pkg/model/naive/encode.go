package naive

import (
	"encoding/binary"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// A stored fit is magic, season and window, both 32 bits in little endian.
const magic = "NAIVE\x01"

// MarshalBinary returns the fit as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint32([]byte(magic), uint32(f.season))
	return binary.LittleEndian.AppendUint32(b, uint32(f.window)), nil
}

// Unmarshal reads what MarshalBinary wrote. Anything else is an error of kind
// fault.Integrity.
func Unmarshal(data []byte) (model.LocalFit, error) {
	if len(data) != len(magic)+8 || string(data[:len(magic)]) != magic {
		return nil, fault.New(fault.Integrity, "naive: these %d bytes are no stored fit", len(data))
	}
	counts := data[len(magic):]
	f := &Fit{
		season: int(binary.LittleEndian.Uint32(counts)),
		window: int(binary.LittleEndian.Uint32(counts[4:])),
	}
	if f.season < 1 || f.season > maxCount || f.window > maxCount {
		return nil, fault.New(fault.Integrity, "naive: a stored season of %d and window of %d periods are damaged", f.season, f.window)
	}
	return f, nil
}
