package plan

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/tensor"
)

// task is what becomes one instruction: an operator with a kernel of its own, or a group of elementwise operators and sums that
// one pass computes.
type task struct {
	op *value // nil for a group

	// A group stores the roots, which are elementwise values or sums over axes of such, from one pass over the space.
	space     tensor.Shape
	roots     []*value
	producers []*value // products that are computed piece by piece in the pass, and never stored

	companions []*value // products with what the pass reads row by row; they are stored

	copies *output // op's result is copied to where it belongs: nothing is computed

	reads []*value // storages
	after []*task  // beside the tasks of what is read
	turn  int      // in the schedule

	// While groups are made: what the task depends on computes nothing behind this position.
	reach     int
	followers []*task
}

// elementwise reports whether a value can be computed element by element within a group.
func (v *value) elementwise() bool {
	switch v.op.(type) {
	case ops.Unary, ops.Binary, ops.Affine, ops.Clamp, ops.Within, ops.Where, ops.Expand:
		return v.known == nil
	}
	return false
}

func (v *value) sum() bool {
	_, is := v.op.(ops.ReduceSum)
	return is && v.known == nil
}

func (v *value) view() bool {
	_, is := v.op.(ops.Reshape)
	return is && v.known == nil
}

// storage returns the value whose memory v is in: v itself, or what it is a view of.
func (v *value) storage() *value {
	for v.view() {
		v = v.in[0]
	}
	return v
}

// space is the shape over which a root's pass runs.
func (v *value) space() tensor.Shape {
	if v.sum() {
		return v.in[0].shape
	}
	return v.shape
}

// tasks divides the values of a graph into tasks.
type tasks struct {
	graph  *graph
	stored map[*value]bool  // elementwise values that are kept in memory
	of     map[*value]*task // the task that computes a storage
	list   []*task
	groups map[*value][]*task // that read or compute a value over its whole shape

	grouped bool // groups are made: reaches hold no more
}

// divide finds out what is stored and what is computed again wherever it is needed, and groups what one pass can compute.
func divide(g *graph) *tasks {
	t := &tasks{graph: g, stored: map[*value]bool{}}
	length := map[*value]int{}
	for _, v := range g.values {
		length[v] = 1
		for _, x := range v.in {
			if x.elementwise() && !t.stored[x] {
				length[v] += length[x]
			}
		}
		t.stored[v] = v.elementwise() && (t.mustBeStored(v) || length[v] > maxInline)
	}
	t.group()
	for range maxRounds {
		if !t.storeMore() {
			break
		}
		t.group()
	}
	for _, k := range t.list {
		t.unstore(k)
	}
	t.grouped = true
	t.fuseProducers()
	t.accompany()
	return t
}

// unstore keeps in registers what was to be stored for several groups, but is needed in one only.
func (t *tasks) unstore(k *task) {
	k.roots = slices.DeleteFunc(k.roots, func(r *value) bool {
		if !r.elementwise() || t.mustBeStored(r) || len(t.groups[r]) > 1 {
			return false
		}
		t.stored[r] = false
		delete(t.of, r)
		return true
	})
}

// maxInline is how many operators, counted with repetition, a value may take that is computed wherever it is needed.
const maxInline = 40

// maxRounds bounds how often groups are made anew because more is stored. What is left over is computed more often than it might.
const maxRounds = 4

// mustBeStored reports whether somebody reads a value other than element by element.
func (t *tasks) mustBeStored(v *value) bool {
	return v.output || slices.ContainsFunc(v.users, func(u *value) bool {
		return !u.sum() && (!u.elementwise() || !slices.Equal(u.shape, v.shape))
	})
}

// group makes tasks of all stored values.
func (t *tasks) group() {
	t.of, t.groups, t.list = map[*value]*task{}, map[*value][]*task{}, nil
	for _, v := range t.graph.values {
		switch {
		case v.input != nil || v.known != nil || v.view():
		case v.elementwise() && !t.stored[v]:
		case v.elementwise() || v.sum():
			t.place(v)
		default:
			k := &task{op: v}
			for _, x := range v.in {
				t.follow(k, x)
			}
			k.raise(v.position)
			t.of[v] = k
			t.list = append(t.list, k)
		}
	}
}

