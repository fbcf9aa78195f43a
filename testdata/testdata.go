// Package testdata embeds the sample data set and the reference numbers that
// tests and the demonstration use, so that an installed binary carries them.
// README.md tells where each file comes from.
package testdata

import _ "embed"

// Walmart is the sample: 45 stores, 143 weeks, as a CSV.
//
//go:embed walmart.csv
var Walmart []byte

// TestRows lists the 1,287 (Store, Date) rows of the one-step comparison, as a CSV.
//
//go:embed seed_test_rows.csv
var TestRows []byte

// ARIMA is what statsmodels 0.15.0 makes of ARIMA(5,1,0) for each store, as JSON.
//
//go:embed arima510_statsmodels.json
var ARIMA []byte
