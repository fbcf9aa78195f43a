package tree

import (
	"bufio"
	"cmp"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/fault"
)

// XGBoost is an ensemble as XGBoost understands it: a base score to which one
// leaf of each tree is added, all in float32. Our trees need no translation
// beyond that: XGBoost too goes left below a threshold and sends a missing value
// where the node says.
type XGBoost struct {
	Base float64 // base_score; a float32
	// Parallel is the number of trees that one round grows side by side, each of
	// whose leaves counts for one part in as many: 1 in boosting, all of them in a
	// forest.
	Parallel int
	// Objective is XGBoost's JSON of the loss that was boosted; empty is the squared
	// error. It takes no part in answers.
	Objective string
	Trees     *Ensemble
}

// squaredError is XGBoost's JSON of its default objective.
const squaredError = `{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}`

// PredictRow returns what XGBoost answers for the features x once it has read
// the model, bit for bit: it adds the leaves in the order of the trees.
func (m XGBoost) PredictRow(x []float32) float32 {
	sum := float32(m.Base)
	for _, t := range m.Trees.Trees {
		sum += m.leaf(t.Predict(x))
	}
	return sum
}

// leaf returns what a leaf of the value adds.
func (m XGBoost) leaf(value float32) float32 { return float32(float64(value) / float64(m.Parallel)) }

// xgboostVersion is the release whose form Write writes. Since 3.1 base_score is
// an array; older ones read a number alone.
const xgboostVersion = "[3,2,0]"

// Write writes the model in XGBoost's JSON form, tree by tree, for features of
// those names: the same bytes for the same model. Names that XGBoost refuses are
// a fault.Invalid. For the form see "Introduction to Model IO" in XGBoost's
// documentation, and the schema there.
func (m XGBoost) Write(w io.Writer, names []string) error {
	if err := m.check(names); err != nil {
		return err
	}
	j := jsonWriter{w: bufio.NewWriterSize(w, 1<<16)}
	j.raw(`{"learner":{"attributes":{"scikit_learn":"{\"_estimator_type\": \"regressor\"}"},"feature_names":`)
	j.list(len(names), func(b []byte, i int) []byte { return appendString(b, names[i]) })
	j.raw(`,"feature_types":`)
	types := m.types()
	j.list(len(names), func(b []byte, i int) []byte { return appendString(b, types[i]) })
	j.raw(`,"gradient_booster":{"model":`)
	m.writeTrees(&j)
	j.raw(`,"name":"gbtree"},"learner_model_param":{"base_score":"[`)
	j.raw(string(appendNumber(nil, float32(m.Base))))
	j.raw(`]","boost_from_average":"1","num_class":"0","num_feature":"` + strconv.Itoa(m.Trees.Width))
	j.raw(`","num_target":"1"},"objective":` + cmp.Or(m.Objective, squaredError) + `},"version":`)
	j.raw(xgboostVersion + "}")
	return j.w.Flush() // it keeps the first error of all that was written
}

// types returns XGBoost's type of each feature: those that some tree splits by
// categories are such.
func (m XGBoost) types() []string {
	types := slices.Repeat([]string{"float"}, m.Trees.Width)
	for _, t := range m.Trees.Trees {
		for i := range t.Categories {
			if t.Categories[i] != nil {
				types[t.Feature[i]] = "c"
			}
		}
	}
	return types
}

