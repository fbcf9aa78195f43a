package serve

import (
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// rowFields are the numbers of a row in the order in which they are checked.
// In lower case they are the names of the columns that they stand for.
var rowFields = [...]string{"Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"}

// checkMapped returns a fault.Conflict where the schema is not that of the
// Python original: one key column and the columns of rowFields.
func checkMapped(schema sales.Schema) error {
	var lacks []string
	for _, field := range rowFields {
		if name := strings.ToLower(field); schema.Column(name) < 0 {
			lacks = append(lacks, name)
		}
	}
	switch {
	case len(schema.KeyNames) != 1:
		return conflict("this data's series are named by " + strings.Join(schema.KeyNames, "/"))
	case len(lacks) > 0:
		return conflict("this data has no column " + strings.Join(lacks, ", "))
	}
	return nil
}

// conflict says why these URLs are not for this data.
func conflict(why string) error {
	return fault.New(fault.Conflict, "this URL knows stores by one whole number and needs the columns of its request, but %s", why).
		WithHint("use the command line, salesctl forecast or salesctl predict")
}

// findStore returns the series whose key is the number: 404 where no store has
// it, 409 where keys are not numbers at all.
func findStore(panel sales.Panel, store *big.Int) (sales.Series, error) {
	if s, ok := panel.Find(sales.Key{store.String()}); ok {
		return s, nil
	}
	numbers := len(panel.Series) == 0
	for _, s := range panel.Series { // a key may be written 01
		n, ok := new(big.Int).SetString(s.Key.String(), 10)
		if ok && n.Cmp(store) == 0 {
			return s, nil
		}
		numbers = numbers || ok
	}
	if !numbers {
		return sales.Series{}, conflict(fmt.Sprintf("here they are called %s", panel.Series[0].Key))
	}
	return sales.Series{}, &statusError{http.StatusNotFound, fmt.Sprintf("store %d not found", store)}
}
