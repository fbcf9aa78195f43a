package calendar

import (
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// rule gives the date of a holiday in a year.
type rule func(year int) sales.Period

// Names of the holidays that the calendar knows by itself, in the order of the
// year.
const (
	SuperBowl       = "super_bowl"
	Easter          = "easter"
	MothersDay      = "mothers_day"
	MemorialDay     = "memorial_day"
	IndependenceDay = "independence_day"
	BackToSchool    = "back_to_school"
	LaborDay        = "labor_day"
	Thanksgiving    = "thanksgiving"
	Christmas       = "christmas"
)

// rules returns the date rules of the built-in holidays. Flagged are the four
// that the sample's Holiday_Flag marks.
func rules() []Holiday {
	return []Holiday{
		{Name: SuperBowl, Flagged: true, Weekday: true, on: superBowl},
		{Name: Easter, on: easter},
		{Name: MothersDay, Weekday: true, on: func(y int) sales.Period { return nth(y, time.May, time.Sunday, 2) }},
		{Name: MemorialDay, Weekday: true, on: func(y int) sales.Period { return last(y, time.May, time.Monday) }},
		{Name: IndependenceDay, on: func(y int) sales.Period { return sales.Date(y, time.July, 4) }},
		{Name: BackToSchool, Weekday: true, on: backToSchool},
		{Name: LaborDay, Flagged: true, Weekday: true, on: func(y int) sales.Period { return nth(y, time.September, time.Monday, 1) }},
		{Name: Thanksgiving, Flagged: true, Weekday: true, on: func(y int) sales.Period { return nth(y, time.November, time.Thursday, 4) }},
		{Name: Christmas, Flagged: true, on: func(y int) sales.Period { return sales.Date(y, time.December, 25) }},
	}
}

// superBowl is the game's Sunday: the second of February since the season has
// 17 games (2022), the first of February from 2004, and before that the last
// of January, as in 1990 to 2003 but for 2002, when the game was moved a week.
func superBowl(year int) sales.Period {
	switch {
	case year >= 2022:
		return nth(year, time.February, time.Sunday, 2)
	case year >= 2004 || year == 2002:
		return nth(year, time.February, time.Sunday, 1)
	default:
		return last(year, time.January, time.Sunday)
	}
}

// backToSchool is the first Friday of August, on which most states that waive
// their sales tax for school supplies begin that weekend. The season has no
// day of its own; this one lies at its height.
func backToSchool(year int) sales.Period { return nth(year, time.August, time.Friday, 1) }

// easter is Easter Sunday in the Gregorian calendar, by the anonymous computus
// (J. Meeus, Astronomical Algorithms, chapter 8; first in Nature, 20 April 1876).
func easter(year int) sales.Period {
	golden, century, yy := year%19, year/100, year%100
	correction := (century - (century+8)/25 + 1) / 3
	epact := (19*golden + century - century/4 - correction + 15) % 30
	weekday := (32 + 2*(century%4) + 2*(yy/4) - epact - yy%4) % 7
	shift := (golden + 11*epact + 22*weekday) / 451
	day := epact + weekday - 7*shift + 114
	return sales.Date(year, time.Month(day/31), day%31+1)
}

// nth returns the n-th weekday of the month, n from 1.
func nth(year int, month time.Month, day time.Weekday, n int) sales.Period {
	first := sales.Date(year, month, 1)
	ahead := (int(day) - int(first.Time().Weekday()) + 7) % 7
	return first + sales.Period(ahead+7*(n-1))
}

// last returns the last weekday of the month.
func last(year int, month time.Month, day time.Weekday) sales.Period {
	end := sales.Date(year, month+1, 0)
	back := (int(end.Time().Weekday()) - int(day) + 7) % 7
	return end - sales.Period(back)
}
