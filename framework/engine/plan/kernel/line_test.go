package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// inBoth runs a test with every instruction set and in both precisions.
func inBoth(t *testing.T, single, double func(t *testing.T)) {
	everySet(t, func(t *testing.T) {
		t.Run("float32", single)
		t.Run("float64", double)
	})
}

// softmaxLine is what Softmax and LogSoftmax mean for a line.
func softmaxLine(x []float64, logarithm bool) []float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		if y[i] = math.Exp(v-largest) / sum; logarithm {
			y[i] = v - largest - math.Log(sum)
		}
	}
	return y
}

func testSoftmax[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, shape := range [][3]int{{1, 1, 1}, {7, 10, 1}, {3, 1500, 1}, {250, 7, 1}, {2, 5, 3}, {2, 17, 70}, {3, 2, 64}, {1, 1024, 1}, {2, 16, 1}} {
		outer, n, inner := shape[0], shape[1], shape[2]
		for special := range 4 {
			x := normal[E](r, outer*n*inner)
			for i := range x {
				x[i] *= 10
			}
			x[r.IntN(len(x))] = []E{1000, E(math.NaN()), E(math.Inf(1)), E(math.Inf(-1))}[special]
			for _, logarithm := range []bool{false, true} {
				y := append([]E{}, x...) // in place
				if logarithm {
					LogSoftmax(y, y, outer, n, inner)
				} else {
					Softmax(y, y, outer, n, inner)
				}
				for o := range outer {
					for i := range inner {
						line := make([]float64, n)
						for j := range line {
							line[j] = float64(x[(o*n+j)*inner+i])
						}
						for j, want := range softmaxLine(line, logarithm) {
							if got := float64(y[(o*n+j)*inner+i]); !near(got, want, tolerance) {
								t.Fatalf("%v, special case %d, logarithm %v: at %d, %d, %d is %v, want %v", shape, special, logarithm, o, j, i, got, want)
							}
						}
					}
				}
			}
		}
	}
}

func TestSoftmaxIsThatOfEveryLine(t *testing.T) {
	inBoth(t, func(t *testing.T) { testSoftmax[float32](t, 1e-6) }, func(t *testing.T) { testSoftmax[float64](t, 1e-14) })
}

func TestSoftmaxOfOneLineDoesNotDependOnOthers(t *testing.T) {
	everySet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 5))
		x := normal[float32](r, 250*13)
		all, single := make([]float32, len(x)), make([]float32, 13)
		Softmax(x, all, 250, 13, 1)
		for o := range 250 {
			Softmax(x[o*13:(o+1)*13], single, 1, 13, 1)
			for j, v := range single {
				if v != all[o*13+j] {
					t.Fatalf("line %d alone: %v, want %v", o, v, all[o*13+j])
				}
			}
		}
	})
}

// permuted returns the strides with which a row-major tensor is read in another order of its axes, some of which are skipped through,
// backwards, or repeated, with the first element, and the size of that tensor.
func permuted(r *rand.Rand, shape []int, repeat bool) (strides []int, first, size int) {
	strides, size = make([]int, len(shape)), 1
	for _, axis := range r.Perm(len(shape)) {
		step := []int{1, 1, 1, 2}[r.IntN(4)]
		switch {
		case repeat && r.IntN(6) == 0:
			continue
		case r.IntN(6) == 0:
			strides[axis] = -size * step
			first += size * step * (shape[axis] - 1)
		default:
			strides[axis] = size * step
		}
		size *= (shape[axis]-1)*step + 1
	}
	return strides, first, size
}

