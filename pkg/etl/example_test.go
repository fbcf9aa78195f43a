package etl_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/salesctl/salesctl/pkg/etl"
)

func ExampleRun() {
	file := `Store;Date;Sales
1;26/10/2012;1514259,78
1;2/11/2012;
2;27/10/2012;1834458,35
2;2/11/2012;1.834.458,35
3;2/11/2012;404,90 €
`
	r, err := etl.Run(context.Background(),
		etl.Input{Name: "october.csv", Reader: strings.NewReader(file)},
		&memory{}, // a database
		etl.Options{Mapping: etl.Mapping{
			Keys: []string{"Store"}, Date: "Date", Target: "Sales", Columns: []etl.Column{}, WeekEnds: "friday",
		}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d rows: %d new, %d of them without a target, %d refused\n", r.Rows, r.Counts.New, r.Blank, r.Counts.Refused)
	for _, refusal := range r.Refusals {
		fmt.Printf("line %d: %s\n", refusal.Line, refusal.Reason)
	}
	// Output:
	// 5 rows: 3 new, 1 of them without a target, 2 refused
	// line 4: Date "27/10/2012" is a Saturday: every date must be a Friday
	// line 6: Sales "404,90 €" is not a plain number: write it like 1234.5, without currency signs, or with its thousands in groups of three
}
