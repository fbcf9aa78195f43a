package sqlstore

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// What a deleted version told must not stand in the database any more, but its
// number must.
func TestDeletedVersionIsRedacted(t *testing.T) {
	s := open(t, Options{Now: ticking()})
	register(t, s, "m", 1)
	if err := s.DeleteModelVersion(t.Context(), "m", " 1 "); err != nil {
		t.Fatal(err)
	}
	var stage, source, run, link string
	var description, user, message sql.NullString
	err := s.read(t.Context(), func(x tx) error {
		return x.sql.QueryRow("SELECT current_stage, source, run_id, run_link, description, user_id, status_message FROM model_versions WHERE name = 'm' AND version = 1").
			Scan(&stage, &source, &run, &link, &description, &user, &message)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Deleted_Internal", "REDACTED-SOURCE-PATH", "REDACTED-RUN-ID", "REDACTED-RUN-LINK"}
	if d := cmp.Diff(want, []string{stage, source, run, link}); d != "" || description.Valid || user.Valid || message.Valid {
		t.Errorf("%s%v %v %v", d, description, user, message)
	}
}

// Searches ask for many versions at once, in an order of their own.
func TestVersionsComeInTheOrderAsked(t *testing.T) {
	s := open(t, Options{})
	const models, each = 13, 25
	var keys []versionKey
	err := s.write(t.Context(), func(x tx) error {
		for m := range models {
			name := fmt.Sprintf("m%02d", m)
			if err := x.insertRegistered(mlflow.NewRegisteredModel{Name: name}, 1); err != nil {
				return err
			}
			for v := range each {
				k, err := x.insertVersion(name, mlflow.NewVersion{Name: name, Tags: []mlflow.Tag{{Key: "k", Value: fmt.Sprint(name, v+1)}}}, origin{}, 1)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(keys, func(a, b versionKey) int { return strings.Compare(a.number()+a.name, b.number()+b.name) })
	keys = append(keys, versionKey{"m00", 99}) // is not there
	var got []string
	err = s.read(t.Context(), func(x tx) error {
		list, err := x.versions(keys)
		for _, v := range list {
			got = append(got, v.Name+v.Version, v.Tags[0].Value)
		}
		return err
	})
	var want []string
	for _, k := range keys[:models*each] {
		want = append(want, k.name+k.number(), k.name+k.number())
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestRegisteredModelsComeInTheOrderAsked(t *testing.T) {
	s := open(t, Options{})
	for _, name := range []string{"a", "b", "c"} {
		register(t, s, name, 2)
	}
	err := s.read(t.Context(), func(x tx) error {
		got, err := x.registeredModels([]string{"c", "missing", "a"})
		if err == nil && (len(got) != 2 || got[0].Name != "c" || got[1].Name != "a" || got[0].LatestVersions[0].Version != "2") {
			t.Errorf("models %+v", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// MLflow names the stages in the order in which its oldest versions stand there.
func TestOrderOfLatestVersions(t *testing.T) {
	s := open(t, Options{})
	register(t, s, "m", 3)
	for _, version := range []string{"1", "3"} {
		if err := transition(t, s, "m", version, "Staging", false); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.LatestVersions(t.Context(), "m", nil)
	if err != nil || len(got) != 2 || got[0].Version != "3" || got[1].Version != "2" {
		t.Errorf("versions %+v, %v", got, err)
	}
	found, err := s.SearchRegisteredModels(t.Context(), mlflow.RegistryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Items[0].LatestVersions; len(got) != 2 || got[0].Version != "2" || got[1].Version != "3" { // None, Staging
		t.Errorf("a search finds versions %+v", got)
	}
}

// Versions of an old MLflow have no storage location.
func TestDownloadURIOfAnOldVersion(t *testing.T) {
	s := open(t, Options{})
	register(t, s, "m", 1)
	err := s.write(t.Context(), func(x tx) error {
		_, err := x.exec("UPDATE model_versions SET storage_location = NULL")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if uri, err := s.ModelVersionDownloadURI(t.Context(), "m", "1"); err != nil || uri != "s3://bucket/m" {
		t.Errorf("%s, %v", uri, err)
	}
}

// Calls at once get different numbers, and the log of an alias that all of them
// move is a chain.
func TestVersionsAndAliasesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openAt(t, dsn, Options{})
		register(t, s, "m", 0)
		const calls = 8
		var wait sync.WaitGroup
		for range calls {
			wait.Go(func() {
				v, err := s.CreateModelVersion(t.Context(), mlflow.NewVersion{Name: "m", Source: "s3://bucket/m"})
				if err == nil {
					err = s.SetAlias(t.Context(), "m", "champion", v.Version)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		log, err := s.AliasLog(t.Context(), "m")
		if err != nil || len(log) != calls {
			t.Fatalf("%d changes, %v", len(log), err)
		}
		seen := map[string]bool{}
		for i, c := range log {
			if old := log[min(i+1, calls-1)].New; i+1 < calls && c.Old != old || i+1 == calls && c.Old != "" {
				t.Errorf("%s began at %s, the change before ended at %s", c.New, c.Old, old)
			}
			seen[c.New] = true
		}
		if len(seen) != calls {
			t.Errorf("numbers %v", seen)
		}
	})
}

// MySQL has columns of a width; a text that does not fit must not come back cut.
func TestTextsThatDoNotFit(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, ctx := openAt(t, dsn, Options{}), t.Context()
		register(t, s, "m", 1)
		long := strings.Repeat("x", 6000)
		_, description := s.UpdateRegisteredModel(ctx, "m", long)
		_, version := s.UpdateModelVersion(ctx, "m", "1", long)
		_, source := s.CreateModelVersion(ctx, mlflow.NewVersion{Name: "m", Source: "s3://" + long})
		tag := s.SetRegisteredModelTag(ctx, "m", mlflow.Tag{Key: "k", Value: long})
		_, rename := s.RenameRegisteredModel(ctx, "m", long)
		_, logged := s.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: "0", ModelType: long})
		for what, err := range map[string]error{"description": description, "version": version, "source": source, "rename": rename, "logged": logged, "tag": tag} {
			if strings.HasPrefix(dsn, "sqlite") {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				continue
			}
			if mlflow.CodeOf(err) != mlflow.BadRequest {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
