package store

import (
	"strconv"
	"testing"

	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/sales"
)

// BenchmarkLoad loads one file of b.N rows, a hundred for each key:
//
//	go test ./pkg/store -run '^$' -bench Load -benchtime 450000x
func BenchmarkLoad(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkLoad(b, inFiles{}) })
	b.Run("MySQL", func(b *testing.B) {
		databasetest.Start(b)
		benchmarkLoad(b, &atServer{})
	})
}

func benchmarkLoad(b *testing.B, on place) {
	s := on.open(b, "")
	src, _ := file("long.csv")
	b.ReportAllocs()
	b.ResetTimer()
	got, err := s.Load(b.Context(), src, func(yield func(sales.Line, error) bool) {
		for i := range b.N {
			if !yield(row(i+2, strconv.Itoa(i/100), i%100, float64(i), 1), nil) {
				return
			}
		}
	})
	if err != nil || got.Counts.New != b.N {
		b.Fatalf("%+v, %v", got, err)
	}
}