// follow lets a task read a value, if need be after the task that computes it.
func (t *tasks) follow(k *task, x *value) {
	k.read(x)
	if maker := t.of[x.storage()]; maker != nil {
		maker.followers = appendNew(maker.followers, k)
		k.raise(maker.reach)
	}
}

// raise lets a task, and all that depend on it, reach a position.
func (k *task) raise(position int) {
	if k.reach < position {
		k.reach = position
		for _, f := range k.followers {
			f.raise(position)
		}
	}
}

func (k *task) read(x *value) { k.reads = appendNew(k.reads, x.storage()) }

func appendNew[E comparable](list []E, x E) []E {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// Limits of a group, beyond which it is not joined.
const (
	maxOperands     = 32
	maxInstructions = 80
	maxCandidates   = 6
)

// place joins a root to a group that reads or computes some of the same, or makes it a group of its own.
func (t *tasks) place(r *value) {
	inner, leaves := t.closure(r)
	var candidates []*task
	for _, v := range append(slices.Clone(inner), leaves...) {
		if v.size != r.space().TotalSize() || v.size == 1 {
			continue
		}
		near := t.groups[v]
		for _, k := range near[max(0, len(near)-maxCandidates):] {
			candidates = appendNew(candidates, k)
		}
	}
	for _, k := range slices.Backward(candidates) {
		if t.fits(k, r, leaves) {
			t.join(k, r, inner, leaves)
			return
		}
	}
	k := &task{space: r.space()}
	t.list = append(t.list, k)
	t.join(k, r, inner, leaves)
}

// closure returns the values that are computed on the way to a root, the root included, and those that are read from memory.
func (t *tasks) closure(r *value) (inner, leaves []*value) {
	seen := map[*value]bool{}
	var visit func(v *value)
	visit = func(v *value) {
		if seen[v] || v.known != nil {
			return
		}
		seen[v] = true
		if v != r && (!v.elementwise() || t.stored[v] || !slices.Equal(v.shape, r.space())) {
			leaves = append(leaves, v)
			return
		}
		for _, x := range v.in {
			visit(x)
		}
		inner = append(inner, v)
	}
	visit(r)
	return inner, leaves
}

func (t *tasks) join(k *task, r *value, inner, leaves []*value) {
	k.roots = append(k.roots, r)
	t.of[r] = k
	for _, v := range append(inner, leaves...) {
		t.groups[v] = appendNew(t.groups[v], k)
	}
	for _, v := range leaves {
		if t.of[v.storage()] != k {
			t.follow(k, v)
		}
	}
	k.raise(r.position)
}

// fits reports whether a root can be computed in the pass of a group: over the same space, with everything it reads there before the
// pass begins or element by element within it.
func (t *tasks) fits(k *task, r *value, leaves []*value) bool {
	if !slices.Equal(k.space, r.space()) || len(k.reads)+len(leaves)+len(k.roots) > maxOperands || len(t.code(k)) > maxInstructions {
		return false
	}
	for _, v := range leaves {
		s := v.storage()
		maker := t.of[s]
		if maker == k && (s != v || s.sum() || !slices.Equal(v.shape, k.space)) {
			return false
		}
		if maker != nil && maker != k && t.depends(maker, k) {
			return false
		}
	}
	return true
}

// code returns the values that a group computes.
func (t *tasks) code(k *task) []*value {
	var all []*value
	for _, r := range k.roots {
		inner, _ := t.closure(r)
		for _, v := range inner {
			all = appendNew(all, v)
		}
	}
	return all
}

// first is the position before which nothing can depend on a task.
func (k *task) first() int {
	if k.op != nil {
		return k.op.position
	}
	first := k.roots[0].position
	for _, r := range k.roots {
		first = min(first, r.position)
	}
	return first
}

// depends reports whether a task needs results of another one, or must come after it for another reason.
func (t *tasks) depends(k, on *task) bool {
	seen := map[*task]bool{}
	first := on.first()
	stack := []*task{k}
	for len(stack) > 0 {
		k := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if k == on {
			return true
		}
		if seen[k] || !t.grouped && k.reach < first {
			continue
		}
		seen[k] = true
		for _, v := range k.reads {
			if maker := t.of[v]; maker != nil {
				stack = append(stack, maker)
			}
		}
		stack = append(stack, k.after...)
	}
	return false
}

// storeMore stores values that it would be dearer to compute in several groups again. It reports whether there were any.
func (t *tasks) storeMore() bool {
	more := false
	for _, v := range t.graph.values {
		if !v.elementwise() || t.stored[v] {
			continue
		}
		groups := 0
		for _, k := range t.groups[v] {
			if slices.Equal(k.space, v.shape) {
				groups++
			}
		}
		if groups < 2 {
			continue
		}
		inner, leaves := t.closure(v)
		whole, work := 0, 0
		for _, l := range leaves {
			if l.size == v.size && v.size > 1 {
				whole++
			}
		}
		for _, x := range inner {
			work += price(x.op)
		}
		if work > maxWork || (whole-1)*(groups-1) > 1 {
			t.stored[v] = true
			more = true
		}
	}
	return more
}

// maxWork is how many additions it may take to compute an element anew rather than to store it.
const maxWork = 12

// price is how many additions an operator takes, about.
func price(op ops.Operator) int {
	switch op := op.(type) {
	case ops.Binary:
		switch op.Func {
		case ops.Div:
			return 4
		case ops.Pow, ops.Mod, ops.Fmod:
			return 20
		}
	case ops.Unary:
		switch op.Func {
		case ops.Abs, ops.Sign, ops.Step, ops.Relu, ops.Floor, ops.Ceil, ops.Round, ops.Trunc, ops.IsNaN, ops.IsInf:
			return 1
		case ops.Sqrt:
			return 4
		}
		return 20
	}
	return 1
}

// fuseProducers lets products that only one group reads, whole, be computed in the group's pass: their results are never stored.
func (t *tasks) fuseProducers() {
	fused := map[*task]bool{}
	for _, k := range t.list {
		if k.op != nil {
			continue
		}
		for _, s := range k.reads {
			maker := t.of[s]
			if maker == nil || maker.op == nil || !t.onlyFor(s, k) {
				continue
			}
			if k.canProduce(s) {
				k.producers = append(k.producers, s)
				fused[maker] = true
			}
		}
		for _, p := range k.producers {
			k.reads = slices.DeleteFunc(k.reads, func(v *value) bool { return v == p })
			for _, x := range p.in {
				k.read(x)
			}
			t.of[p] = k
		}
	}
	t.list = slices.DeleteFunc(t.list, func(k *task) bool { return fused[k] })
}

// canProduce reports whether a group's pass can compute a product besides those that it does: they must be cut alike.
func (k *task) canProduce(s *value) bool {
	if len(k.producers) == 0 {
		return producible(s)
	}
	p, q := k.producers[0], s
	return len(k.producers) < mostFused && isMatMul(p) && isMatMul(q) && producible(q) && slices.Equal(p.shape, q.shape)
}

func isMatMul(v *value) bool {
	_, is := v.op.(ops.MatMul)
	return is
}

// onlyFor reports whether a storage is read by one group alone, element by element.
func (t *tasks) onlyFor(s *value, k *task) bool {
	if s.output || len(k.space) == 0 || s.size != k.space.TotalSize() {
		return false
	}
	for _, v := range views(s) {
		if v.output {
			return false
		}
		for _, u := range v.users {
			if u.view() {
				continue
			}
			if !u.elementwise() && !u.sum() || !slices.Equal(v.shape, k.space) {
				return false
			}
		}
		for _, other := range t.groups[v] {
			if other != k {
				return false
			}
		}
	}
	return true
}

// views returns a storage and everything that is a view of it.
func views(s *value) []*value {
	list := []*value{s}
	for _, u := range s.users {
		if u.view() {
			list = append(list, u) // views of views are one
		}
	}
	return list
}

// field is the state's field that a value is at the beginning of a step; nil if it is none.
func (v *value) field() *program.Input {
	if v.input != nil && v.input.Source == program.FromState {
		return v.input
	}
	return nil
}
