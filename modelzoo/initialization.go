package modelzoo

import (
	"math"
	"math/rand/v2"
)

// distribution is what the numbers of a tensor are drawn from.
type distribution func(*rand.Rand) float64

func constant(c float64) distribution { return func(*rand.Rand) float64 { return c } }

func normal(std float64) distribution {
	return func(r *rand.Rand) float64 { return std * r.NormFloat64() }
}

// uniform is symmetric around zero.
func uniform(bound float64) distribution {
	return func(r *rand.Rand) float64 { return bound * (2*r.Float64() - 1) }
}

// initialization is what the weight and the bias of a layer are drawn from. A layer without a bias has none.
type initialization func(fanIn, fanOut float64) (weight, bias distribution)

// fans returns the numbers of inputs and outputs of a weight's units: the shape is [out, in, …], and what follows is the window.
func fans(shape []int64) (fanIn, fanOut float64) {
	area := elements(shape[2:])
	return float64(shape[1] * area), float64(shape[0] * area)
}

// heNormal is the initialization of He et al. (arXiv:1502.01852) by fan-in.
func heNormal(fanIn, _ float64) (weight, bias distribution) {
	return normal(math.Sqrt(2 / fanIn)), constant(0)
}

// heFanOut is the same by fan-out, torchvision's choice for convolutions.
func heFanOut(_, fanOut float64) (weight, bias distribution) {
	return normal(math.Sqrt(2 / fanOut)), constant(0)
}

// withoutBias leaves out the bias, which a normalization would take away again.
func withoutBias(first initialization) initialization {
	return func(fanIn, fanOut float64) (weight, bias distribution) {
		weight, _ = first(fanIn, fanOut)
		return weight, nil
	}
}

// torchDefault is how PyTorch's layers begin: uniform within 1/√fan-in.
func torchDefault(fanIn, _ float64) (weight, bias distribution) {
	bound := uniform(1 / math.Sqrt(fanIn))
	return bound, bound
}

// smallNormal is torchvision's choice for the classifiers of VGG.
func smallNormal(_, _ float64) (weight, bias distribution) { return normal(0.01), constant(0) }

// patchNormal is torchvision's choice for the patches of a vision transformer; its cut at ±2 is many deviations away.
func patchNormal(fanIn, _ float64) (weight, bias distribution) {
	return normal(math.Sqrt(1 / fanIn)), constant(0)
}

// glorot is the uniform initialization of Glorot and Bengio (2010).
func glorot(fanIn, fanOut float64) (weight, bias distribution) {
	return uniform(math.Sqrt(6 / (fanIn + fanOut))), constant(0)
}

// glorotWithBias is torchvision's choice for the MLP of a vision transformer.
func glorotWithBias(fanIn, fanOut float64) (weight, bias distribution) {
	weight, _ = glorot(fanIn, fanOut)
	return weight, normal(1e-6)
}

func zeroBias(first initialization) initialization {
	return func(fanIn, fanOut float64) (weight, bias distribution) {
		weight, _ = first(fanIn, fanOut)
		return weight, constant(0)
	}
}

// zeros is torchvision's choice for the head of a vision transformer.
func zeros(_, _ float64) (weight, bias distribution) { return constant(0), constant(0) }
