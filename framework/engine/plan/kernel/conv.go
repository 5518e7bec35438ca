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

// Sizes of parts, in multiplications. What is worth sharing is cut in two, and what is large into large parts: each pads planes and packs
// numbers of its own. The number of parts is a power of two, like most numbers of cores.
const (
	smallPart     = 5e6
	largePart     = 1 << 27
	mostConvParts = 8
)

// shares returns into how many parts some multiplications are cut.
func shares(work float64) int {
	if work < 2*smallPart {
		return 1
	}
	n := 2
	for n < mostConvParts && work >= float64(2*n*largePart) {
		n *= 2
	}
	return n
}

// cut cuts a range into n parts, at multiples of what kernels compute at a time.
func cut(length, n, unit int) []int {
	bounds := []int{0}
	for i := 1; i < n; i++ {
		if at := (length*i/n + unit/2) / unit * unit; at > bounds[len(bounds)-1] && at < length {
			bounds = append(bounds, at)
		}
	}
	return append(bounds, length)
}

func (c *Conv) work() float64 {
	return float64(c.Batch*c.Groups*c.Filters*c.Channels) * float64(c.KH*c.KW) * float64(c.OH*c.OW)
}

// pointwise reports whether every output reads the input at its own place.
func (c *Conv) pointwise() bool {
	return c.KH == 1 && c.KW == 1 && c.H == c.OH && c.W == c.OW && c.StrideH == 1 && c.StrideW == 1
}

// WeightParts cuts the gradient in the weights, whose rows are filters and whose columns are channels and taps, into parts. Each part
// packs what its rows and what its columns read. The latter is more, so columns are cut, and it is packed once; but the input of a
// pointwise convolution is read where it is. Columns of groups read nothing in common, so rows are cut.
func (c *Conv) WeightParts() []Tile {
	rows, columns := []int{0, c.Groups * c.Filters}, []int{0, c.Channels * c.KH * c.KW}
	n := shares(c.work())
	switch {
	case c.Groups > 1:
		rows = cut(rows[1], n, mostRows)
	case c.pointwise() && c.Filters >= c.Channels:
		rows = cut(rows[1], n, mostColumns)
	default:
		columns = cut(columns[1], n, mostLanes*c.KH*c.KW)
	}
	var parts []Tile
	for i := range len(rows) - 1 {
		for j := range len(columns) - 1 {
			parts = append(parts, Tile{rows[i], rows[i+1] - rows[i], columns[j], columns[j+1] - columns[j]})
		}
	}
	return parts
}
