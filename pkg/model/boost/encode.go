package boost

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// A model of the squared error is written as tree.Marshal writes it, which every
// release of this program reads. Any other has its loss in front:
//
//	magic     4 bytes "SCGL"
//	version   1 byte
//	length    uint16, little-endian, of the loss
//	loss      JSON
//	checksum  CRC-32 (IEEE) of everything before, 4 bytes, little-endian
//	trees     as tree.Marshal writes them, with a checksum of their own
const lossVersion = 1

var (
	magic     = [4]byte{'S', 'C', 'G', 'B'}
	lossMagic = [4]byte{'S', 'C', 'G', 'L'}
)

// loss is the objective that was boosted, and the parameters that are its own.
type loss struct {
	Objective     string  `json:"objective"`
	HuberSlope    float64 `json:"huber_slope,omitempty"`
	QuantileAlpha float64 `json:"quantile_alpha,omitempty"`
}

// loss returns what of the options, their defaults filled in, says what is
// boosted.
func (o Options) loss() loss {
	switch l := (loss{Objective: o.Objective}); o.Objective {
	case PseudoHuberError:
		l.HuberSlope = o.HuberSlope
		return l
	case QuantileError:
		l.QuantileAlpha = o.QuantileAlpha
		return l
	default:
		return l
	}
}

// MarshalBinary returns the trees, and what they were boosted for, as data.
func (m *Model) MarshalBinary() ([]byte, error) {
	trees := tree.Marshal(magic, m.base, &m.trees)
	if m.loss.Objective == SquaredError {
		return trees, nil
	}
	text, err := json.Marshal(m.loss)
	if err != nil {
		return nil, err
	}
	b := append(lossMagic[:len(lossMagic):len(lossMagic)], lossVersion)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	b = append(b, text...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return append(b, trees...), nil
}

// Unmarshal reads what MarshalBinary wrote; anything else is a fault of kind
// Integrity.
func Unmarshal(data []byte) (*Model, error) {
	l := loss{Objective: SquaredError}
	if bytes.HasPrefix(data, lossMagic[:]) {
		var err error
		if l, data, err = cutLoss(data); err != nil {
			return nil, err
		}
	}
	base, trees, err := tree.Unmarshal(magic, data)
	if err != nil {
		return nil, err
	}
	return &Model{base: base, loss: l, trees: *trees}, nil
}

// cutLoss takes the loss off data that begins with its magic.
func cutLoss(data []byte) (l loss, trees []byte, err error) {
	const head = len(lossMagic) + 1 + 2
	if len(data) < head {
		return l, nil, corrupt("data ends early")
	}
	if v := data[len(lossMagic)]; v != lossVersion {
		return l, nil, corrupt("format version %d is unknown, this program reads %d", v, lossVersion)
	}
	end := head + int(binary.LittleEndian.Uint16(data[head-2:]))
	if len(data) < end+crc32.Size {
		return l, nil, corrupt("data ends early")
	}
	if crc32.ChecksumIEEE(data[:end]) != binary.LittleEndian.Uint32(data[end:]) {
		return l, nil, corrupt("checksum does not agree")
	}
	l, err = readLoss(data[head:end])
	return l, data[end+crc32.Size:], err
}

// readLoss refuses what MarshalBinary does not write: other objectives, parameters
// out of their range, other spellings.
func readLoss(text []byte) (loss, error) {
	var l loss
	if err := json.Unmarshal(text, &l); err != nil {
		return l, corrupt("%w", err)
	}
	o := Options{Objective: l.Objective, HuberSlope: l.HuberSlope, QuantileAlpha: l.QuantileAlpha}
	if err := o.validateObjective(); err != nil {
		return l, corrupt("%w", err)
	}
	l = o.withDefaults().loss()
	if again, err := json.Marshal(l); err != nil || !bytes.Equal(again, text) || l.Objective == SquaredError {
		return l, corrupt("%q is not how an objective is written", text)
	}
	return l, nil
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Integrity, "read boosted trees: "+format, args...).
		WithHint("train the model again, or restore its file")
}
