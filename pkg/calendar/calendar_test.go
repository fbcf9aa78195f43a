package calendar_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

var fridays = sales.Frequency{Ends: time.Friday}

func ExampleCalendar() {
	c := calendar.New(sales.Frequency{Ends: time.Friday}, nil)
	week := sales.Date(2010, time.December, 31) // holds Christmas, a Saturday
	fmt.Println(c.Flag(week), c.In(week))
	fmt.Println(c.Flag(week-7), c.In(week-7))
	// Output:
	// true [christmas]
	// false []
}

// The plain rule, the week that holds the day, gives every flag of the sample.
func TestFlagGivesEveryFlagOfTheSample(t *testing.T) {
	records, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := calendar.New(fridays, nil)
	flagged := 0
	for line, r := range records[1:] {
		day, err := time.Parse("02-01-2006", r[1])
		if err != nil {
			t.Fatal(err)
		}
		want := r[3] == "1"
		if want {
			flagged++
		}
		if got := c.Flag(sales.Date(day.Date())); got != want {
			t.Errorf("line %d: store %s, %s: flag %v, want %v", line+2, r[0], r[1], got, want)
		}
	}
	if len(records) != 6436 || flagged != 450 {
		t.Errorf("%d lines with %d flags, want 6436 with 450", len(records), flagged)
	}
}

// Dates as almanacs have them.
func TestDates(t *testing.T) {
	for _, tc := range []struct {
		name string
		days []string
	}{
		{calendar.SuperBowl, []string{"2001-01-28", "2002-02-03", "2003-01-26", "2004-02-01", "2010-02-07", "2012-02-05", "2021-02-07", "2022-02-13", "2025-02-09"}},
		{calendar.Easter, []string{"1961-04-02", "2000-04-23", "2008-03-23", "2010-04-04", "2011-04-24", "2012-04-08", "2019-04-21", "2024-03-31", "2025-04-20", "2038-04-25", "2049-04-18", "2076-04-19", "2106-04-18"}},
		{calendar.MothersDay, []string{"2010-05-09", "2011-05-08", "2016-05-08", "2022-05-08"}},
		{calendar.MemorialDay, []string{"2010-05-31", "2011-05-30", "2021-05-31", "2024-05-27"}},
		{calendar.IndependenceDay, []string{"2010-07-04", "2026-07-04"}},
		{calendar.BackToSchool, []string{"2010-08-06", "2011-08-05", "2014-08-01", "2020-08-07"}},
		{calendar.LaborDay, []string{"2010-09-06", "2011-09-05", "2015-09-07", "2025-09-01"}},
		{calendar.Thanksgiving, []string{"2010-11-25", "2012-11-22", "2018-11-22", "2019-11-28"}},
		{calendar.Christmas, []string{"2010-12-25", "2023-12-25"}},
	} {
		i := slices.IndexFunc(calendar.Builtin(), func(h calendar.Holiday) bool { return h.Name == tc.name })
		if i < 0 {
			t.Fatalf("%s is not there", tc.name)
		}
		h := calendar.Builtin()[i]
		for _, want := range tc.days {
			day, _ := sales.ParsePeriod(want)
			if got, ok := h.Date(day.Time().Year()); !ok || got != day {
				t.Errorf("%s: %s, %v, want %s", tc.name, got, ok, want)
			}
		}
	}
}

func TestEasterIsASundayOfItsSeason(t *testing.T) {
	easter := calendar.Builtin()[1]
	for y := calendar.FirstYear; y <= calendar.LastYear; y++ {
		day, _ := easter.Date(y)
		if day.Time().Weekday() != time.Sunday || day < sales.Date(y, time.March, 22) || day > sales.Date(y, time.April, 25) {
			t.Errorf("%d: %s", y, day)
		}
	}
}

func TestOwnHolidayHasOnlyItsDates(t *testing.T) {
	inventory := calendar.Holiday{Name: "inventory", Flagged: true, Dates: []sales.Period{sales.Date(2012, 1, 15), sales.Date(2010, 1, 17)}}
	c := calendar.New(fridays, []calendar.Holiday{inventory})
	h := c.Len() - 1
	if c.Name(h) != "inventory" {
		t.Fatalf("the last holiday is %s", c.Name(h))
	}
	week := sales.Date(2012, 1, 20)
	if !c.Flag(week) || c.Weekday(week) {
		t.Errorf("%s: flag %v, weekday %v, want true, false", week, c.Flag(week), c.Weekday(week))
	}
	for _, tc := range []struct {
		period               sales.Period
		until, since, offset int
	}{
		{week, 0, 0, 0},
		{week - 7, 1, 103, -1},
		{week + 14, calendar.Far, 2, 2},
		{sales.Date(2010, 1, 8), 2, calendar.Far, -2},
	} {
		if u, s, o := c.Until(h, tc.period), c.Since(h, tc.period), c.Offset(h, tc.period); u != tc.until || s != tc.since || o != tc.offset {
			t.Errorf("%s: until %d, since %d, offset %d, want %d, %d, %d", tc.period, u, s, o, tc.until, tc.since, tc.offset)
		}
	}
	if day, ok := inventory.Date(2010); !ok || day != sales.Date(2010, 1, 17) {
		t.Errorf("2010: %s, %v", day, ok)
	}
	if _, ok := inventory.Date(2011); ok {
		t.Error("2011 has an inventory")
	}
	never := calendar.New(fridays, []calendar.Holiday{{Name: "never"}})
	if got := never.Offset(never.Len()-1, week); got != calendar.Far {
		t.Errorf("a holiday that never occurs is %d away", got)
	}
}

