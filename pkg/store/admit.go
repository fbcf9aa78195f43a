package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// admission is what the loads before mean for a new one.
type admission struct {
	oldest int64 // of the loads that it is compared with
	id     int64 // its own, if it is written
	known  bool  // the same bytes were loaded before: their refusals are no news
	empty  bool  // nothing is visible beside it
}

// admit decides whether a source may be loaded into the database as it is.
func (s *Store) admit(ctx context.Context, tx *sql.Tx, src sales.Source) (admission, error) {
	loads, err := s.loads(ctx, tx)
	if err != nil {
		return admission{}, err
	}
	a := admission{id: 1} // counted here, as the view and the cache go by its order
	if len(loads) > 0 {
		a.id += loads[len(loads)-1].ID
	}
	past := visible(loads)
	if src.Replace && !restores(past, src) {
		past = nil
	}
	if len(past) == 0 {
		a.oldest, a.empty = a.id, true
		return a, nil
	}
	a.oldest = past[0].ID
	a.known = slices.ContainsFunc(past, func(l Load) bool { return l.Digest == src.Digest })
	return a, s.compatible(past[len(past)-1].Source, src)
}

// restores reports whether replacing everything visible by the source would give
// back what stands there, so that it need not be written.
func restores(past []Load, src sales.Source) bool {
	return len(past) == 1 && past[0].Digest == src.Digest && past[0].Sample == src.Sample &&
		writeSchema(past[0].Schema) == writeSchema(src.Schema) &&
		writeFormat(past[0].Format) == writeFormat(src.Format)
}

// compatible keeps the sample and a user's data apart and the mapping one.
func (s *Store) compatible(have, src sales.Source) error {
	const replace = "run it with --replace to hide what is there; nothing is deleted"
	switch {
	case have.Sample && !src.Sample:
		return fault.New(fault.Invalid, "%s is not loaded: database %s holds the sample data, which is not mixed with yours", src.Name, s.Path()).WithHint(replace)
	case src.Sample && !have.Sample:
		return fault.New(fault.Invalid, "the sample is not loaded: database %s holds data of your own, from %s", s.Path(), have.Name).WithHint(replace)
	case src.Sample && src.Digest != have.Digest:
		return fault.New(fault.Invalid, "the sample is not loaded: database %s holds the sample of another version", s.Path()).WithHint(replace)
	}
	if diff := difference(have, src); diff != "" {
		return fault.New(fault.Conflict, "%s is not loaded: database %s holds %s", src.Name, s.Path(), diff).WithHint(replace)
	}
	return nil
}

// difference tells the first thing in which two mappings differ, "" for none.
// Headers count as much as names: units under the header of dollars would stand
// beside the dollars as corrections of them. The layout of dates may change.
func difference(have, want sales.Source) string {
	if a, b := have.Schema.Frequency.String(), want.Schema.Frequency.String(); a != b {
		return "periods of frequency " + a + ", the file " + b
	}
	for _, list := range []struct {
		noun       string
		have, want []string
	}{
		{"key", have.Schema.KeyNames, want.Schema.KeyNames},
		{"columns", have.Schema.ColumnNames, want.Schema.ColumnNames},
		{"static columns", have.Schema.StaticNames, want.Schema.StaticNames},
		{"date under the header", []string{have.Format.Date}, []string{want.Format.Date}},
		{"target under the header", []string{have.Format.Target}, []string{want.Format.Target}},
		{"key under the header", have.Format.Keys, want.Format.Keys},
		{"columns under the headers", have.Format.Columns, want.Format.Columns},
		{"static columns under the headers", have.Format.Static, want.Format.Static},
	} {
		if !slices.Equal(list.have, list.want) {
			return "the " + list.noun + " " + names(list.have) + ", the file " + names(list.want)
		}
	}
	return ""
}

func names(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
