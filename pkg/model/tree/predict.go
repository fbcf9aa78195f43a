package tree

import (
	"math"
	"sync"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

const (
	// blockRows is the number of rows that all trees answer for before the next
	// ones are read: their features stay in the processor's second cache.
	blockRows = 256
	// lanes is the number of trees that a single row walks down side by side: each
	// step waits for memory, and so they wait together.
	lanes = 8
	// restRows is how many rows walk down a tree side by side, and stride how many
	// steps they take before they look whether all have arrived.
	restRows, stride = 4, 3
)

// Each calls add once for every tree and block of rows of X, with the number of the
// first row and the tree's answers from it on; the trees of a row come in order.
// want is the number of rows that the caller is prepared for. The slice is used
// again.
func (e *Ensemble) Each(X *model.Frame, want int, add func(first int, values []float32)) error {
	if X.Width() != e.Width {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d", e.Width, X.Width()).
			WithHint("give the columns that the model was trained on, in the same order")
	}
	rows := X.Len()
	if rows != want {
		return fault.New(fault.Invalid, "there is room for %d predictions, but there are %d rows", want, rows)
	}
	ways := e.layout()
	values := make([]float32, blockRows)
	b := newRowBlock(e.Width, ways)
	for first := 0; first < rows; first += blockRows {
		answers := values[:min(blockRows, rows-first)]
		b.fill(X, first, len(answers))
		for i, t := range e.Trees {
			if ways[i].steps == nil || len(answers) < restRows {
				for k := range answers {
					answers[k] = t.PredictAt(X.Cols, first+k)
				}
			} else {
				ways[i].answer(answers, &b)
			}
			add(first, answers)
		}
	}
	return nil
}

// rowBlock is the features of some rows, blockRows numbers a column. Each feature has
// two columns: in the first a missing value is above all others, in the second it
// stays NaN, which is above none.
type rowBlock struct {
	columns []float32
	read    []bool // the columns that a way reads
}

func newRowBlock(width int, ways []way) rowBlock {
	width = max(width, 1) // a leaf reads a column, too
	b := rowBlock{columns: make([]float32, 2*width*blockRows), read: make([]bool, 2*width)}
	for _, w := range ways {
		for _, s := range w.steps {
			b.read[s.column/blockRows] = true
		}
	}
	return b
}

// fill takes some rows of X.
func (b *rowBlock) fill(X *model.Frame, first, rows int) {
	for c, col := range X.Cols {
		col = col[first : first+rows]
		if b.read[2*c+1] {
			copy(b.columns[(2*c+1)*blockRows:], col)
		}
		if !b.read[2*c] {
			continue
		}
		above := b.columns[2*c*blockRows:][:rows]
		for i, v := range col {
			if v != v {
				v = float32(math.Inf(1))
			}
			above[i] = v
		}
	}
}

// layout returns the ways through all trees. They are made when they are first
// asked for: a tuning makes many models that answer once.
func (e *Ensemble) layout() []way {
	e.laid.once.Do(func() {
		e.laid.ways = make([]way, len(e.Trees))
		for i, t := range e.Trees {
			if t.Categories == nil {
				e.laid.ways[i] = newWay(t)
			}
		}
	})
	return e.laid.ways
}

// laid is the layout of an ensemble, shared by its copies.
type laid struct {
	once sync.Once
	ways []way // without steps for a tree with categories
}

// way is a tree without categories, laid out for the rows of a block: no step of a
// walk through it is a guess of the processor.
type way struct {
	steps []step
	depth int
}

// step is a node. A leaf leads to itself.
type step struct {
	threshold float32 // at or above it a row goes right; NaN at a leaf
	column    uint32  // where its values stand in a block
	left      uint32
	value     float32
}

// newWay lays out t.
func newWay(t *Tree) way {
	w := way{steps: make([]step, t.Len()), depth: t.Depth()}
	for i, f := range t.Feature {
		if f == Leaf {
			w.steps[i] = step{threshold: float32(math.NaN()), column: blockRows, left: uint32(i), value: t.Value[i]}
			continue
		}
		column := 2 * uint32(f)
		if t.DefaultLeft[i] {
			column++
		}
		w.steps[i] = step{threshold: t.Threshold[i], column: column * blockRows, left: uint32(t.Left[i])}
	}
	return w
}

// answer writes the tree's answer for the rows of a block, restRows of them at
// least.
func (w *way) answer(dst []float32, b *rowBlock) {
	for row := 0; row < len(dst); row += restRows {
		// The last rows are walked again where fewer are left.
		first := min(row, len(dst)-restRows)
		w.walk((*[restRows]float32)(dst[first:]), b.columns[first:])
	}
}

// walk answers for the first rows of a block, each in variables of its own: they
// stay in registers.
func (w *way) walk(dst *[restRows]float32, x []float32) {
	steps := w.steps
	var a, b, c, d uint32
	for down := w.depth; down > 0; down -= stride {
		for range min(down, stride) {
			s := &steps[a]
			a = s.left + atOrAbove(x[s.column], s.threshold)
			s = &steps[b]
			b = s.left + atOrAbove(x[s.column+1], s.threshold)
			s = &steps[c]
			c = s.left + atOrAbove(x[s.column+2], s.threshold)
			s = &steps[d]
			d = s.left + atOrAbove(x[s.column+3], s.threshold)
		}
		if steps[a].left == a && steps[b].left == b && steps[c].left == c && steps[d].left == d {
			break
		}
	}
	dst[0], dst[1], dst[2], dst[3] = steps[a].value, steps[b].value, steps[c].value, steps[d].value
}

// atOrAbove returns 1 if v is at or above the threshold, else 0.
func atOrAbove(v, threshold float32) uint32 {
	if v >= threshold {
		return 1
	}
	return 0
}

// EachTree calls add with the answer of every tree for the features x, in order.
// It allocates nothing.
func (e *Ensemble) EachTree(x []float32, add func(value float32)) {
	trees, ways := e.Trees, e.layout()
	for ; len(trees) >= lanes; trees, ways = trees[lanes:], ways[lanes:] {
		var at [lanes]uint32
		for open := true; open; {
			open = false
			for k := range at {
				if next := ways[k].next(at[k], x); next != at[k] {
					at[k] = next
					open = true
				}
			}
		}
		for k, t := range trees[:lanes] {
			if ways[k].steps == nil {
				add(t.Predict(x))
			} else {
				add(ways[k].steps[at[k]].value)
			}
		}
	}
	for _, t := range trees {
		add(t.Predict(x))
	}
}

// next returns the node to which the features x lead from another.
func (w *way) next(node uint32, x []float32) uint32 {
	if int(node) >= len(w.steps) { // no steps
		return node
	}
	s := &w.steps[node]
	v := x[s.column/(2*blockRows)]
	if v != v {
		return s.left + 1 - s.column/blockRows%2
	}
	return s.left + atOrAbove(v, s.threshold)
}
