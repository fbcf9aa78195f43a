package golearn

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Model is a grown tree, its nodes in the order in which they are met from the
// root, left before right.
type Model struct {
	Fill  []float64 `json:"fill"` // of each column, what stands for a missing value
	Nodes []Node    `json:"nodes"`
}

// Node compares a feature or, with Left of 0, answers.
type Node struct {
	Feature   int     `json:"feature"`
	Threshold float64 `json:"threshold"` // below it a row goes left
	Left      int     `json:"left"`      // number of the left child; 0 for a leaf
	Right     int     `json:"right"`
	Value     float64 `json:"value"` // answer of a leaf
}

// take copies golearn's tree. Its nodes are of a type without a name outside,
// whose fields tell what is where: a side without a node answers LeftPred or
// RightPred, and a root that found no split answers LeftPred.
func (m *Model) take(root reflect.Value) {
	root = root.Elem()
	if !root.FieldByName("isNodeNeeded").Bool() {
		m.Nodes = []Node{{Value: root.FieldByName("LeftPred").Float()}}
		return
	}
	m.add(root)
}

// add appends a node and all below it, and returns its number.
func (m *Model) add(n reflect.Value) int {
	at := len(m.Nodes)
	m.Nodes = append(m.Nodes, Node{Feature: int(n.FieldByName("Feature").Int()), Threshold: n.FieldByName("Threshold").Float()})
	left := m.side(n.FieldByName("Left"), n.FieldByName("LeftPred"))
	right := m.side(n.FieldByName("Right"), n.FieldByName("RightPred"))
	m.Nodes[at].Left, m.Nodes[at].Right = left, right
	return at
}

func (m *Model) side(child, answer reflect.Value) int {
	if child.IsNil() {
		m.Nodes = append(m.Nodes, Node{Value: answer.Float()})
		return len(m.Nodes) - 1
	}
	return m.add(child.Elem())
}

// filled returns a feature's value as golearn saw it.
func (m *Model) filled(c int, v float32) float64 {
	if v != v {
		return m.Fill[c]
	}
	return float64(v)
}

// PredictRow returns the tree's answer for the features x.
func (m *Model) PredictRow(x []float32) float64 {
	at := 0
	for m.Nodes[at].Left > 0 {
		n := &m.Nodes[at]
		if m.filled(n.Feature, x[n.Feature]) < n.Threshold {
			at = n.Left
		} else {
			at = n.Right
		}
	}
	return m.Nodes[at].Value
}

// Predict writes the tree's answer for each row of X to dst.
func (m *Model) Predict(dst []float64, X *model.Frame) error {
	if X.Width() != len(m.Fill) {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d", len(m.Fill), X.Width()).
			WithHint("give the columns that the model was trained on, in the same order")
	}
	if len(dst) != X.Len() {
		return fault.New(fault.Invalid, "there is room for %d predictions, but there are %d rows", len(dst), X.Len())
	}
	row := make([]float32, X.Width())
	for r := range dst {
		X.Row(row, r)
		dst[r] = m.PredictRow(row)
	}
	return nil
}

// MarshalBinary returns the tree as JSON.
func (m *Model) MarshalBinary() ([]byte, error) { return json.Marshal(m) }

// Unmarshal reads what MarshalBinary wrote; anything else is a fault of kind
// Integrity.
func Unmarshal(data []byte) (*Model, error) {
	var m Model
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // those of a newer program would change what the rest means
	if err := d.Decode(&m); err != nil {
		return nil, corrupt("%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, corrupt("something stands behind it")
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return &m, nil
}

// check refuses a tree that a walk could not get through: children come after
// their parent, so that there is no cycle.
func (m *Model) check() error {
	if len(m.Nodes) == 0 || len(m.Nodes) >= 2<<maxDepth {
		return corrupt("%d nodes", len(m.Nodes))
	}
	for i, n := range m.Nodes {
		inner := n.Left > 0
		switch {
		case inner && (n.Left <= i || n.Right <= i || max(n.Left, n.Right) >= len(m.Nodes)):
			return corrupt("node %d has the children %d and %d", i, n.Left, n.Right)
		case inner && (n.Feature < 0 || n.Feature >= len(m.Fill)):
			return corrupt("node %d compares feature %d of %d", i, n.Feature, len(m.Fill))
		case !inner && n.Left < 0, math.IsNaN(n.Threshold), math.IsNaN(n.Value):
			return corrupt("node %d", i)
		}
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Integrity, "read golearn's tree: "+format, args...).WithHint("train the model again, or restore its file")
}
