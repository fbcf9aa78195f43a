package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// series writes a file of sales: two ordinary stores a day or a month apart, or, as
// weeks that end on Sundays, a store of each kind that forecasters stumble over.
func series(ts *testscript.TestScript, args []string) {
	var b bytes.Buffer
	b.WriteString("Store,Date,Weekly_Sales\n")
	add := func(store int, day time.Time, sold int) {
		fmt.Fprintf(&b, "%d,%s,%d\n", store, day.Format(time.DateOnly), sold)
	}
	start := time.Date(2024, 1, 7, 0, 0, 0, 0, time.UTC) // a Sunday
	switch args[1] {
	case "daily":
		for i := range 120 {
			add(1, start.AddDate(0, 0, i), 100+20*(i%7/5)+i*i%11)
			add(2, start.AddDate(0, 0, i), 50+9*(i%7/5)+i*i%7)
		}
	case "monthly":
		for i := range 60 {
			add(1, time.Date(2018, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC), 1000+3*i+200*(i%12/11)+i*i%31)
			add(2, time.Date(2018, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC), 500+i+90*(i%12/11)+i*i%17)
		}
	case "odd":
		for i := range 120 {
			week := start.AddDate(0, 0, 7*i)
			add(1, week, 100+i*i%13)
			add(2, week, 0)
			add(3, week, 7)
			if i%4 > 0 && i > 10 { // with gaps, and later than the others
				add(4, week, 10+i+i*i%5)
			}
			if i >= 117 { // three weeks
				add(5, week, 50+i%2)
			}
		}
		add(6, start.AddDate(0, 0, 7*119), 20) // one week
	default:
		ts.Fatalf("there are no %s series", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}
