package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// stamp is how times are written: of one width, so that their order is that of
// the text.
const stamp = "2006-01-02T15:04:05.000000000Z"

func writeTime(t time.Time) string { return t.UTC().Format(stamp) }

// appendNumbers writes numbers as a JSON array that readNumbers reads back bit
// for bit: the shortest decimals that round-trip, null for NaN, and 9e999, which
// SQLite too reads as infinite.
func appendNumbers(dst []byte, v []float64) []byte {
	dst = append(dst, '[')
	for i, x := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case math.IsNaN(x):
			dst = append(dst, "null"...)
		case math.IsInf(x, 1):
			dst = append(dst, "9e999"...)
		case math.IsInf(x, -1):
			dst = append(dst, "-9e999"...)
		default:
			dst = strconv.AppendFloat(dst, x, 'g', -1, 64)
		}
	}
	return append(dst, ']')
}

// readNumbers reads what appendNumbers wrote. It is the inner loop of Panel,
// where encoding/json takes several times as long.
func readNumbers(text string) ([]float64, error) {
	body, opened := strings.CutPrefix(text, "[")
	body, closed := strings.CutSuffix(body, "]")
	if !opened || !closed {
		return nil, fmt.Errorf("%q is no array of numbers", text)
	}
	if body == "" {
		return []float64{}, nil
	}
	v := make([]float64, 0, strings.Count(body, ",")+1)
	for field := range strings.SplitSeq(body, ",") {
		if field == "null" {
			v = append(v, math.NaN())
			continue
		}
		x, err := strconv.ParseFloat(field, 64)
		if err != nil && !math.IsInf(x, 0) { // 9e999 is out of range, and infinite
			return nil, fmt.Errorf("%q is no array of numbers", text)
		}
		v = append(v, x)
	}
	return v, nil
}

// nullable turns NaN into the NULL of a column.
func nullable(v float64) any {
	if math.IsNaN(v) {
		return nil
	}
	return v
}

func orNaN(v sql.NullFloat64) float64 {
	if !v.Valid {
		return math.NaN()
	}
	return v.Float64
}

// writeStrings writes a list of strings, nil as an empty one.
func writeStrings(v []string) string { return writeJSON(append([]string{}, v...)) }

func readStrings(text string) ([]string, error) {
	var v []string
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("%q is no array of strings: %w", text, err)
	}
	if len(v) == 0 {
		return nil, nil
	}
	return v, nil
}

// schema is how a sales.Schema stands in the table load, where the view
// walmart_sales reads it too.
type schema struct {
	Frequency string   `json:"frequency"`
	Keys      []string `json:"keys"`
	Columns   []string `json:"columns,omitempty"`
	Static    []string `json:"static,omitempty"`
}

func writeSchema(s sales.Schema) string {
	return writeJSON(schema{s.Frequency.String(), s.KeyNames, s.ColumnNames, s.StaticNames})
}

func readSchema(text string) (sales.Schema, error) {
	var s schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return sales.Schema{}, fmt.Errorf("schema %q: %w", text, err)
	}
	f, err := sales.ParseFrequency(s.Frequency)
	if err != nil {
		return sales.Schema{}, fmt.Errorf("schema %q: %w", text, err)
	}
	return sales.Schema{Frequency: f, KeyNames: s.Keys, ColumnNames: s.Columns, StaticNames: s.Static}, nil
}

// format is how a sales.Format stands in the table load.
type format struct {
	DateLayout string   `json:"layout"`
	Keys       []string `json:"keys,omitempty"`
	Date       string   `json:"date"`
	Target     string   `json:"target"`
	Columns    []string `json:"columns,omitempty"`
	Static     []string `json:"static,omitempty"`
	Decimal    string   `json:"decimal,omitempty"`
}

func writeFormat(f sales.Format) string { return writeJSON(format(f)) }

func readFormat(text string) (sales.Format, error) {
	var f format
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return sales.Format{}, fmt.Errorf("format %q: %w", text, err)
	}
	return sales.Format(f), nil
}

// writeJSON is for strings and lists of them, which always can be written.
func writeJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
