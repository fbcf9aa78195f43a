package sqlstore

import (
	"strings"
	"testing"
)

func TestModelURIs(t *testing.T) {
	for rest, want := range map[string]modelURI{
		"/m-1":        {id: "m-1"},
		"/m/12":       {name: "m", version: "12"},
		"/m/Staging":  {name: "m", stage: "Staging"},
		"/m/LATEST":   {name: "m"},
		"/m@champion": {name: "m", alias: "champion"},
		"/a@b@c":      {name: "a@b", alias: "c"},
		"/a@b/3":      {name: "a@b", version: "3"},
		"/m/3?x=y":    {name: "m", version: "3"},
		"/m 🚀/3":      {name: "m 🚀", version: "3"},
		"":            {},
		"/":           {},
		"/m/":         {},
		"/m/ ":        {},
		"/m@":         {},
		"/m/1/2":      {},
		"//host/m/1":  {},
		"m/1":         {},
		"/ /1":        {},
	} {
		got, ok := parseModelURI(rest)
		if ok != (want != modelURI{}) || ok && got != want {
			t.Errorf("models:%s is %+v, %v", rest, got, ok)
		}
	}
}

func FuzzModelURI(f *testing.F) {
	f.Add("/m/1")
	f.Add("/m@a?b")
	f.Fuzz(func(t *testing.T, rest string) {
		u, ok := parseModelURI(rest)
		if !ok {
			return
		}
		if (u.id == "") == (u.name == "" && u.alias == "") {
			t.Errorf("%q is %+v", rest, u)
		}
		if strings.Contains(u.id+u.name+u.version+u.stage+u.alias, "/") {
			t.Errorf("%q is %+v", rest, u)
		}
	})
}
