package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"go.yaml.in/yaml/v3"

	"github.com/salesctl/salesctl/pkg/evaluate"
)

// writeTable writes aligned columns for people.
func writeTable(w io.Writer, t table, rows [][]any, color bool) error {
	tw := pretty.NewWriter()
	style := pretty.StyleDefault
	style.Options = pretty.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	if color {
		style.Color.Header = text.Colors{text.Bold}
	}
	tw.SetStyle(style)
	tw.SuppressTrailingSpaces()
	header := make(pretty.Row, len(t.Columns))
	configs := make([]pretty.ColumnConfig, len(t.Columns))
	for j, c := range t.Columns {
		header[j] = c.Name
		align := text.AlignLeft
		if numeric(rows, j) {
			align = text.AlignRight
		}
		configs[j] = pretty.ColumnConfig{Number: j + 1, Align: align, AlignHeader: align}
	}
	tw.AppendHeader(header)
	tw.SetColumnConfigs(configs)
	for _, row := range rows {
		cells := make(pretty.Row, len(row))
		for j, v := range row {
			cells[j] = forPeople(v, t.Columns[j].Places)
		}
		tw.AppendRow(cells)
	}
	_, err := io.WriteString(w, tw.Render()+"\n")
	return err
}

// numeric reports whether a column has numbers and nothing else.
func numeric(rows [][]any, j int) bool {
	some := false
	for _, row := range rows {
		switch row[j].(type) {
		case nil:
		case int64, uint64, float64:
			some = true
		default:
			return false
		}
	}
	return some
}

// forPeople writes a cell of the table.
func forPeople(v any, places int) string {
	switch v := v.(type) {
	case float64:
		if places == 0 {
			places = 2
		}
		return strconv.FormatFloat(v, 'f', places, 64)
	case string:
		return visible(v)
	}
	return forData(v)
}

// visible replaces control characters, which could drive the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// forData writes a cell with all its digits; no value is empty.
func forData(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// writeCSV writes RFC 4180 with a header and newlines as line ends.
func writeCSV(w io.Writer, t table, rows [][]any) error {
	cw := csv.NewWriter(w)
	record := make([]string, len(t.Columns))
	for j, c := range t.Columns {
		record[j] = c.Name
	}
	_ = cw.Write(record) // csv.Writer keeps its error for the end
	for _, row := range rows {
		for j, v := range row {
			record[j] = forData(v)
		}
		if len(record) == 1 && record[0] == "" { // csv.Writer would leave an empty line, which readers skip
			cw.Flush()
			if _, err := io.WriteString(w, `""`); err != nil {
				return err
			}
		}
		_ = cw.Write(record)
	}
	cw.Flush()
	return cw.Error()
}

// writeNDJSON writes one object a line.
func writeNDJSON(w io.Writer, t table, rows [][]any) error {
	for _, row := range rows {
		line, err := t.object(row)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes the envelope, one line a row.
func writeJSON(w io.Writer, t table, rows [][]any) error {
	schema, err := marshal("salesctl/" + t.Thing + "/v1")
	if err != nil {
		return err
	}
	head, row := t.Meta.row()
	meta, err := head.object(row)
	if err != nil {
		return err
	}
	warnings, err := marshal(append([]string{}, t.Warnings...))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"schema\": %s,\n  \"meta\": %s,\n  \"data\": [", schema, meta)
	for i, row := range rows {
		line, err := t.object(row)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    %s", line)
	}
	if len(rows) > 0 {
		b.WriteString("\n  ")
	}
	fmt.Fprintf(&b, "],\n  \"warnings\": %s\n}\n", warnings)
	_, err = w.Write(b.Bytes())
	return err
}

// object writes a row as an object whose members stand in the columns' order,
// which a Go map would lose.
func (t table) object(row []any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for j, v := range row {
		name, err := marshal(t.Columns[j].Name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(v)
		if err != nil {
			return nil, err
		}
		if j > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// writeYAML writes the same envelope as JSON.
func writeYAML(w io.Writer, t table, rows [][]any) error {
	data := &yaml.Node{Kind: yaml.SequenceNode}
	if len(rows) == 0 {
		data.Style = yaml.FlowStyle
	}
	for _, row := range rows {
		data.Content = append(data.Content, t.node(row))
	}
	warnings := &yaml.Node{}
	if err := warnings.Encode(append([]string{}, t.Warnings...)); err != nil {
		return err
	}
	head, row := t.Meta.row()
	doc := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range []struct {
		name  string
		value *yaml.Node
	}{
		{"schema", scalar("salesctl/" + t.Thing + "/v1")},
		{"meta", head.node(row)},
		{"data", data},
		{"warnings", warnings},
	} {
		doc.Content = append(doc.Content, scalar(m.name), m.value)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	return enc.Close()
}

// node is object for YAML, whose mapping nodes keep their order.
func (t table) node(row []any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for j, v := range row {
		value := scalar(v)
		if m, ok := v.([]tuningMeta); ok {
			value = tuningNode(m)
		}
		n.Content = append(n.Content, scalar(t.Columns[j].Name), value)
	}
	return n
}

// scalar makes a node of a cell; text that looks like something else is quoted.
func scalar(v any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: forData(v)}
	switch v.(type) {
	case nil:
		n.Value = "null"
	case string:
		n.SetString(n.Value)
	}
	return n
}

// row lays the meta out like a row: what is empty is null, and what a table of
// scores compares is there only for one.
func (m meta) row() (table, []any) {
	t := table{Columns: columns("model_version", "trained_through", "data_through")}
	values := []string{m.ModelVersion, m.TrainedThrough, m.DataThrough}
	if m.Compared != (evaluate.Statement{}) {
		t.Columns = append(t.Columns, columns("rows", "horizon", "information")...)
		values = append(values, m.Compared.Rows, m.Compared.Horizon, m.Compared.Information)
	}
	row := make([]any, len(values))
	for i, v := range values {
		if v != "" {
			row[i] = v
		}
	}
	if m.Tuning != nil {
		t.Columns, row = append(t.Columns, columns("tuning")...), append(row, m.Tuning)
	}
	return t, row
}
