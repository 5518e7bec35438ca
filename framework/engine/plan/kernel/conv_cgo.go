//go:build cgo

package kernel

/*
#cgo noescape backstitch_convolve_f32
#cgo nocallback backstitch_convolve_f32
#cgo noescape backstitch_convolve_f64
#cgo nocallback backstitch_convolve_f64
#cgo noescape backstitch_correlate_f32
#cgo nocallback backstitch_correlate_f32
#cgo noescape backstitch_correlate_f64
#cgo nocallback backstitch_correlate_f64
#include "kernels.h"
*/
import "C"

// Sliding computes sums over channels and taps: a convolution, or its adjoint in the input.
type Sliding struct {
	phases  []C.struct_backstitch_conv // outputs that read the same taps
	gaps    bool                       // some outputs read nothing
	plane   int                        // elements of the output's
	planes  int                        // of each group
	groups  int
	parts   []part
	scratch int
}

// part is some images, and in every group some of what is computed for each.
type part struct{ image0, image1, row0, row1 int }

// partsOf cuts the images, or the filters if their weights, which each part of the images packs, are more than the inputs, which each
// part of the filters pads or packs.
func partsOf(images, rows, weights, inputs int, work float64) []part {
	n := shares(work)
	var parts []part
	if images >= n && weights <= inputs {
		for i := range n {
			parts = append(parts, part{images * i / n, images * (i + 1) / n, 0, rows})
		}
		return parts
	}
	bounds := cut(rows, n, mostRows)
	for i := range len(bounds) - 1 {
		parts = append(parts, part{0, images, bounds[i], bounds[i+1]})
	}
	return parts
}

// Forward returns the kernel of y, from x and w.
func (c Conv) Forward() *Sliding {
	s := &Sliding{plane: c.OH * c.OW, planes: c.Filters, groups: c.Groups}
	s.parts = partsOf(c.Batch, c.Filters, c.weights(), c.Batch*c.Groups*c.Channels*c.H*c.W, c.work())
	s.add(c.forward())
	return s
}

func (c *Conv) weights() int { return c.Groups * c.Filters * c.Channels * c.KH * c.KW }

// forward describes the convolution.
func (c Conv) forward() C.struct_backstitch_conv {
	taps := c.KH * c.KW
	v := C.struct_backstitch_conv{batch: C.int64_t(c.Batch), groups: C.int64_t(c.Groups), channels: C.int64_t(c.Channels), filters: C.int64_t(c.Filters),
		h: C.int64_t(c.H), w: C.int64_t(c.W), rows: C.int64_t(c.OH), columns: C.int64_t(c.OW), step_h: C.int64_t(c.StrideH), step_w: C.int64_t(c.StrideW),
		filter_stride: C.int64_t(c.Channels * taps), channel_stride: C.int64_t(taps), group_stride: C.int64_t(c.Filters * c.Channels * taps),
		plane: C.int64_t(c.OH * c.OW), out_step_h: C.int64_t(c.OW), out_step_w: 1, taps: C.int64_t(taps)}
	for t := range taps {
		v.dh[t] = C.int32_t(t/c.KW*c.DilationH - c.PadH)
		v.dw[t] = C.int32_t(t%c.KW*c.DilationW - c.PadW)
		v.weight[t] = C.int32_t(t)
	}
	return v
}

// Input returns the kernel of the gradient in x, from that in y and w. Elements whose distance is a multiple of the strides read the
// same taps: they are computed together.
func (c Conv) Input() *Sliding {
	s := &Sliding{plane: c.H * c.W, planes: c.Channels, groups: c.Groups}
	s.parts = partsOf(c.Batch, c.Channels, c.weights(), c.Batch*c.Groups*c.Filters*c.OH*c.OW, c.work())
	for h := range min(c.StrideH, c.H) {
		for w := range min(c.StrideW, c.W) {
			if v := c.phase(h, w); v.taps > 0 {
				s.add(v)
			} else {
				s.gaps = true
			}
		}
	}
	return s
}

// phase describes the gradient of the elements from (h, w) on.
func (c Conv) phase(h, w int) C.struct_backstitch_conv {
	taps := c.KH * c.KW
	v := C.struct_backstitch_conv{batch: C.int64_t(c.Batch), groups: C.int64_t(c.Groups), channels: C.int64_t(c.Filters), filters: C.int64_t(c.Channels),
		h: C.int64_t(c.OH), w: C.int64_t(c.OW), step_h: 1, step_w: 1,
		rows: C.int64_t((c.H - h + c.StrideH - 1) / c.StrideH), columns: C.int64_t((c.W - w + c.StrideW - 1) / c.StrideW),
		filter_stride: C.int64_t(taps), channel_stride: C.int64_t(c.Channels * taps), group_stride: C.int64_t(c.Filters * c.Channels * taps),
		plane: C.int64_t(c.H * c.W), out_first: C.int64_t(h*c.W + w), out_step_h: C.int64_t(c.StrideH * c.W), out_step_w: C.int64_t(c.StrideW)}
	for t := range taps {
		dh, dw := h+c.PadH-t/c.KW*c.DilationH, w+c.PadW-t%c.KW*c.DilationW
		if dh%c.StrideH != 0 || dw%c.StrideW != 0 {
			continue
		}
		v.dh[v.taps], v.dw[v.taps], v.weight[v.taps] = C.int32_t(dh/c.StrideH), C.int32_t(dw/c.StrideW), C.int32_t(t)
		v.taps++
	}
	return v
}

