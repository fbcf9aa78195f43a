package etl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// places are the positions of a mapping's columns in the fields of a record.
type places struct {
	width   int // fields of a record
	keys    []int
	date    int
	target  int
	columns []int
	static  []int
	header  []string
	used    []int    // positions of all of the above
	unused  []string // headers that the mapping does not name
}

// place finds the mapping's columns in the header.
func (p plan) place(file string, line int, header []string) (places, error) {
	header = slices.Clone(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	f := finder{header: header}
	at := places{
		width:   len(header),
		header:  header,
		keys:    f.all("data.keys", p.Keys),
		date:    f.find("data.date", p.Date),
		target:  f.find("data.target", p.Target),
		columns: f.all("data.columns", p.format().Columns),
		static:  f.all("data.static", p.Static),
	}
	if err := f.fault(file, line); err != nil {
		return places{}, err
	}
	at.used = f.used
	for i, h := range header {
		if h != "" && !slices.Contains(f.used, i) {
			at.unused = append(at.unused, h)
		}
	}
	return at, nil
}

// finder looks for columns in a header and gathers what it does not find.
type finder struct {
	header  []string
	used    []int
	twice   string // a header that stands in the file more than once
	missing []miss
}

// miss is a wanted header that the file lacks.
type miss struct{ setting, want string }

func (f *finder) all(setting string, want []string) []int {
	at := make([]int, len(want))
	for i, w := range want {
		at[i] = f.find(setting, w)
	}
	return at
}

// find returns the position of the wanted header, the exact one before one that
// differs in case, -1 where there is none.
func (f *finder) find(setting, want string) int {
	want = strings.TrimSpace(want)
	var exact, alike []int
	for i, h := range f.header {
		if h == want {
			exact = append(exact, i)
		}
		if strings.EqualFold(h, want) {
			alike = append(alike, i)
		}
	}
	found := exact
	if len(found) == 0 {
		found = alike
	}
	if len(found) == 0 {
		f.missing = append(f.missing, miss{setting, want})
		return -1
	}
	if len(found) > 1 {
		f.twice = want
	}
	f.used = append(f.used, found[0])
	return found[0]
}

// near returns the header without a use that is most like the wanted one, "" for
// none.
func (f *finder) near(want string) string {
	names := make([]string, len(f.header))
	for i, h := range f.header {
		if !slices.Contains(f.used, i) {
			names[i] = ourName(h)
		}
	}
	if i := slices.Index(names, fault.Nearest(ourName(want), names)); i >= 0 && names[i] != "" {
		return f.header[i]
	}
	return ""
}

// hint tells what to do about the missing headers: each that is like one of the
// file by itself, the others by setting.
func (f *finder) hint() string {
	var hints, settings []string
	others := map[string][]string{} // by setting
	spare := false
	for _, m := range f.missing {
		spare = spare || m.setting == "data.columns"
		if near := f.near(m.want); near != "" {
			hints = append(hints, fmt.Sprintf("did you mean %q for %q? name it under %s", near, m.want, m.setting))
			continue
		}
		if others[m.setting] == nil {
			settings = append(settings, m.setting)
		}
		others[m.setting] = append(others[m.setting], m.want)
	}
	for _, setting := range settings {
		if n := others[setting]; len(n) == 1 {
			hints = append(hints, fmt.Sprintf("name the column for %q under %s", n[0], setting))
		} else {
			hints = append(hints, fmt.Sprintf("name the columns for these %d under %s", len(n), setting))
		}
	}
	hint := strings.Join(hints, "; ") + " in salesctl.yaml"
	if spare {
		hint += "; or leave out of data.columns what the file lacks: data: {columns: {}} is for none"
	}
	return hint
}

// fault is the error of all that was looked for, nil where all was found. Any
// name that stands twice is refused, used or not: it shows that the columns of
// the file were joined by mistake. Blank ones, which spreadsheets add, are none.
func (f *finder) fault(file string, line int) error {
	seen := make(map[string]bool, len(f.header))
	for _, h := range f.header {
		if h != "" && seen[h] {
			f.twice = h
		}
		seen[h] = true
	}
	switch {
	case len(f.missing) > 0:
		what, names := "column", make([]string, len(f.missing))
		for i, m := range f.missing {
			names[i] = strconv.Quote(m.want)
		}
		if len(names) > 1 {
			what = "columns"
		}
		return fault.New(fault.Invalid, "%s: line %d: the header has no %s %s; it has %s", file, line,
			what, strings.Join(names, ", "), list(f.header)).
			WithHint("%s", f.hint())
	case f.twice != "":
		return fault.New(fault.Invalid, "%s: line %d: the header has the column %q twice", file, line, f.twice).
			WithHint("rename or remove one of the two")
	}
	return nil
}

// list joins names for a message and cuts a long list short.
func list(names []string) string {
	const most = 20
	quoted := make([]string, 0, most)
	for i, n := range names {
		if i == most {
			return strings.Join(quoted, ", ") + fmt.Sprintf(" and %d more", len(names)-most)
		}
		quoted = append(quoted, quote(n))
	}
	return strings.Join(quoted, ", ")
}
