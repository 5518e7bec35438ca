package kernel

import "math"

// interpret is what a program means: element by element, each instruction in float64 and rounded. It is the path without cgo, and what
// the kernels in C are compared with. There is one register for each input and each instruction.
func interpret[E Float](p *Program, lo, hi int, registers []E, input func(i, at int) E, output func(o, at int, v E), sum func(s, at int, v E)) {
	for at := lo; at < hi; at++ {
		for i, a := range p.Inputs {
			registers[i] = input(i, a.element(p.Shape, at))
		}
		for i := range p.Code {
			c := &p.Code[i]
			registers[c.Out] = E(evaluate[E](c, float64(registers[c.A]), float64(registers[c.B]), float64(registers[c.C])))
		}
		for s, to := range p.Sums {
			sum(s, to.Into.element(p.Shape, at), registers[to.Register])
		}
		for o, r := range p.Outputs {
			output(o, at, registers[r.Register])
		}
	}
}

// element returns the place of an element of the iteration space.
func (a Access) element(shape []int, at int) int {
	if a == nil {
		return at
	}
	place := 0
	for axis := len(shape) - 1; axis >= 0; axis-- {
		place += at % shape[axis] * a[axis]
		at /= shape[axis]
	}
	return place
}

// evaluate computes an instruction, whose own numbers are rounded first.
func evaluate[E Float](c *Instruction, x, y, z float64) float64 {
	p, q := float64(E(c.P)), float64(E(c.Q))
	switch c.Op {
	case Copy:
		return x
	case Fill:
		return p
	case Affine:
		return p*x + q
	case Clamp:
		return min(max(x, p), q)
	case Within:
		return indicator(p <= x && x <= q)
	case Where:
		if x != 0 {
			return y
		}
		return z
	case MulAdd:
		return x*y + z
	case MulSub:
		return z - x*y
	}
	if f := binaries[c.Op]; f != nil {
		return f(x, y)
	}
	return unaries[c.Op](x)
}

func indicator(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

var binaries = [codes]func(x, y float64) float64{
	Add:  func(x, y float64) float64 { return x + y },
	Sub:  func(x, y float64) float64 { return x - y },
	Mul:  func(x, y float64) float64 { return x * y },
	Div:  func(x, y float64) float64 { return x / y },
	Pow:  math.Pow,
	Max:  func(x, y float64) float64 { return max(x, y) },
	Min:  func(x, y float64) float64 { return min(x, y) },
	Fmod: math.Mod,
	Mod: func(x, y float64) float64 {
		r := math.Mod(x, y)
		if r < 0 && y > 0 || r > 0 && y < 0 {
			return r + y
		}
		return r
	},
	Less:  func(x, y float64) float64 { return indicator(x < y) },
	Equal: func(x, y float64) float64 { return indicator(x == y) },
}

var unaries = [codes]func(x float64) float64{
	Exp: math.Exp, Log: math.Log, Sqrt: math.Sqrt, Abs: math.Abs, Tanh: math.Tanh, Erf: math.Erf,
	Sin: math.Sin, Cos: math.Cos, Tan: math.Tan, Asin: math.Asin, Acos: math.Acos, Atan: math.Atan,
	Sinh: math.Sinh, Cosh: math.Cosh, Asinh: math.Asinh, Acosh: math.Acosh, Atanh: math.Atanh,
	Floor: math.Floor, Ceil: math.Ceil, Round: math.RoundToEven, Trunc: math.Trunc,
	Sign: func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	},
	Step: func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x <= 0:
			return 0
		}
		return x
	},
	Relu: func(x float64) float64 {
		if x <= 0 {
			return 0
		}
		return x
	},
	Sigmoid: func(x float64) float64 {
		if x < 0 {
			return math.Exp(x) / (1 + math.Exp(x))
		}
		return 1 / (1 + math.Exp(-x))
	},
	Softplus: func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
	IsNaN:    func(x float64) float64 { return indicator(x != x) },
	IsInf:    func(x float64) float64 { return indicator(math.IsInf(x, 0)) },
}
