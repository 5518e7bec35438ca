package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// drawConv is a random convolution.
func drawConv(r *rand.Rand) Conv {
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	c := Conv{Batch: pick(1, 2, 3, 8), Groups: pick(1, 1, 1, 2, 3), Channels: pick(1, 2, 3, 5, 18), Filters: pick(1, 2, 5, 12, 13, 25, 40),
		H: pick(1, 3, 4, 7, 8, 16), W: pick(1, 4, 5, 8, 16, 32), KH: pick(1, 1, 2, 3, 5), KW: pick(1, 1, 3, 3, 4),
		StrideH: pick(1, 1, 2, 3), StrideW: pick(1, 1, 2, 3), DilationH: pick(1, 1, 2), DilationW: pick(1, 1, 2)}
	c.PadH, c.PadW = r.IntN(c.KH+1), r.IntN(c.KW+1)
	c.OH = max(1, (c.H+2*c.PadH-c.DilationH*(c.KH-1)-1)/c.StrideH+1)
	c.OW = max(1, (c.W+2*c.PadW-c.DilationW*(c.KW-1)-1)/c.StrideW+1)
	if c.work() > 2e6 {
		return drawConv(r)
	}
	return c
}

// defined computes y, dx and dw in float64 by the definition.
func defined[E Float](c Conv, x, w, g []E) (y, dx, dw []float64) {
	y, dx, dw = make([]float64, len(g)), make([]float64, len(x)), make([]float64, len(w))
	for n := range c.Batch {
		for m := range c.Groups * c.Filters {
			for ch := range c.Channels {
				for kh := range c.KH {
					for kw := range c.KW {
						for oh := range c.OH {
							for ow := range c.OW {
								h, v := oh*c.StrideH-c.PadH+kh*c.DilationH, ow*c.StrideW-c.PadW+kw*c.DilationW
								if h < 0 || h >= c.H || v < 0 || v >= c.W {
									continue
								}
								i := (((n*c.Groups+m/c.Filters)*c.Channels+ch)*c.H+h)*c.W + v
								j := ((m*c.Channels+ch)*c.KH+kh)*c.KW + kw
								k := ((n*c.Groups*c.Filters+m)*c.OH+oh)*c.OW + ow
								y[k] += float64(x[i]) * float64(w[j])
								dx[i] += float64(g[k]) * float64(w[j])
								dw[j] += float64(g[k]) * float64(x[i])
							}
						}
					}
				}
			}
		}
	}
	return y, dx, dw
}

func operands[E Float](c Conv, r *rand.Rand) (x, w, g []E) {
	return normal[E](r, c.Batch*c.Groups*c.Channels*c.H*c.W), normal[E](r, c.Groups*c.Filters*c.Channels*c.KH*c.KW),
		normal[E](r, c.Batch*c.Groups*c.Filters*c.OH*c.OW)
}

func slide[E Float](s *Sliding, x, w []E, size int) []E {
	y := unknown[E](size)
	for part := range s.Parts() {
		Slide(s, x, w, y, part, unknown[E](s.Scratch()))
	}
	return y
}

