package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// The definition: an element of the output is the sum, over all values of the labels that the output lacks, of the products of
// the operands' elements.
func TestEinsumIsTheSumOverAllLabelsThatTheOutputLacks(t *testing.T) {
	const letters = "abcD"
	size := map[rune]int{'a': 2, 'b': 3, 'c': 2, 'D': 4}
	random := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		terms := make([]string, 1+random.IntN(3))
		inputs := make([]*onnx.Tensor, len(terms))
		for i := range terms {
			dims, n := []int64{}, 1
			for range random.IntN(4) {
				letter := rune(letters[random.IntN(len(letters))])
				terms[i] += string(letter)
				dims, n = append(dims, int64(size[letter])), n*size[letter]
			}
			data := make([]float32, n)
			for j := range data {
				data[j] = float32(random.IntN(5) - 2) // whose products and sums are exact
			}
			inputs[i] = floats(dims, data...)
		}
		var output string
		for _, at := range random.Perm(len(letters)) {
			if letter := letters[at : at+1]; strings.Contains(strings.Join(terms, ""), letter) && random.IntN(2) == 0 {
				output += letter
			}
		}
		equation := strings.Join(terms, ",") + "->" + output
		t.Run(equation, func(t *testing.T) {
			got, err := evaluate(t, single(12, "Einsum", inputs, attrs(onnx.StringAttr("equation", equation))), "y")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, expected(t, sumOfProducts(t, terms, inputs, output, letters, size)))
		})
	}
}

// sumOfProducts runs through the values of all letters.
func sumOfProducts(t *testing.T, terms []string, inputs []*onnx.Tensor, output, letters string, size map[rune]int) *onnx.Tensor {
	t.Helper()
	values := map[rune]int{}
	place := func(term string) (at int) {
		for _, letter := range term {
			at = at*size[letter] + values[letter]
		}
		return at
	}
	dims, n := []int64{}, 1
	for _, letter := range output {
		dims, n = append(dims, int64(size[letter])), n*size[letter]
	}
	sums := make([]float32, n)
	var visit func(left []rune)
	visit = func(left []rune) {
		if len(left) == 0 {
			product := float32(1)
			for i, term := range terms {
				product *= numbersOf(t, inputs[i])[place(term)]
			}
			sums[place(output)] += product
			return
		}
		for v := range size[left[0]] {
			values[left[0]] = v
			visit(left[1:])
		}
	}
	used := slices.DeleteFunc([]rune(letters), func(l rune) bool { return !strings.ContainsRune(strings.Join(terms, ""), l) })
	visit(used)
	return floats(dims, sums...)
}

func numbersOf(t *testing.T, tensor *onnx.Tensor) []float32 {
	t.Helper()
	numbers, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return numbers
}
