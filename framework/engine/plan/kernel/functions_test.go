package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// apply runs a program of one instruction.
func apply[E Float](op Code, x []E) []E {
	y := make([]E, len(x))
	c := Compile[E](Program{Shape: []int{len(x)}, Inputs: []Access{nil}, Code: []Instruction{{Op: op, Out: 1}}, Outputs: []Output{{1, -1}}})
	c.Run(0, len(x), []Operand[E]{{Data: x}}, []Operand[E]{{Data: y}}, nil, make([]E, c.Scratch()))
	return y
}

// units returns by how many units of want's last place got is off, in a precision of so many bits and a smallest subnormal number of
// 2^smallest.
func units(got, want float64, bits, smallest int) float64 {
	_, exponent := math.Frexp(want)
	return math.Abs(got-want) / math.Ldexp(1, max(exponent-bits, smallest))
}

var special = []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1, -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
	1e-38, -1e-38, 1e-45, 88.7, 88.73, -87.3, -87.4, -103.9, -103.98, -104, -105, 709.7, 709.8, -708.3, -745.1, -745.2, math.MaxFloat32, -math.MaxFloat32,
	0.5, 0.625, 0.921875, 1.5, 2, 3.9, 4, 9, 10, 16.6, 18, 20, 36, 37, 40, -20, -40, -90, 1 << 24, math.Pi}

// accuracy is how many units in the last place an instruction may be off from package math, in float32 and float64. Where the C library is
// called in float64, what is allowed is the error of package math.
var accuracy = []struct {
	name           string
	op             Code
	single, double float64
}{
	{"exp", Exp, 2, 2}, {"log", Log, 2, 2}, {"tanh", Tanh, 3, 2}, {"sigmoid", Sigmoid, 3, 4}, {"softplus", Softplus, 3, 4}, {"erf", Erf, 3, 2},
	{"sqrt", Sqrt, 0.5, 0.5}, {"sin", Sin, 1, 10}, {"cos", Cos, 1, 10}, {"tan", Tan, 1, 40}, {"asin", Asin, 1, 4}, {"acos", Acos, 1, 100}, {"atan", Atan, 1, 1},
	{"sinh", Sinh, 3, 3}, {"cosh", Cosh, 2, 2}, {"asinh", Asinh, 2, 3}, {"acosh", Acosh, 2, 3}, {"atanh", Atanh, 3, 3},
	{"abs", Abs, 0, 0}, {"sign", Sign, 0, 0}, {"step", Step, 0, 0}, {"relu", Relu, 0, 0},
	{"floor", Floor, 0, 0}, {"ceil", Ceil, 0, 0}, {"round", Round, 0, 0}, {"trunc", Trunc, 0, 0}, {"isnan", IsNaN, 0, 0}, {"isinf", IsInf, 0, 0},
}

func testAccuracy[E Float](t *testing.T, op Code, bits, smallest int, bound float64, x []E) {
	worst, where := 0.0, E(0)
	for i, got := range apply(op, x) {
		want := evaluate[E](&Instruction{Op: op}, float64(x[i]), 0, 0)
		if subnormal(E(float64(got)-want)/2) || subnormal(x[i]) && (subnormal(got) || got == E(evaluate[E](&Instruction{Op: op}, 0, 0, 0))) {
			continue
		}
		switch rounded := E(want); {
		case got != got && want != want, got == rounded && (got != 0 || math.Signbit(float64(got)) == math.Signbit(want)):
		case got != got || want != want || math.IsInf(float64(got), 0) != math.IsInf(float64(rounded), 0):
			t.Fatalf("of %v is %v, want %v", x[i], got, want)
		case got == 0 && rounded == 0:
			t.Fatalf("of %v is %v, want the other zero", x[i], got)
		default:
			if u := units(float64(got), want, bits, smallest); u > worst {
				worst, where = u, x[i]
			}
		}
	}
	if worst > bound {
		t.Errorf("of %v is off by %.2f units in the last place, more than %v", where, worst, bound)
	}
	t.Logf("worst at %v: %.2f", where, worst)
}

// subnormal reports whether x is a number that kernels may take as zero.
func subnormal[E Float](x E) bool {
	return Native && unsafe.Sizeof(x) == 4 && x != 0 && math.Abs(float64(x)) < 0x1p-126
}

func singles() []float32 {
	var x []float32
	for _, v := range special {
		x = append(x, float32(v))
	}
	for bits := uint64(0); bits < 1<<32; bits += 100003 { // all magnitudes
		if v := math.Float32frombits(uint32(bits)); v == v {
			x = append(x, v)
		}
	}
	for v := float32(-110); v < 110; v += 0.0037 {
		x = append(x, v)
	}
	for v := float32(-4); v < 4; v += 0.00037 {
		x = append(x, v)
	}
	return x
}

// doubles are where package math is accurate itself.
func doubles() []float64 {
	var x []float64
	for _, v := range special {
		if math.Abs(v) <= 700 || v != v || math.IsInf(v, 0) {
			x = append(x, v)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		x = append(x, math.Exp(r.Float64()*300-290)*float64(1-2*r.IntN(2)))
	}
	for v := -700.0; v < 700; v += 0.037 {
		x = append(x, v)
	}
	for v := -6.0; v < 6; v += 0.00037 {
		x = append(x, v)
	}
	return x
}

func TestFunctionsAreAccurate(t *testing.T) {
	x32, x64 := singles(), doubles()
	everySet(t, func(t *testing.T) {
		for _, f := range accuracy {
			t.Run(f.name, func(t *testing.T) {
				t.Run("float32", func(t *testing.T) { testAccuracy(t, f.op, 24, -149, f.single, x32) })
				t.Run("float64", func(t *testing.T) { testAccuracy(t, f.op, 53, -1074, f.double, x64) })
			})
		}
	})
}

func TestFunctionsDoNotDependOnTheNeighbours(t *testing.T) {
	everySet(t, func(t *testing.T) {
		x := normal[float32](rand.New(rand.NewPCG(1, 1)), 67)
		for _, f := range accuracy {
			all := apply(f.op, x)
			for i := range x {
				if alone := apply(f.op, x[i:i+1])[0]; alone != all[i] && alone == alone {
					t.Errorf("%s of %v is %v, but %v among others", f.name, x[i], alone, all[i])
				}
			}
		}
	})
}

func TestBinaryInstructionsAreThoseOfGo(t *testing.T) {
	everySet(t, func(t *testing.T) {
		for op := Add; op <= Equal; op++ {
			for _, u := range special {
				for _, v := range special {
					a, b := float32(u), float32(v)
					c := Compile[float32](Program{Inputs: []Access{nil, nil}, Code: []Instruction{{Op: op, Out: 2, A: 0, B: 1}}, Outputs: []Output{{2, -1}}})
					got := []float32{1}
					c.Run(0, 1, []Operand[float32]{{Data: []float32{a}}, {Data: []float32{b}}}, []Operand[float32]{{Data: got}}, nil, make([]float32, c.Scratch()))
					want := float32(evaluate[float32](&Instruction{Op: op}, float64(a), float64(b), 0))
					if subnormal(a) || subnormal(b) || subnormal(want) {
						continue
					}
					same := got[0] == want && math.Signbit(float64(got[0])) == math.Signbit(float64(want)) || got[0] != got[0] && want != want
					if !same && (op != Pow || !near(float64(got[0]), float64(want), 1e-6)) {
						t.Errorf("instruction %d of %v and %v is %v, want %v", op, a, b, got[0], want)
					}
				}
			}
		}
	})
}
