package report

import "gonum.org/v1/plot/plotter"

// thin returns at most limit points of a curve, in their order. The first and the last point stay, and so do the lowest and the highest
// of every stretch between them, so that no jump disappears. Limit is at least four.
func thin(points plotter.XYs, limit int) plotter.XYs {
	if len(points) <= limit {
		return points
	}
	inner := points[1 : len(points)-1]
	stretches := (limit - 2) / 2
	kept := plotter.XYs{points[0]}
	for i := range stretches {
		stretch := inner[i*len(inner)/stretches : (i+1)*len(inner)/stretches]
		low, high := extremes(stretch)
		kept = append(kept, stretch[min(low, high)])
		if low != high {
			kept = append(kept, stretch[max(low, high)])
		}
	}
	return append(kept, points[len(points)-1])
}

// extremes returns the indices of the lowest and the highest of the points.
func extremes(points plotter.XYs) (low, high int) {
	for i, p := range points {
		if p.Y < points[low].Y {
			low = i
		}
		if p.Y > points[high].Y {
			high = i
		}
	}
	return low, high
}
