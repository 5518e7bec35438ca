package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// product is the number of elements of a shape.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// sum adds up a list.
func sum(list []int) int {
	total := 0
	for _, n := range list {
		total += n
	}
	return total
}

// counted returns 0, 1, … n − 1.
func counted(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// axesFrom returns the axes of x from the given one on.
func axesFrom(first int, x ops.Expr) []int { return counted(x.Rank())[min(first, x.Rank()):] }

// channelShape is the shape of one number for each channel of x, which broadcasts against x.
func channelShape(x ops.Expr) []int {
	shape := slices.Repeat([]int{1}, x.Rank())
	shape[1] = x.Shape()[1]
	return shape
}

// numbers are those of a list in double precision.
func numbers[T int | float32 | int64](list []T) []float64 {
	data := make([]float64, len(list))
	for i, v := range list {
		data[i] = float64(v)
	}
	return data
}

// vector returns integers as a constant with one axis.
func vector(ints ...int) ops.Expr { return ops.Constant([]int{len(ints)}, numbers(ints)) }

// counting returns first, first + step, …
func counting(first, step, n int) ops.Expr {
	data := make([]float64, n)
	for i := range data {
		data[i] = float64(first + i*step)
	}
	return ops.Constant([]int{n}, data)
}
