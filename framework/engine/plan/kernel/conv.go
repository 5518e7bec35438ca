package kernel

// Conv is a convolution over two spatial axes, of tensors in the order (batch, channels, height, width): the input is (Batch,
// Groups·Channels, H, W), the weights are (Groups·Filters, Channels, KH, KW), the output is (Batch, Groups·Filters, OH, OW). The pads are
// those before the input; taps outside of it read zero.
type Conv struct {
	Batch, Groups, Channels, Filters                   int
	H, W, KH, KW, OH, OW                               int
	StrideH, StrideW, PadH, PadW, DilationH, DilationW int
}

// MaxTaps is how many elements a kernel, KH·KW, may have.
const MaxTaps = 1024

// part is some images, and in every group some of what is computed for each.
type part struct{ image0, image1, row0, row1 int }

// Parts are cut so that each is much work and little is packed twice.
const (
	partWork      = 20e6 // multiplications
	mostConvParts = 4
)

// partsOf cuts the images, or the filters if there are few positions.
func partsOf(images, rows, positions int, work float64) []part {
	n := min(max(int(work/partWork), 1), mostConvParts)
	var parts []part
	if images >= n && images*positions >= 1024*n {
		for i := range n {
			parts = append(parts, part{images * i / n, images * (i + 1) / n, 0, rows})
		}
		return parts
	}
	bounds := cutRows(rows, n)
	for i := range len(bounds) - 1 {
		parts = append(parts, part{0, images, bounds[i], bounds[i+1]})
	}
	return parts
}

// cutRows cuts rows at multiples of what kernels compute at a time.
func cutRows(rows, n int) []int {
	const tile = 12
	bounds := []int{0}
	for i := 1; i < n; i++ {
		if at := rows * i / n / tile * tile; at > bounds[len(bounds)-1] {
			bounds = append(bounds, at)
		}
	}
	return append(bounds, rows)
}

func (c *Conv) work() float64 {
	return float64(c.Batch*c.Groups*c.Filters*c.Channels) * float64(c.KH*c.KW) * float64(c.OH*c.OW)
}

// RowParts returns the bounds of rows, which are filters, at which the weights' gradient is best cut into parts.
func (c *Conv) RowParts() []int {
	return cutRows(c.Groups*c.Filters, min(max(int(c.work()/partWork), 1), mostConvParts))
}
