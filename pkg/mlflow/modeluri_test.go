package mlflow

import (
	"strings"
	"testing"
)

func TestModelURIs(t *testing.T) {
	for rest, want := range map[string]ModelRef{
		"/m-1":        {ID: "m-1"},
		"/m/12":       {Name: "m", Version: "12"},
		"/m/Staging":  {Name: "m", Stage: "Staging"},
		"/m/LATEST":   {Name: "m"},
		"/m@champion": {Name: "m", Alias: "champion"},
		"/a@b@c":      {Name: "a@b", Alias: "c"},
		"/a@b/3":      {Name: "a@b", Version: "3"},
		"/m/3?x=y":    {Name: "m", Version: "3"},
		"/m 🚀/3":      {Name: "m 🚀", Version: "3"},
		"":            {},
		"/":           {},
		"/m/":         {},
		"/m/ ":        {},
		"/m@":         {},
		"/m/1/2":      {},
		"//host/m/1":  {},
		"///m/1":      {Name: "m", Version: "1"},
		"m/1":         {},
		"/ /1":        {},
	} {
		got, ok := ParseModelURI("models:" + rest)
		if ok != (want != ModelRef{}) || ok && got != want {
			t.Errorf("models:%s is %+v, %v", rest, got, ok)
		}
	}
}

func TestModelURIsScheme(t *testing.T) {
	for uri, want := range map[string]bool{"models:/m/1": true, "Models:/m/1": true, "runs:/m/1": false, "/m/1": false, "models": false} {
		if _, ok := ParseModelURI(uri); ok != want {
			t.Errorf("%s: %v", uri, ok)
		}
	}
}

func FuzzModelURI(f *testing.F) {
	f.Add("/m/1")
	f.Add("/m@a?b")
	f.Fuzz(func(t *testing.T, rest string) {
		u, ok := ParseModelURI("models:" + rest)
		if !ok {
			return
		}
		if (u.ID == "") == (u.Name == "" && u.Alias == "") {
			t.Errorf("%q is %+v", rest, u)
		}
		if strings.Contains(u.ID+u.Name+u.Version+u.Stage+u.Alias, "/") {
			t.Errorf("%q is %+v", rest, u)
		}
	})
}