// workedOnTogether is how many positions are worked on at a time, about.
const workedOnTogether = 512

func (s *Sliding) add(v C.struct_backstitch_conv) {
	padded := limit(&v, workedOnTogether)
	s.scratch = max(s.scratch, (int(v.filters)+mostRows)*int(v.channels*v.taps)+packedPanel+padded+tables(&v))
	s.phases = append(s.phases, v)
}

// packedPanel is the size of a packed panel.
const packedPanel = depth * mostColumns

// limit sets how many images are worked on at a time, and returns the size of their padded planes.
func limit(v *C.struct_backstitch_conv, positions int) int {
	v.together = C.int64_t(min(max(positions/int(v.rows*v.columns), 1), int(v.batch)))
	top, bottom, left, right := v.dh[0], v.dh[0], v.dw[0], v.dw[0]
	for t := range v.taps {
		top, bottom = min(top, v.dh[t]), max(bottom, v.dh[t])
		left, right = min(left, v.dw[t]), max(right, v.dw[t])
	}
	height := int((v.rows-1)*v.step_h) + int(bottom-top) + 1
	width := int((v.columns-1)*v.step_w+C.int64_t(right-left)+v.step_w) / int(v.step_w) * int(v.step_w)
	return int(v.together*v.channels) * height * width
}

// tables is the size of the tables of positions and of channels and taps, each number of which takes the room of an element.
func tables(v *C.struct_backstitch_conv) int {
	return 2*(int(v.together*v.rows*v.columns)+mostColumns) + 2*int(v.channels*v.taps) + 16
}

// Parts returns how many parts the work is cut into; it does not depend on who does it.
func (s *Sliding) Parts() int { return len(s.parts) }

// Scratch returns how many elements of working memory a part needs.
func (s *Sliding) Scratch() int { return s.scratch }

// Slide computes a part of y.
func Slide[E Float](s *Sliding, x, w, y []E, number int, scratch []E) {
	p := s.parts[number]
	if s.gaps {
		for n := p.image0 * s.groups; n < p.image1*s.groups; n++ {
			clear(y[(n*s.planes+p.row0)*s.plane : (n*s.planes+p.row1)*s.plane])
		}
	}
	for i := range s.phases {
		v := &s.phases[i]
		if single[E]() {
			C.backstitch_convolve_f32(v, f32(x), f32(w), f32(y), C.int64_t(p.image0), C.int64_t(p.image1), C.int64_t(p.row0), C.int64_t(p.row1), f32(scratch))
		} else {
			C.backstitch_convolve_f64(v, f64(x), f64(w), f64(y), C.int64_t(p.image0), C.int64_t(p.image1), C.int64_t(p.row0), C.int64_t(p.row1), f64(scratch))
		}
	}
}

// Correlating computes the gradient of a convolution in its weights.
type Correlating struct {
	v       C.struct_backstitch_conv
	scratch int
}

// How many positions are summed, and for how many channels that is done, at a time, about.
const (
	correlatedTogether = 1024
	channelsTogether   = 48
)

// Weights returns the kernel of the gradient in w, from x and that in y.
func (c Conv) Weights() *Correlating {
	k := &Correlating{v: c.forward()}
	padded := limit(&k.v, correlatedTogether)
	positions := min(int(k.v.together)*c.OH*c.OW, correlatedTogether)
	k.scratch = padded + tables(&k.v) + (positions+channelsTogether*c.KH*c.KW)*mostColumns + packedPanel + mostColumns*depth
	return k
}

// Scratch returns how many elements of working memory Correlate needs.
func (k *Correlating) Scratch() int { return k.scratch }

// Correlate stores a tile of the gradient in dw, whose rows begin ld elements apart. The bits of an element do not depend on the tile.
func Correlate[E Float](k *Correlating, x, g, dw []E, ld int, t Tile, scratch []E) {
	if single[E]() {
		C.backstitch_correlate_f32(&k.v, f32(x), f32(g), f32(dw), C.int64_t(ld), C.int64_t(t.Row), C.int64_t(t.Row+t.Rows), C.int64_t(t.Column), C.int64_t(t.Columns), f32(scratch))
	} else {
		C.backstitch_correlate_f64(&k.v, f64(x), f64(g), f64(dw), C.int64_t(ld), C.int64_t(t.Row), C.int64_t(t.Row+t.Rows), C.int64_t(t.Column), C.int64_t(t.Columns), f64(scratch))
	}
}