// check refuses names that XGBoost, or the data frames that it reads, refuse.
func (m XGBoost) check(names []string) error {
	if len(names) != m.Trees.Width {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d names", m.Trees.Width, len(names))
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		switch {
		case strings.ContainsAny(name, "[]<") || !utf8.ValidString(name) || strings.ContainsFunc(name, isControl):
			return fault.New(fault.Invalid, "XGBoost takes no feature named %q", name).
				WithHint("name it without [, ], < and control characters")
		case seen[name]:
			return fault.New(fault.Invalid, "XGBoost takes no two features named %q", name)
		}
		seen[name] = true
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' }

// writeTrees writes the trees, and which round grew which.
func (m XGBoost) writeTrees(j *jsonWriter) {
	trees := m.Trees.Trees
	j.raw(`{"cats":{"enc":[],"feature_segments":[],"sorted_idx":[]},"gbtree_model_param":{"num_parallel_tree":"`)
	j.raw(strconv.Itoa(m.Parallel) + `","num_trees":"` + strconv.Itoa(len(trees)) + `"},"iteration_indptr":`)
	j.list(len(trees)/m.Parallel+1, func(b []byte, i int) []byte { return appendInt(b, i*m.Parallel) })
	j.raw(`,"tree_info":`) // the class that each tree is for
	j.list(len(trees), func(b []byte, _ int) []byte { return append(b, '0') })
	j.raw(`,"trees":[`)
	for i, t := range trees {
		if i > 0 {
			j.raw(",")
		}
		m.writeTree(j, i, t)
	}
	j.raw("]}")
}

// noParent is the root's parent, and noChild a leaf's children.
const (
	noParent = 1<<31 - 1
	noChild  = -1
)

// writeTree writes one tree as XGBoost's arrays, one entry a node. What takes no
// part in answers is kept where explanations read it (gains, and covers, the
// sums of hessians) and left at zero elsewhere (base_weights).
func (m XGBoost) writeTree(j *jsonWriter, id int, t *Tree) {
	n := t.Len()
	parents := t.parents()
	child := func(side int) func([]byte, int) []byte {
		return func(b []byte, i int) []byte {
			if t.Feature[i] == Leaf {
				return appendInt(b, noChild)
			}
			return appendInt(b, int(t.Left[i])+side)
		}
	}
	j.raw(`{"base_weights":`)
	j.list(n, func(b []byte, _ int) []byte { return appendNumber(b, 0) })
	t.writeCategories(j)
	j.raw(`,"default_left":`)
	j.list(n, func(b []byte, i int) []byte {
		if t.DefaultLeft[i] {
			return append(b, '1')
		}
		return append(b, '0')
	})
	j.raw(`,"id":` + strconv.Itoa(id) + `,"left_children":`)
	j.list(n, child(0))
	j.raw(`,"loss_changes":`)
	j.list(n, func(b []byte, i int) []byte { return appendNumber(b, t.Gain[i]) })
	j.raw(`,"parents":`)
	j.list(n, func(b []byte, i int) []byte { return appendInt(b, int(parents[i])) })
	j.raw(`,"right_children":`)
	j.list(n, child(1))
	j.raw(`,"split_conditions":`)
	j.list(n, func(b []byte, i int) []byte {
		if t.Feature[i] == Leaf {
			return appendNumber(b, m.leaf(t.Value[i]))
		}
		return appendNumber(b, t.Threshold[i])
	})
	j.raw(`,"split_indices":`)
	j.list(n, func(b []byte, i int) []byte { return appendInt(b, int(max(t.Feature[i], 0))) })
	j.raw(`,"split_type":`) // 1 by categories
	j.list(n, func(b []byte, i int) []byte {
		if t.Categories != nil && t.Categories[i] != nil {
			return append(b, '1')
		}
		return append(b, '0')
	})
	j.raw(`,"sum_hessian":`)
	j.list(n, func(b []byte, i int) []byte { return appendNumber(b, t.Cover[i]) })
	j.raw(`,"tree_param":{"num_deleted":"0","num_feature":"` + strconv.Itoa(m.Trees.Width))
	j.raw(`","num_nodes":"` + strconv.Itoa(n) + `","size_leaf_vector":"1"}}`)
}

// writeCategories writes the categories that go right: all in one list, of which
// every node that splits by them has a segment.
func (t *Tree) writeCategories(j *jsonWriter) {
	var all, nodes, segments, sizes []int
	for i, words := range t.Categories {
		if words == nil {
			continue
		}
		nodes, segments = append(nodes, i), append(segments, len(all))
		for w, word := range words {
			for ; word != 0; word &= word - 1 {
				all = append(all, w*64+bits.TrailingZeros64(word))
			}
		}
		sizes = append(sizes, len(all)-segments[len(segments)-1])
	}
	for _, list := range []struct {
		name  string
		items []int
	}{{"categories", all}, {"categories_nodes", nodes}, {"categories_segments", segments}, {"categories_sizes", sizes}} {
		j.raw(`,"` + list.name + `":`)
		j.list(len(list.items), func(b []byte, i int) []byte { return appendInt(b, list.items[i]) })
	}
}

// parents returns the parent of every node.
func (t *Tree) parents() []int32 {
	parents := make([]int32, t.Len())
	parents[0] = noParent
	for i, f := range t.Feature {
		if f != Leaf {
			parents[t.Left[i]], parents[t.Left[i]+1] = int32(i), int32(i)
		}
	}
	return parents
}

// jsonWriter writes JSON piece by piece. Its writer keeps the first error.
type jsonWriter struct {
	w    *bufio.Writer
	item []byte // of a list; its room is used again
}

func (j *jsonWriter) raw(s string) { _, _ = j.w.WriteString(s) }

// list writes an array of n items.
func (j *jsonWriter) list(n int, item func(b []byte, i int) []byte) {
	j.raw("[")
	for i := range n {
		j.item = j.item[:0]
		if i > 0 {
			j.item = append(j.item, ',')
		}
		j.item = item(j.item, i)
		_, _ = j.w.Write(j.item)
	}
	j.raw("]")
}

func appendInt(b []byte, v int) []byte { return strconv.AppendInt(b, int64(v), 10) }

// appendNumber writes the shortest decimal that reads back as v, always with an
// exponent: where XGBoost wants a float it refuses a whole number without one.
func appendNumber(b []byte, v float32) []byte {
	b = strconv.AppendFloat(b, float64(v), 'E', -1, 32)
	end := len(b) - 2 // of the sign; an exponent has two digits
	if b[end-1] == '+' {
		b = append(b[:end-1], b[end:]...)
		end--
	}
	if b[end] == '0' {
		b = append(b[:end], b[end+1:]...)
	}
	return b
}

// appendString writes a JSON string without \u escapes, which XGBoost does not
// decode.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
