package boost

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// sealed returns a file whose loss reads text, of the version, in front of trees.
func sealed(version byte, text string, trees []byte) []byte {
	b := append([]byte("SCGL"), version)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	b = append(b, text...)
	return append(binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), trees...)
}

// The loss stands in front of the trees as it is written here; the squared error
// leaves the file as it was before there were others.
func TestLossComesBack(t *testing.T) {
	d := sales(200, 3, 1)
	for text, o := range map[string]Options{
		"":                                  {},
		`{"objective":"reg:absoluteerror"}`: {Objective: AbsoluteError},
		`{"objective":"reg:pseudohubererror","huber_slope":1}`:        {Objective: PseudoHuberError},
		`{"objective":"reg:pseudohubererror","huber_slope":50000.5}`:  {Objective: PseudoHuberError, HuberSlope: 50000.5},
		`{"objective":"reg:quantileerror","quantile_alpha":0.3}`:      {Objective: QuantileError, QuantileAlpha: 0.3},
		`{"objective":"reg:quantileerror","quantile_alpha":0.000001}`: {Objective: QuantileError, QuantileAlpha: 1e-6},
	} {
		o.NEstimators = 2
		m := fit(t, o, d, none)
		data := stored(t, m)
		if text != "" {
			trees := data[bytes.Index(data, magic[:]):]
			if !bytes.Equal(data, sealed(1, text, trees)) {
				t.Errorf("%s: file begins with %q", text, data[:min(len(data), 80)])
			}
			data = trees // as it was written before the loss was kept: the answers are the same
			if old, err := Unmarshal(trees); err != nil || old.loss.Objective != SquaredError || old.base != m.base {
				t.Errorf("%s: the trees alone: %v", text, err)
			}
		}
		if !bytes.HasPrefix(data, []byte("SCGB")) {
			t.Errorf("%s: the trees begin with %q", text, data[:4])
		}
		got, err := Unmarshal(stored(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, cmp.AllowUnexported(Model{}, loss{}), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(tree.Ensemble{})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	const quantile = `{"objective":"reg:quantileerror","quantile_alpha":0.3}`
	trees := stored(t, fit(t, Options{NEstimators: 1}, sales(50, 2, 1), none))
	good := sealed(1, quantile, trees)
	if _, err := Unmarshal(good); err != nil {
		t.Fatalf("the file that the others are made from: %v", err)
	}
	for name, data := range map[string][]byte{
		"another algorithm":  append([]byte("SCRF"), trees[4:]...),
		"a later version":    sealed(2, quantile, trees),
		"no loss":            sealed(1, "", trees),
		"half a loss":        sealed(1, quantile[:20], trees),
		"squared error":      sealed(1, `{"objective":"reg:squarederror"}`, trees),
		"unknown objective":  sealed(1, `{"objective":"reg:cauchy"}`, trees),
		"no quantile":        sealed(1, `{"objective":"reg:quantileerror"}`, trees),
		"quantile of 2":      sealed(1, `{"objective":"reg:quantileerror","quantile_alpha":2}`, trees),
		"no slope":           sealed(1, `{"objective":"reg:pseudohubererror"}`, trees),
		"negative slope":     sealed(1, `{"objective":"reg:pseudohubererror","huber_slope":-1}`, trees),
		"another's":          sealed(1, `{"objective":"reg:absoluteerror","huber_slope":1}`, trees),
		"unknown parameter":  sealed(1, `{"objective":"reg:absoluteerror","size":1}`, trees),
		"another spelling":   sealed(1, strings.Replace(quantile, ":0.3", ": 0.3", 1), trees),
		"two losses":         sealed(1, quantile, good),
		"no trees":           sealed(1, quantile, nil),
		"a byte too many":    append(bytes.Clone(good), 0),
		"nothing but a name": []byte("SCGL"),
	} {
		if _, err := Unmarshal(data); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 4
		for how, data := range map[string][]byte{"changed": bad, "and all behind it missing": good[:i]} {
			if _, err := Unmarshal(data); !fault.Is(err, fault.Integrity) {
				t.Errorf("byte %d %s: error %v", i, how, err)
			}
		}
	}
}

// A loss with the right checksum is refused, or is written as the same bytes again.
func FuzzUnmarshal(f *testing.F) {
	trees := stored(f, fit(f, Options{NEstimators: 2}, sales(50, 2, 1), none))
	for _, text := range []string{"", `{"objective":"reg:absoluteerror"}`, `{"objective":"reg:quantileerror","quantile_alpha":0.3}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16-1 {
			return
		}
		data := sealed(1, text, trees)
		m, err := Unmarshal(data)
		switch {
		case err != nil && !fault.Is(err, fault.Integrity):
			t.Errorf("error %v is not of kind Integrity", err)
		case err == nil && !bytes.Equal(data, stored(t, m)):
			t.Error("written as other bytes")
		}
	})
}
