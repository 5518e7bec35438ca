package ops

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"weak"

	"github.com/chewxy/hm"
	"github.com/seed5b471a7e/backstitch/framework/array"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gorgonia identifies a node by a 32-bit hash, and its tape machine computes only one of two nodes whose hashes are equal,
// whatever they hold. Between the ten thousand nodes of a large step a collision is not rare, so no two different nodes get
// the same hash here: equal applications are merged by comparison, and an operation whose node would collide is salted.

// tables holds a nodeTable for every graph that is alive, by weak.Pointer[gorgonia.ExprGraph].
var tables sync.Map

// nodeTable is what is known of a graph beyond its nodes, which it names by their IDs: a pointer would keep the graph alive.
type nodeTable struct {
	nodes     map[uint32]int64 // by hash
	held      []heldNode
	constants map[[sha256.Size]byte]int64 // by digest
}

type heldNode struct {
	id    int64
	value array.Array
}

func tableOf(g *gorgonia.ExprGraph) *nodeTable {
	key := weak.Make(g)
	if table, ok := tables.Load(key); ok {
		return table.(*nodeTable)
	}
	table := &nodeTable{nodes: map[uint32]int64{}, constants: map[[sha256.Size]byte]int64{}}
	for _, n := range g.AllNodes() {
		table.claim(n)
	}
	tables.Store(key, table)
	runtime.AddCleanup(g, func(key weak.Pointer[gorgonia.ExprGraph]) { tables.Delete(key) }, key)
	return table
}

// claim records a node and reports whether its hash is its own.
func (t *nodeTable) claim(n *gorgonia.Node) bool {
	id, taken := t.nodes[n.Hashcode()]
	if !taken {
		t.nodes[n.Hashcode()] = n.ID()
	}
	return !taken || id == n.ID()
}

// merged returns the node that applies op to the inputs, with an output of that shape: the one that the graph already has, or
// a new one.
func merged(op Op, shape tensor.Shape, inputs []*gorgonia.Node) (*gorgonia.Node, error) {
	g := inputs[0].Graph()
	table := tableOf(g)
	for i, n := range inputs {
		if !table.claim(n) {
			return nil, fmt.Errorf("input %d: %w", i, collision(n.Name()))
		}
	}
	for {
		id, taken := table.nodes[nodeHash(inputs[0].Dtype(), shape, op.WriteHash, inputs)]
		if !taken {
			break
		}
		if n := g.Node(id).(*gorgonia.Node); applies(n, op, inputs) {
			return n, nil
		}
		op.salt++
	}
	expectNode(g)
	n, err := gorgonia.ApplyOp(op, inputs...)
	if err != nil {
		return nil, err
	}
	table.claim(n)
	return n, nil
}

// expectNode tells a graph where its next node will stand. Gorgonia searches for every new node among all, from the first on, and
// remembers the place in a map that it exports no way to: a long graph would take quadratic time.
func expectNode(g *gorgonia.ExprGraph) {
	places := reflect.ValueOf(g).Elem().FieldByName("byID")
	next := len(g.AllNodes())
	if !places.IsValid() || places.Type() != reflect.TypeFor[map[int64]int]() || next > 0 && g.AllNodes()[next-1].ID() != int64(next-1) {
		return // another version of Gorgonia, or a graph that lost nodes: it searches
	}
	(*(*map[int64]int)(places.Addr().UnsafePointer()))[int64(next)] = next
}

// nodeHash is the hash that gorgonia.Node.Hashcode will compute; what an operation's WriteHash writes stands for a name if the
// node is an input.
func nodeHash(d tensor.Dtype, shape tensor.Shape, writeHash func(hash.Hash), inputs []*gorgonia.Node) uint32 {
	var t hm.Type = d
	if len(shape) > 0 {
		t = gorgonia.TensorType{Dims: len(shape), Of: d}
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%v%v", t, shape)
	writeHash(h)
	h.Write([]byte{byte(len(inputs))})
	for _, n := range inputs {
		binary.Write(h, binary.LittleEndian, n.Hashcode())
	}
	return h.Sum32()
}

func collision(name string) error {
	return fmt.Errorf("the 32-bit hash of %q is that of another node: give it another name", name)
}

func applies(n *gorgonia.Node, op Op, inputs []*gorgonia.Node) bool {
	o, ours := n.Op().(Op)
	return ours && o.description == op.description && slices.Equal(Inputs(n), inputs)
}