func testCopies[E Float](t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	for n := range 300 {
		shape, size := []int{}, 1
		for range r.IntN(5) {
			d := []int{1, 2, 3, 16, 17, 33, 40}[r.IntN(7)]
			if size*d <= 20000 {
				shape, size = append(shape, d), size*d
			}
		}
		strides, first, extent := permuted(r, shape, true)
		src := normal[E](r, extent)
		dst := make([]E, size)
		Gather(dst, src, first, shape, strides)
		for i, v := range dst {
			if want := src[first+Access(strides).element(shape, i)]; v != want {
				t.Fatalf("%d: gathered %v at %d, strides %v: %v, want %v", n, shape, i, strides, v, want)
			}
		}
		strides, first, extent = permuted(r, shape, false)
		src, dst = normal[E](r, size), make([]E, extent)
		want := make([]E, extent)
		for i, v := range src {
			want[first+Access(strides).element(shape, i)] = v
		}
		Scatter(dst, first, src, shape, strides)
		for i, v := range dst {
			if v != want[i] {
				t.Fatalf("%d: scattered %v, strides %v: at %d is %v, want %v", n, shape, strides, i, v, want[i])
			}
		}
	}
}

func TestCopiesFollowTheStrides(t *testing.T) {
	inBoth(t, testCopies[float32], testCopies[float64])
}

func drawPool(r *rand.Rand, maxima bool) *Pool {
	for {
		p := &Pool{H: 1 + r.IntN(20), W: 1 + r.IntN(40), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3),
			DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2)}
		if r.IntN(8) == 0 {
			p.W = 300
		}
		if r.IntN(8) == 0 {
			p.KH, p.KW = p.H, p.W
		}
		p.PadH, p.PadW = r.IntN(p.KH), r.IntN(p.KW)
		roomH, roomW := p.H+2*p.PadH-p.DilationH*(p.KH-1)-1, p.W+2*p.PadW-p.DilationW*(p.KW-1)-1
		if roomH < 0 || roomW < 0 {
			continue
		}
		p.OH, p.OW = roomH/p.StrideH+1, roomW/p.StrideW+1
		empty := false
		for q := range p.OH * p.OW {
			elements := 0
			p.eachOf(q, func(int) { elements++ })
			empty = empty || elements == 0
		}
		if !maxima || !empty {
			return p
		}
	}
}

// eachOf calls f with the elements of the window at a position.
func (p *Pool) eachOf(q int, f func(at int)) {
	for a := range p.KH {
		for b := range p.KW {
			row, column := q/p.OW*p.StrideH-p.PadH+a*p.DilationH, q%p.OW*p.StrideW-p.PadW+b*p.DilationW
			if row >= 0 && row < p.H && column >= 0 && column < p.W {
				f(row*p.W + column)
			}
		}
	}
}

func testPools[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(8, 9))
	const planes, lo, hi = 3, 1, 3
	for n := range 200 {
		p := drawPool(r, n%2 == 0)
		area, positions := p.H*p.W, p.OH*p.OW
		x, from, g := normal[E](r, planes*area), normal[E](r, planes*area), normal[E](r, planes*positions)
		for i := range x {
			x[i] = E(math.Round(float64(x[i]) * 2)) // so that there are equal ones
			if r.IntN(50) == 0 {
				x[i] = []E{E(math.NaN()), E(math.Inf(-1))}[r.IntN(2)]
			}
		}
		sel, scatter, sums, spread := make([]float64, planes*positions), make([]float64, planes*area), make([]float64, planes*positions), make([]float64, planes*area)
		for plane := lo; plane < hi; plane++ {
			for q := range positions {
				best, at := -1, plane*positions+q
				p.eachOf(q, func(i int) {
					i += plane * area
					if best < 0 || x[i] > x[best] || x[i] != x[i] {
						best = i
					}
					sums[at] += float64(from[i])
					spread[i] += float64(g[at])
				})
				if best >= 0 {
					sel[at] = float64(from[best])
					scatter[best] += float64(g[at])
				}
			}
		}
		check := func(what string, got []E, want []float64, from int) {
			for i := from; i < len(got); i++ {
				if !near(float64(got[i]), want[i], tolerance) {
					t.Fatalf("%d %+v: %s at %d is %v, want %v", n, *p, what, i, got[i], want[i])
				}
			}
		}
		if n%2 == 0 {
			out := make([]E, planes*positions)
			PoolSelect(p, x, from, out, lo, hi)
			check("selected", out, sel, 0)
			PoolSelect(p, x, x, out, lo, hi)
			for q, v := range out[lo*positions:] {
				largest := math.Inf(-1)
				p.eachOf(q%positions, func(i int) { largest = max(largest, float64(x[(lo+q/positions)*area+i])) })
				if !near(float64(v), largest, 0) {
					t.Fatalf("%d %+v: maximum %d is %v, want %v", n, *p, q, v, largest)
				}
			}
			back := normal[E](r, planes*area)
			PoolScatter(p, x, g, back, lo, hi)
			check("scattered", back, scatter, lo*area)
		}
		out, back := make([]E, planes*positions), normal[E](r, planes*area)
		PoolSum(p, from, out, lo, hi)
		check("sum", out, sums, 0)
		PoolSpread(p, g, back, lo, hi)
		check("spread", back, spread, lo*area)
	}
}