func TestWeekday(t *testing.T) {
	c := calendar.New(fridays, nil)
	for _, tc := range []struct {
		week string
		want bool
	}{
		{"2010-11-26", true},  // Thanksgiving
		{"2010-12-31", false}, // Christmas goes by the date
		{"2010-04-09", false}, // Easter is not flagged
		{"2010-05-14", false}, // Mother's Day is not flagged
		{"2010-11-19", false},
	} {
		week, _ := sales.ParsePeriod(tc.week)
		if got := c.Weekday(week); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.week, got, tc.want)
		}
	}
}

// Until and Since agree with a walk from period to period, for every frequency.
func TestDistancesAgreeWithAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := sales.Frequency{
			Unit: sales.Unit(rapid.IntRange(0, 2).Draw(t, "unit")),
			Ends: time.Weekday(rapid.IntRange(0, 6).Draw(t, "ends")),
		}
		c := calendar.New(f, nil)
		h := rapid.IntRange(0, c.Len()-1).Draw(t, "holiday")
		p := f.Of(sales.Period(rapid.Int32Range(0, 60_000).Draw(t, "day")))
		holds := func(q sales.Period) bool { return slices.Contains(c.In(q), c.Name(h)) }
		until, since := 0, 0
		for !holds(f.Add(p, until)) {
			until++
		}
		for !holds(f.Add(p, -since)) {
			since++
		}
		if c.Until(h, p) != until || c.Since(h, p) != since {
			t.Fatalf("%s to %s by %s: until %d, since %d, want %d, %d", p, c.Name(h), f, c.Until(h, p), c.Since(h, p), until, since)
		}
		offset := -until
		if since < until {
			offset = since
		}
		if got := c.Offset(h, p); got != offset {
			t.Fatalf("%s to %s by %s: offset %d, want %d", p, c.Name(h), f, got, offset)
		}
	})
}

// The Saturdays to Fridays before Easter: six of the seven days lie in one week,
// the seventh, a Saturday, in the week that holds Easter.
func TestRunUp(t *testing.T) {
	monthly := sales.Frequency{Unit: sales.Monthly}
	for _, tc := range []struct {
		frequency sales.Frequency
		holiday   string
		period    string
		want      float64
	}{
		{fridays, calendar.Easter, "2012-03-30", 0},
		{fridays, calendar.Easter, "2012-04-06", 6. / 7},
		{fridays, calendar.Easter, "2012-04-13", 1. / 7},
		{fridays, calendar.Easter, "2012-04-20", 0},
		{fridays, calendar.Christmas, "2010-12-24", 1},
		{fridays, calendar.Christmas, "2010-12-31", 0},
		{monthly, calendar.Easter, "2010-03-31", 4. / 7}, // Easter is 4 April
		{monthly, calendar.Easter, "2010-04-30", 3. / 7},
		{sales.Frequency{Unit: sales.Daily}, calendar.Easter, "2012-04-07", 1. / 7},
		{sales.Frequency{Unit: sales.Daily}, calendar.Easter, "2012-04-08", 0},
		{fridays, "never", "2012-04-06", 0},
	} {
		c := calendar.New(tc.frequency, []calendar.Holiday{{Name: "never"}})
		h := 0
		for c.Name(h) != tc.holiday {
			h++
		}
		p, _ := sales.ParsePeriod(tc.period)
		if got := c.RunUp(h, p); got != tc.want {
			t.Errorf("%s before %s by %s: %v, want %v", tc.period, tc.holiday, tc.frequency, got, tc.want)
		}
	}
}

// Each day before a holiday lies in one period: over all periods the shares are
// one a year.
func TestRunUpsAddUp(t *testing.T) {
	for unit := range 3 {
		f := sales.Frequency{Unit: sales.Unit(unit), Ends: time.Friday}
		c := calendar.New(f, nil)
		for h := range c.Len() {
			sum, years := 0.0, 10
			for p := f.Of(sales.Date(2010, time.July, 20)); p < sales.Date(2010+years, time.July, 20); p = f.Add(p, 1) {
				sum += c.RunUp(h, p)
			}
			if sum < float64(years)-1e-9 || sum > float64(years)+1e-9 {
				t.Errorf("%s by %s: %v in %d years", c.Name(h), f, sum, years)
			}
		}
	}
}
