package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// everySet runs a test with the kernels of every instruction set.
func everySet(t *testing.T, test func(t *testing.T)) {
	before := Set()
	defer Use(before)
	for _, set := range Sets() {
		if err := Use(set); err != nil {
			t.Fatal(err)
		}
		t.Run(set, test)
	}
}

// smooth are instructions whose results hardly depend on rounding, for random programs.
var smooth = []Code{Copy, Affine, Clamp, Where, Add, Sub, Mul, Max, Min, MulAdd, MulSub, Abs, Relu, Tanh, Sigmoid, Erf, Sin, Fill}

// drawn is a random program with operands.
type drawn[E Float] struct {
	program Program
	in, out []Operand[E]
	sums    [][]float64
	size    int
}

func draw[E Float](r *rand.Rand) *drawn[E] {
	d := &drawn[E]{size: 1}
	for range r.IntN(4) {
		if n := []int{1, 2, 3, 5, 17, 64, 128, 131, 500, 2100}[r.IntN(10)]; d.size*n < 10000 {
			d.program.Shape = append(d.program.Shape, n)
			d.size *= n
		}
	}
	for range 1 + r.IntN(5) {
		d.input(r)
	}
	registers := len(d.in)
	for range 1 + r.IntN(12) {
		c := Instruction{Op: smooth[r.IntN(len(smooth))], Out: registers, A: r.IntN(registers), B: r.IntN(registers), C: r.IntN(registers),
			P: -0.5, Q: r.Float64()}
		d.program.Code = append(d.program.Code, c)
		registers++
	}
	taken := map[int]bool{}
	for range r.IntN(4) {
		o := Output{Register: len(d.in) + r.IntN(len(d.program.Code)), Alias: -1}
		data := make([]E, d.size)
		if i := r.IntN(len(d.in)); d.program.Inputs[i] == nil && !taken[i] && r.IntN(2) == 0 {
			taken[i], o.Alias, data = true, i, d.in[i].Data
		}
		d.program.Outputs = append(d.program.Outputs, o)
		d.out = append(d.out, Operand[E]{Data: data})
	}
	for range r.IntN(3) {
		into, size := d.strides(r)
		d.program.Sums = append(d.program.Sums, Sum{Register: r.IntN(registers), Into: into})
		d.sums = append(d.sums, make([]float64, size))
	}
	return d
}

// input adds an input that is repeated along some axes, or none.
func (d *drawn[E]) input(r *rand.Rand) {
	var access Access
	size := d.size
	if r.IntN(2) == 0 {
		access, size = d.strides(r)
	}
	d.program.Inputs = append(d.program.Inputs, access)
	data := make([]E, size)
	for i := range data {
		data[i] = E(r.NormFloat64())
	}
	d.in = append(d.in, Operand[E]{Data: data})
}

// strides leads through a tensor that lacks some axes, and may have others in another order, and returns its size.
func (d *drawn[E]) strides(r *rand.Rand) (Access, int) {
	access, size := make(Access, len(d.program.Shape)), 1
	order := r.Perm(len(access))
	if r.IntN(2) == 0 {
		slices.Sort(order)
		slices.Reverse(order)
	}
	for _, axis := range order {
		if r.IntN(2) == 0 {
			access[axis] = size
			size *= d.program.Shape[axis]
		}
	}
	return access, size
}

// clone copies the operands, but what is shared stays shared.
func (d *drawn[E]) clone() *drawn[E] {
	c := &drawn[E]{program: d.program, size: d.size}
	for _, in := range d.in {
		c.in = append(c.in, Operand[E]{Data: append([]E{}, in.Data...)})
	}
	for o, out := range d.out {
		data := make([]E, len(out.Data))
		if alias := d.program.Outputs[o].Alias; alias >= 0 {
			data = c.in[alias].Data
		}
		c.out = append(c.out, Operand[E]{Data: data})
	}
	for _, s := range d.sums {
		c.sums = append(c.sums, make([]float64, len(s)))
	}
	return c
}

// reference interprets the program; what it overwrites is written at the end.
func (d *drawn[E]) reference() {
	results := make([][]E, len(d.out))
	for i := range results {
		results[i] = make([]E, d.size)
	}
	p := &d.program
	interpret(p, 0, d.size, make([]E, len(p.Inputs)+len(p.Code)),
		func(i, at int) E { return d.in[i].Data[at] },
		func(o, at int, v E) { results[o][at] = v },
		func(s, at int, v E) { d.sums[s][at] += float64(v) })
	for i, result := range results {
		copy(d.out[i].Data, result)
	}
}

