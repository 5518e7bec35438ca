// Package plane is a family of smooth losses of two numbers, none of whose gradient steps commute, with their exact derivatives.
package plane

import "math"

// The losses are L_k(x) = sin(f + x_0 x_1) + cos(f x_0)/2 + x_1²/(f+1) with frequencies f that depend on k.

// frequency returns a number between 1 and 4, no two alike.
func frequency(k int) float64 {
	_, fraction := math.Modf(float64(k) * math.Phi)
	return 1 + 3*fraction
}

// Gradient returns the gradient of L_k at x.
func Gradient(k int, x []float64) [2]float64 {
	f := frequency(k)
	c := math.Cos(f + x[0]*x[1])
	return [2]float64{x[1]*c - f*math.Sin(f*x[0])/2, x[0]*c + 2*x[1]/(f+1)}
}

// HVP returns the Hessian of L_k at x times v.
func HVP(k int, x, v []float64) [2]float64 {
	f := frequency(k)
	s, c := math.Sincos(f + x[0]*x[1])
	h00 := -x[1]*x[1]*s - f*f*math.Cos(f*x[0])/2
	h01 := c - x[0]*x[1]*s
	h11 := -x[0]*x[0]*s + 2/(f+1)
	return [2]float64{h00*v[0] + h01*v[1], h01*v[0] + h11*v[1]}
}
