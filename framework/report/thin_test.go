package report

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/plot/plotter"
)

func TestThinKeepsWhatTheEyeWouldMiss(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		points := make(plotter.XYs, 1+random.IntN(3000))
		for i := range points {
			points[i] = plotter.XY{X: float64(i), Y: random.NormFloat64()}
		}
		spike, dip := random.IntN(len(points)), random.IntN(len(points))
		points[spike].Y, points[dip].Y = 100, -100
		limit := 4 + random.IntN(600)
		kept := thin(points, limit)

		if len(kept) > limit && len(points) > limit {
			t.Fatalf("%d points of %d kept, limit %d", len(kept), len(points), limit)
		}
		if !slices.IsSortedFunc(kept, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) }) {
			t.Fatal("the points are out of order")
		}
		for _, at := range []int{0, spike, dip, len(points) - 1} {
			if !slices.Contains(kept, points[at]) {
				t.Fatalf("point %d of %d is lost at limit %d: the first, the last, the highest and the lowest must stay", at, len(points), limit)
			}
		}
		for _, p := range kept {
			if points[int(p.X)] != p {
				t.Fatalf("%v is not one of the points", p)
			}
		}
	}
}

func TestThinKeepsTheJumpsOfEveryStretch(t *testing.T) {
	points := make(plotter.XYs, 25000)
	for i := range points {
		points[i] = plotter.XY{X: float64(i), Y: float64(i % 2)}
	}
	kept := thin(points, 2000)
	jumps := 0
	for i := 1; i < len(kept); i++ {
		if kept[i].Y != kept[i-1].Y {
			jumps++
		}
	}
	if len(kept) > 2000 || jumps < 998 {
		t.Errorf("%d points with %d jumps are left of a curve that jumps all the time", len(kept), jumps)
	}
}

func TestThinLeavesAShortCurveAlone(t *testing.T) {
	points := plotter.XYs{{X: 1, Y: 2}, {X: 2, Y: 1}, {X: 3, Y: 3}}
	if kept := thin(points, 4); !slices.Equal(kept, points) {
		t.Errorf("%v became %v", points, kept)
	}
}
