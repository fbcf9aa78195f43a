package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestKindAndHintTravelThroughWraps(t *testing.T) {
	inner := New(NotFound, "store %d not found: %w", 99, io.EOF).WithHint("run %q first", "salesctl etl")
	err := fmt.Errorf("forecast: %w", inner)
	if got := KindOf(err); got != NotFound {
		t.Errorf("KindOf = %v, want NotFound", got)
	}
	if !Is(err, NotFound) || Is(err, Invalid) || Is(nil, Failure) {
		t.Error("Is does not tell the kinds apart")
	}
	if got, want := HintOf(err), `run "salesctl etl" first`; got != want {
		t.Errorf("HintOf = %q, want %q", got, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "forecast: store 99 not found: EOF"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
}

func TestOuterKindWinsInnerHintStays(t *testing.T) {
	err := New(Integrity, "load pipeline: %w", New(NotFound, "no file").WithHint("run salesctl train"))
	if KindOf(err) != Integrity || HintOf(err) != "run salesctl train" {
		t.Errorf("kind %v, hint %q", KindOf(err), HintOf(err))
	}
}

func TestPlainErrorsAreFailuresWithoutHint(t *testing.T) {
	if KindOf(io.EOF) != Failure || HintOf(io.EOF) != "" || HintOf(nil) != "" {
		t.Error("a plain error has a kind or a hint")
	}
}

func TestWithHintLeavesTheOriginalAlone(t *testing.T) {
	e := New(Usage, "x")
	_ = e.WithHint("y")
	if e.Hint != "" {
		t.Error("WithHint changed its receiver")
	}
}

func TestCountedAgreesWithItsNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 lines", 1: "1 line", 2: "2 lines"} {
		if got := Counted(n, "line"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
