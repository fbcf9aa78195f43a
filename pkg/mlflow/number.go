package mlflow

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// Number is the value of a metric. JSON has no word for some of them: NaN and
// the infinities go over the wire as the strings that MLflow's protocol buffers
// write, "NaN", "Infinity" and "-Infinity".
type Number float64

// MarshalJSON writes a number, or the string of one that JSON cannot hold.
func (n Number) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

// AppendJSON appends what MarshalJSON writes.
func (n Number) AppendJSON(b []byte) []byte {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e16:
		return strconv.AppendFloat(b, f, 'f', 1, 64) // 3.0: a whole metric is no int to Python's json
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// UnmarshalJSON reads a number, or a string that holds one.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return fmt.Errorf("%s is not a number", b)
	}
	*n = Number(f)
	return nil
}