func testConv[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(5, 6))
	// More positions, channels and filters than are worked on at a time; then random ones.
	list := []Conv{
		{Batch: 1, Groups: 1, Channels: 3, Filters: 17, H: 66, W: 70, KH: 1, KW: 3, OH: 66, OW: 70, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadW: 1},
		{Batch: 3, Groups: 1, Channels: 101, Filters: 35, H: 8, W: 8, KH: 1, KW: 1, OH: 8, OW: 8, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
		{Batch: 2, Groups: 1, Channels: 53, Filters: 33, H: 5, W: 5, KH: 3, KW: 3, OH: 5, OW: 5, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadH: 1, PadW: 1},
		{Batch: 3, Groups: 1, Channels: 500, Filters: 970, H: 2, W: 2, KH: 1, KW: 1, OH: 1, OW: 1, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
		{Batch: 9, Groups: 1, Channels: 7, Filters: 490, H: 6, W: 6, KH: 1, KW: 1, OH: 6, OW: 6, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
	}
	for range 150 {
		list = append(list, drawConv(r))
	}
	for _, c := range list {
		x, w, g := operands[E](c, r)
		y, dx, dw := defined(c, x, w, g)
		name := fmt.Sprintf("%+v", c)
		forward, input, weights := c.Forward(), c.Input(), c.Weights()
		compare(t, name+" forward", slide(forward, x, w, len(y)), y, tolerance*math.Sqrt(float64(c.Channels*c.KH*c.KW)))
		compare(t, name+" input gradient", slide(input, g, w, len(dx)), dx, tolerance*math.Sqrt(float64(c.Filters*c.KH*c.KW)))
		rows := c.Groups * c.Filters
		length := len(w) / rows
		row, column := r.IntN(rows+1), r.IntN(length+1)
		got := unknown[E](len(w))
		for _, tile := range []Tile{{0, row, 0, column}, {0, row, column, length - column}, {row, rows - row, 0, column}, {row, rows - row, column, length - column}} {
			if tile.Rows*tile.Columns > 0 {
				Correlate(weights, x, g, got[tile.Row*length+tile.Column:], length, tile, unknown[E](weights.Scratch()))
			}
		}
		compare(t, name+" weight gradient", got, dw, tolerance*math.Sqrt(float64(c.Batch*c.OH*c.OW)))
		whole := unknown[E](len(w))
		for _, tile := range c.WeightParts() {
			Correlate(weights, x, g, whole[tile.Row*length+tile.Column:], length, tile, unknown[E](weights.Scratch()))
		}
		for i := range whole {
			if whole[i] != got[i] {
				t.Fatalf("%s: element %d of the weight gradient is %v cut at row %d and column %d, else %v", name, i, got[i], row, column, whole[i])
			}
		}
	}
}

func TestConvolutionsAreTheirDefinition(t *testing.T) {
	everySet(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testConv[float32](t, 4e-6) })
		t.Run("float64", func(t *testing.T) { testConv[float64](t, 1e-14) })
	})
}

func BenchmarkConv(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []Conv{
		{Batch: 8, Channels: 64, Filters: 64, H: 32, W: 32, KH: 3, StrideH: 1},
		{Batch: 8, Channels: 128, Filters: 128, H: 16, W: 16, KH: 3, StrideH: 1},
		{Batch: 8, Channels: 256, Filters: 256, H: 8, W: 8, KH: 3, StrideH: 1},
		{Batch: 8, Channels: 512, Filters: 512, H: 4, W: 4, KH: 3, StrideH: 1},
		{Batch: 8, Channels: 64, Filters: 128, H: 32, W: 32, KH: 3, StrideH: 2},
		{Batch: 2, Channels: 256, Filters: 64, H: 56, W: 56, KH: 1, StrideH: 1},
		{Batch: 2, Channels: 512, Filters: 2048, H: 7, W: 7, KH: 1, StrideH: 1},
	} {
		c.Groups, c.KW, c.StrideW, c.DilationH, c.DilationW, c.PadH, c.PadW = 1, c.KH, c.StrideH, 1, 1, c.KH/2, c.KH/2
		c.OH, c.OW = (c.H-1)/c.StrideH+1, (c.W-1)/c.StrideW+1
		x, w, g := operands[float32](c, r)
		measure := func(name string, scratch int, f func(scratch []float32)) {
			b.Run(fmt.Sprintf("%s/%dto%d/%dx%d/%dx%d", name, c.Channels, c.Filters, c.KH, c.KW, c.H, c.W), func(b *testing.B) {
				memory := make([]float32, scratch)
				for b.Loop() {
					f(memory)
				}
				b.ReportMetric(2*c.work()*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
		forward, input, weights := c.Forward(), c.Input(), c.Weights()
		measure("forward", forward.Scratch(), func(s []float32) {
			for part := range forward.Parts() {
				Slide(forward, x, w, g, part, s)
			}
		})
		measure("input", input.Scratch(), func(s []float32) {
			for part := range input.Parts() {
				Slide(input, g, w, x, part, s)
			}
		})
		length := len(w) / c.Filters
		measure("weights", weights.Scratch(), func(s []float32) {
			for _, tile := range c.WeightParts() {
				Correlate(weights, x, g, w[tile.Row*length+tile.Column:], length, tile, s)
			}
		})
	}
}
