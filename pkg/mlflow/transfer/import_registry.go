package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// tagPromoted names versions of the same registered model by their numbers, with
// spaces between them: pkg/promote writes it.
const tagPromoted = "salesctl.promoted_from"

// registry imports the registered models in the order of the export, in which
// copies come after what they are copies of.
func (i *importer) registry(ctx context.Context) error {
	known := map[string]bool{}
	err := i.from.read(ctx, registeredPath, func(decode func(any) error) error {
		i.o.progress("importing registered models", len(known), i.from.counts.Registered)
		var m registered
		if err := decode(&m); err != nil {
			return err
		}
		known[m.Name] = true
		if !i.o.wantsModel(m.Name) {
			return nil
		}
		if err := i.registered(ctx, m); err != nil {
			return fmt.Errorf("registered model %q: %w", m.Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return missing("registered model", i.o.Models, known)
}

// registered imports one registered model: all of its versions first, and then what
// versions say of one another.
func (i *importer) registered(ctx context.Context, m registered) error {
	here, err := i.name(ctx, m.RegisteredModel)
	if err != nil {
		return err
	}
	there, err := versions(ctx, i.to.Registry, m.Name)
	if err != nil {
		return err
	}
	known := make(map[string]version, len(there)) // versions here by where they come from
	for _, v := range there {
		known[v.id()] = v
		known[origin(v.Tags, v.id())] = v
	}
	fill := map[int]mlflow.ModelVersion{} // of the export's, those that are not whole here
	for n, v := range m.Versions {
		found, ok := known[origin(v.Tags, v.id())]
		if !ok {
			if found.ModelVersion, ok, err = i.append(ctx, v); err != nil {
				return fmt.Errorf("version %s: %w", v.Version, err)
			}
		}
		if !ok {
			continue
		}
		i.report.Versions++
		i.numbers[mlflow.Registration{Name: v.Name, Version: v.Version}] = found.Version
		if tag(found.Tags, TagFrom) != "" && found.id() != v.id() { // else it is here as it is
			fill[n] = found.ModelVersion
		}
	}
	for n, v := range m.Versions {
		if found, ok := fill[n]; ok {
			if err := i.version(ctx, v, found); err != nil {
				return fmt.Errorf("version %s: %w", v.Version, err)
			}
		}
	}
	i.report.Registered++
	return i.aliases(ctx, m, here)
}

// name takes the name in the registry. What is said of one that is taken stays.
func (i *importer) name(ctx context.Context, m mlflow.RegisteredModel) (mlflow.RegisteredModel, error) {
	here, err := i.to.Registry.GetRegisteredModel(ctx, m.Name)
	if absent(err) {
		i.report.New.Registered++
		return i.to.Registry.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: m.Name, Description: m.Description, Tags: m.Tags})
	}
	if err != nil {
		return here, err
	}
	if here.Description == "" && m.Description != "" {
		if _, err := i.to.Registry.UpdateRegisteredModel(ctx, m.Name, m.Description); err != nil {
			return here, err
		}
	}
	for _, t := range m.Tags {
		if slices.ContainsFunc(here.Tags, func(h mlflow.Tag) bool { return h.Key == t.Key }) {
			continue
		}
		if err := i.to.Registry.SetRegisteredModelTag(ctx, m.Name, t); err != nil {
			return here, err
		}
	}
	return here, nil
}

// append makes a version; ok is false where its files did not come along.
func (i *importer) append(ctx context.Context, v version) (made mlflow.ModelVersion, ok bool, err error) {
	n, ok := i.source(v)
	if !ok {
		i.warn("version %s of %s stays behind: its files at %s belong to nothing that is imported", v.Version, v.Name, v.Files)
		return made, false, nil
	}
	n.Name, n.RunLink, n.Description, n.Tags = v.Name, v.RunLink, v.Description, i.versionTags(v)
	made, err = i.to.Registry.CreateModelVersion(ctx, n)
	if err == nil {
		i.report.New.Versions++
	}
	return made, true, err
}

// versionTags are the tags that a version gets when it is made. Whether it is a
// prompt must be known then.
func (i *importer) versionTags(v version) []mlflow.Tag {
	tags := []mlflow.Tag{{Key: TagFrom, Value: origin(v.Tags, v.id())}}
	for _, t := range v.Tags {
		if t.Key != TagFrom && t.Key != TagDigest && t.Key != tagPromoted {
			tags = append(tags, t)
		}
	}
	return tags
}

// source is what a version is made from here: the source, and the run or the
// logged model that it belongs to, which the server wants to hear of.
func (i *importer) source(v version) (mlflow.NewVersion, bool) {
	if tag(v.Tags, tagPrompt) == "true" {
		return mlflow.NewVersion{Source: v.Source}, true // its text is a tag
	}
	if of, ok := v.copied(); ok && i.numbers[of] != "" {
		// The server knows what that one comes from, and refuses to be told.
		return mlflow.NewVersion{Source: "models:/" + of.Name + "/" + i.numbers[of]}, true
	}
	n := mlflow.NewVersion{RunID: i.ids.now[v.RunID]}
	for _, uri := range []string{v.Source, v.Files} {
		now, of, ok := i.ids.source(uri)
		if !ok {
			continue
		}
		if n.Source = now; strings.HasPrefix(of, "m-") {
			n.ModelID = of
		}
		return n, true
	}
	n.Source = v.Files
	return n, i.elsewhere(v)
}

// elsewhere reports whether a version's files lie outside of the server that was
// exported, such as in a bucket, where they stay.
func (i *importer) elsewhere(v version) bool {
	scheme, _, ok := strings.Cut(v.Files, "://")
	switch {
	case !ok, scheme == "file", scheme == "mlflow-artifacts", scheme == "models", scheme == "runs":
		return false
	}
	i.warn("the files of version %s of %s stay at %s", v.Version, v.Name, v.Files)
	return true
}

// version completes a version that an import made. One whose digest says that it is
// whole is left alone, whatever was made of its stage and its tags since.
func (i *importer) version(ctx context.Context, v version, here mlflow.ModelVersion) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	digest := mlflow.Tag{Key: TagDigest, Value: hex.EncodeToString(sum[:])}
	if tag(here.Tags, TagDigest) == digest.Value {
		return nil
	}
	if here.Description != v.Description {
		if _, err := i.to.Registry.UpdateModelVersion(ctx, v.Name, here.Version, v.Description); err != nil {
			return err
		}
	}
	if v.CurrentStage != "" && v.CurrentStage != here.CurrentStage {
		if _, err := i.to.Registry.TransitionStage(ctx, mlflow.StageChange{Name: v.Name, Version: here.Version, Stage: v.CurrentStage}); err != nil {
			return err
		}
	}
	return i.setTags(ctx, v, here, digest)
}

// setTags writes the tags of a version, and last the one that says that it is whole.
func (i *importer) setTags(ctx context.Context, v version, here mlflow.ModelVersion, digest mlflow.Tag) error {
	tags := i.versionTags(v)
	var before []string
	for _, number := range strings.Fields(tag(v.Tags, tagPromoted)) {
		if here := i.numbers[mlflow.Registration{Name: v.Name, Version: number}]; here != "" {
			before = append(before, here)
		}
	}
	if len(before) > 0 {
		tags = append(tags, mlflow.Tag{Key: tagPromoted, Value: strings.Join(before, " ")})
	}
	for _, t := range append(tags, digest) {
		if slices.Contains(here.Tags, t) {
			continue
		}
		if err := i.to.Registry.SetModelVersionTag(ctx, v.Name, here.Version, t); err != nil {
			return err
		}
	}
	return nil
}

// aliases points the aliases at the versions, where they are free: another model may
// be in use under the alias, and nobody who imports a backup wants to replace it
// unasked.
func (i *importer) aliases(ctx context.Context, m registered, here mlflow.RegisteredModel) error {
	for _, a := range m.Aliases {
		number := i.numbers[mlflow.Registration{Name: m.Name, Version: a.Version}]
		if number == "" {
			continue // the version stayed behind
		}
		at := slices.IndexFunc(here.Aliases, func(h mlflow.Alias) bool { return h.Alias == a.Alias })
		if at >= 0 && here.Aliases[at].Version == number {
			continue
		}
		if at >= 0 && !i.o.OverwriteAliases {
			i.warn("alias %s of %s stays at version %s; it was at the one that is %s here", a.Alias, m.Name, here.Aliases[at].Version, number)
			continue
		}
		if err := i.to.Registry.SetAlias(ctx, m.Name, a.Alias, number); err != nil {
			return err
		}
	}
	return nil
}