func near(got, want, tolerance float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= tolerance*(1+math.Abs(want))
}

// run computes the elements between the cuts, each time from operands that hold just these where they can.
func (d *drawn[E]) run(cuts ...int) {
	c := Compile[E](d.program)
	scratch := make([]E, c.Scratch())
	for i := range scratch {
		scratch[i] = E(math.NaN())
	}
	for i, lo := range cuts[:len(cuts)-1] {
		hi := cuts[i+1]
		in, out := slices.Clone(d.in), slices.Clone(d.out)
		for i := range in {
			if d.program.Inputs[i] == nil {
				in[i] = Operand[E]{Data: in[i].Data[lo:hi], From: lo}
			}
		}
		for i := range out {
			out[i] = Operand[E]{Data: out[i].Data[lo:hi], From: lo}
		}
		c.Run(lo, hi, in, out, d.sums, scratch)
	}
}

func same[E Float](x, y E) bool { return x == y || x != x && y != y }

func testPrograms[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		d := draw[E](r)
		want, got, cut := d.clone(), d.clone(), d.clone()
		want.reference()
		got.run(0, d.size)
		cuts := []int{0, r.IntN(d.size + 1), r.IntN(d.size + 1), d.size}
		slices.Sort(cuts)
		cut.run(cuts...)
		for o := range got.out {
			for i, v := range got.out[o].Data {
				if !near(float64(v), float64(want.out[o].Data[i]), tolerance) {
					t.Fatalf("program %d %+v: output %d at %d is %v, want %v", n, d.program, o, i, v, want.out[o].Data[i])
				}
				if !same(v, cut.out[o].Data[i]) {
					t.Fatalf("program %d %+v: output %d at %d is %v, and with cuts %v %v", n, d.program, o, i, v, cuts, cut.out[o].Data[i])
				}
			}
		}
		for s := range got.sums {
			for i, v := range got.sums[s] {
				if !near(v, want.sums[s][i], tolerance*float64(d.size)) || !near(cut.sums[s][i], want.sums[s][i], tolerance*float64(d.size)) {
					t.Fatalf("program %d %+v: sum %d at %d is %v, with cuts %v, want %v", n, d.program, s, i, v, cut.sums[s][i], want.sums[s][i])
				}
			}
		}
	}
}

func TestProgramsMeanWhatTheInterpreterSays(t *testing.T) {
	everySet(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testPrograms[float32](t, 1e-4) })
		t.Run("float64", func(t *testing.T) { testPrograms[float64](t, 1e-11) })
	})
}

func TestProgramsDoNotAllocate(t *testing.T) {
	p := Program{Shape: []int{9, 200}, Inputs: []Access{nil, {0, 1}}, Code: []Instruction{{Op: Add, Out: 2, A: 0, B: 1}},
		Outputs: []Output{{2, -1}}, Sums: []Sum{{2, Access{0, 1}}}}
	c := Compile[float32](p)
	in := []Operand[float32]{{Data: make([]float32, 1800)}, {Data: make([]float32, 200)}}
	out := []Operand[float32]{{Data: make([]float32, 1800)}}
	sums, scratch := [][]float64{make([]float64, 200)}, make([]float32, c.Scratch())
	if n := testing.AllocsPerRun(10, func() { c.Run(0, 1800, in, out, sums, scratch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOperandsMayBeMadeWhereStacksGrow(t *testing.T) {
	var deep func(depth int) float32
	deep = func(depth int) float32 {
		if depth > 0 {
			return deep(depth - 1)
		}
		x, y := [1]float32{3}, [1]float32{}
		c := Compile[float32](Program{Inputs: []Access{nil}, Code: []Instruction{{Op: Add, Out: 1}}, Outputs: []Output{{1, -1}}})
		c.Run(0, 1, []Operand[float32]{{Data: x[:]}}, []Operand[float32]{{Data: y[:]}}, nil, make([]float32, c.Scratch()))
		return y[0]
	}
	for depth := range 200 {
		result := make(chan float32)
		go func() { result <- deep(depth) }()
		if y := <-result; y != 6 {
			t.Fatalf("at depth %d: %v, want 6", depth, y)
		}
	}
}
