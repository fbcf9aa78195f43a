package ets

import (
	"encoding/binary"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// A stored fit is, in little endian: magic; error, trend, season, damped and
// converged (a byte each); the observed periods and the season's length, 0 for
// none (32 bits each); alpha, beta, gamma, phi, log-likelihood, sigma2, level,
// growth and the seasonal states (64-bit floats).
const (
	magic      = "ETS\x01"
	headerSize = len(magic) + 5 + 2*4
	numbers    = 8
)

// MarshalBinary returns the parameters and statistics as data.
func (f *Fit) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	flag := map[bool]byte{true: 1}
	b := append(make([]byte, 0, headerSize+8*(numbers+len(f.start.season))), magic...)
	b = append(b, byte(f.form.Error), byte(f.form.Trend), byte(f.form.Season), flag[f.form.Damped], flag[f.converged])
	b = le.AppendUint32(b, uint32(f.observed))
	b = le.AppendUint32(b, uint32(len(f.start.season)))
	w := f.weights
	for _, v := range append([]float64{w.alpha, w.beta, w.gamma, w.phi, f.llf, f.sigma2, f.start.level, f.start.growth}, f.start.season...) {
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
	le, head := binary.LittleEndian, data[len(magic):headerSize]
	season := int(le.Uint32(head[9:]))
	f := &Fit{
		form:     Form{Component(head[0]), Component(head[1]), Component(head[2]), head[3] == 1},
		observed: int(le.Uint32(head[5:])), converged: head[4] == 1,
	}
	if head[3] > 1 || head[4] > 1 || !f.form.valid(season) || len(data) != headerSize+8*(numbers+season) {
		return nil, damaged("the stored fit's header is damaged")
	}
	all := make([]float64, numbers+season)
	for i := range all {
		all[i] = math.Float64frombits(le.Uint64(data[headerSize+8*i:]))
		if math.IsNaN(all[i]) || math.IsInf(all[i], 0) {
			return nil, damaged("a stored number is damaged")
		}
	}
	f.weights = weights{all[0], all[1], all[2], all[3]}
	f.llf, f.sigma2 = all[4], all[5]
	f.start = states{level: all[6], growth: all[7]}
	if season > 0 {
		f.start.season = all[numbers:]
	}
	if w := f.weights; !(w.alpha >= 0 && w.alpha <= 1 && w.beta >= 0 && w.beta <= w.alpha && w.gamma >= 0 && w.gamma <= 1 && w.phi > 0 && w.phi <= 1 && f.sigma2 >= 0) {
		return nil, damaged("the stored fit's parameters are damaged")
	}
	return f, nil
}

// valid tells whether the form is one, for a season of m periods.
func (f Form) valid(m int) bool {
	return f.Error >= Additive && f.Error <= Multiplicative && f.Trend <= Multiplicative && f.Season <= Multiplicative &&
		(!f.Damped || f.Trend != None) && (f.Season != None) == (m > 1) && m <= maxSeason
}

func damaged(why string) error {
	return fault.New(fault.Integrity, "ets: %s", why).WithHint("train the model again, or restore its file")
}