func TestPoolingVisitsEveryWindow(t *testing.T) {
	inBoth(t, func(t *testing.T) { testPools[float32](t, 1e-4) }, func(t *testing.T) { testPools[float64](t, 1e-12) })
}

func TestLinesDoNotAllocate(t *testing.T) {
	x, y := make([]float32, 64*64), make([]float32, 64*64)
	p := &Pool{H: 64, W: 64, KH: 2, KW: 2, OH: 32, OW: 32, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	shape, strides := []int{64, 64}, []int{1, 64}
	for name, f := range map[string]func(){
		"softmax":  func() { Softmax(x, y, 64, 64, 1) },
		"gather":   func() { Gather(y, x, 0, shape, strides) },
		"scatter":  func() { Scatter(y, 0, x, shape, strides) },
		"maximum":  func() { PoolSelect(p, x, x, y, 0, 1) },
		"scatter ": func() { PoolScatter(p, x, y[:1024], y, 0, 1) },
		"sum":      func() { PoolSum(p, x, y, 0, 1) },
		"spread":   func() { PoolSpread(p, x, y, 0, 1) },
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 && Native {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkSoftmax(b *testing.B) {
	for _, shape := range [][3]int{{1000, 10, 1}, {64, 1000, 1}, {8, 19, 1024}} {
		size := shape[0] * shape[1] * shape[2]
		x, y := normal[float32](rand.New(rand.NewPCG(1, 1)), size), make([]float32, size)
		b.Run(fmt.Sprint(shape), func(b *testing.B) {
			for b.Loop() {
				Softmax(x, y, shape[0], shape[1], shape[2])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/element")
		})
	}
}

func BenchmarkTranspose(b *testing.B) {
	x, y := make([]float32, 500*784), make([]float32, 500*784)
	for b.Loop() {
		Gather(y, x, 0, []int{500, 784}, []int{1, 500})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
}

func BenchmarkPool(b *testing.B) {
	const planes = 8 * 64
	p := &Pool{H: 32, W: 32, KH: 2, KW: 2, OH: 16, OW: 16, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	x, y, z := normal[float32](rand.New(rand.NewPCG(1, 1)), planes*1024), make([]float32, planes*256), make([]float32, planes*1024)
	global := &Pool{H: 32, W: 32, KH: 32, KW: 32, OH: 1, OW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"maximum 2x2", func() { PoolSelect(p, x, x, y, 0, planes) }},
		{"scatter 2x2", func() { PoolScatter(p, x, y, z, 0, planes) }},
		{"sum 2x2", func() { PoolSum(p, x, y, 0, planes) }},
		{"spread 2x2", func() { PoolSpread(p, y, z, 0, planes) }},
		{"sum of planes", func() { PoolSum(global, x, y, 0, planes) }},
		{"spread over planes", func() { PoolSpread(global, y, z, 0, planes) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
		})
	}
}
