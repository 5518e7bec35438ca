package ops

import "gorgonia.org/tensor"

// Where picks, element by element, from its second input where the first is not zero, and from its third where it is; all are
// broadcast. What is not picked does not matter, NaN included: neither to the value nor to the gradient. ONNX Where.
type Where struct{}

// Where is a where the condition x is not zero, else b.
func (x Expr) Where(a, b Operand) Expr { return x.with(Where{}, a, b) }

// Arity is 3: condition, a, b.
func (Where) Arity() int { return 3 }

// Shape is the broadcast of all.
func (Where) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape, err := Broadcast(in[0], in[1])
	if err != nil {
		return nil, err
	}
	return Broadcast(shape, in[2])
}

// Constant reports that moving the condition does not change what is picked.
func (Where) Constant(i int) bool { return i == 0 }

// Gradient is g where it was picked, summed over the axes that were repeated.
func (Where) Gradient(in []Expr, _, g Expr) []Expr {
	zero := in[0].Fill(0)
	return []Expr{{}, in[0].Where(g, zero).SumTo(in[1].Shape()), in[0].Where(zero, g).SumTo(in[2].Shape())}
}

// Eval32 is the kernel in float32.
func (Where) Eval32(out Tensor[float32], in ...Tensor[float32]) { zip(out, in, pick) }

// Eval64 is the kernel in float64.
func (Where) Eval64(out Tensor[float64], in ...Tensor[float64]) { zip(out, in, pick) }

func pick[T Float](out []T, in [][]T) {
	condition, a, b := in[0][:len(out)], in[1][:len(out)], in[2][:len(out)]
	for i, c := range condition {
		if c != 0 {
			out[i] = a[i]
		} else {
			out[i] = b[i]
		}
	}
}
