package sales

import "time"

// Source describes data on its way into a database.
type Source struct {
	Name    string // the path as the user gave it, "-" for standard input
	Digest  string // SHA-256 of the bytes, in hex
	Schema  Schema
	Format  Format
	Sample  bool // the data set that ships with the program
	Replace bool // hide every older load
	Strict  bool // any refused line refuses the whole load
}

// Format says how a file writes what a Schema names. It is remembered from the
// first load on.
type Format struct {
	DateLayout string   // a layout of package time
	Keys       []string // the file's header of each key column
	Date       string   // the file's header of the date
	Target     string   // the file's header of the target
	Columns    []string // the file's header of each column of the Schema
	Static     []string // the file's header of each static column
	Decimal    string   // the decimal separator of numbers, "." or ","; empty where nothing had to settle it
}

// Line is one line of a Source: an Observation, or the reason why it is refused.
type Line struct {
	Number      int    // from 1, the header included
	Raw         string // as it was read, cut at 1 KiB
	Observation Observation
	Refused     string // empty for an observation
}

// Counts tells what became of the lines of a load:
// Read = New + Corrected + Unchanged + Duplicate + Refused.
type Counts struct {
	Read      int `json:"read"`
	New       int `json:"new"`
	Corrected int `json:"corrected"`
	Unchanged int `json:"unchanged"`
	Duplicate int `json:"duplicate"`
	Refused   int `json:"refused"`
}

// Refusal is a line that was not loaded.
type Refusal struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"`
}

// Loaded is what a load did.
type Loaded struct {
	ID       int64 // of the load, 0 when nothing changed and none was written
	Counts   Counts
	Refusals []Refusal // the first 20, by line
	Warnings []string
}

// Served is one number that was given to somebody. It is kept apart from the
// actual sales.
type Served struct {
	At        time.Time
	RequestID string
	Model     string
	Version   string
	Key       Key
	Period    Period
	Horizon   int // 0 for a prediction from the period's own columns
	Value     float64
	Columns   []float64 // the inputs of a prediction, by ColumnNames
}
