// Softmax, pooling, and copies between a dense tensor, in row-major order, and one that is accessed with strides.
#include "softmax.h"
#include "pool.h"

// What is transposed at a time: lines of the cache, in both directions.
#undef TILE
#define TILE 16

// copy moves n elements, of which those of the dense tensor are contiguous.
INLINE void NAME(copy_line)(int gather, int64_t n, T *restrict dense, T *restrict strided, int64_t stride) {
	if (stride == 1 && n >= 32)
		memcpy(gather ? dense : strided, gather ? strided : dense, n * sizeof(T));
	else if (stride == 1)
		for (int64_t i = 0; i < n; i++)
			if (gather)
				dense[i] = strided[i];
			else
				strided[i] = dense[i];
	else
		for (int64_t i = 0; i < n; i++)
			if (gather)
				dense[i] = strided[i * stride];
			else
				strided[i * stride] = dense[i];
}

// copy_transposed moves rows by columns: those of the dense tensor begin ldd apart, and columns of the other lds.
static void NAME(copy_transposed)(int gather, int64_t rows, int64_t columns, T *restrict dense, int64_t ldd, T *restrict strided, int64_t lds) {
	for (int64_t r = 0; r < rows; r += TILE)
		for (int64_t c = 0; c < columns; c += TILE) {
			T *d = dense + r * ldd + c, *s = strided + c * lds + r, tile[TILE][TILE];
			const int64_t height = rows - r < TILE ? rows - r : TILE, width = columns - c < TILE ? columns - c : TILE;
			if (height < TILE || width < TILE) {
				for (int64_t i = 0; i < height; i++)
					NAME(copy_line)(gather, width, d + i * ldd, s + i, lds);
			} else if (gather) {
				for (int64_t j = 0; j < TILE; j++)
					for (int64_t i = 0; i < TILE; i++)
						tile[j][i] = s[j * lds + i];
				for (int64_t i = 0; i < TILE; i++)
					for (int64_t j = 0; j < TILE; j++)
						d[i * ldd + j] = tile[j][i];
			} else {
				for (int64_t i = 0; i < TILE; i++)
					for (int64_t j = 0; j < TILE; j++)
						tile[j][i] = d[i * ldd + j];
				for (int64_t j = 0; j < TILE; j++)
					for (int64_t i = 0; i < TILE; i++)
						s[j * lds + i] = tile[j][i];
			}
		}
}

// copy walks through the shape line by line, or, if another axis than the last is contiguous in the strided tensor, matrix by matrix.
INLINE void NAME(copy)(int gather, int64_t axes, const int64_t *shape, const int64_t *strides, T *dense, T *strided) {
	int64_t sizes[BACKSTITCH_AXES], steps[BACKSTITCH_AXES], dense_steps[BACKSTITCH_AXES], index[BACKSTITCH_AXES] = {0};
	int64_t outer = 0, step = 1, row_axis = -1;
	const int64_t n = axes ? shape[axes - 1] : 1, stride = axes ? strides[axes - 1] : 1;
	for (int64_t axis = axes - 2; axis >= 0 && stride != 1; axis--)
		if (strides[axis] == 1 && shape[axis] > 1)
			row_axis = axis;
	int64_t row_step = 0;
	for (int64_t axis = axes - 1; axis >= 0; step *= shape[axis], axis--)
		if (axis == row_axis)
			row_step = step;
		else if (axis < axes - 1) { // the innermost first
			sizes[outer] = shape[axis];
			steps[outer] = strides[axis];
			dense_steps[outer++] = step;
		}
	for (int64_t axis = -1; axis < outer;) {
		if (row_axis >= 0)
			NAME(copy_transposed)(gather, shape[row_axis], n, dense, row_step, strided, stride);
		else
			NAME(copy_line)(gather, n, dense, strided, stride);
		for (axis = 0; axis < outer; axis++) {
			dense += dense_steps[axis];
			strided += steps[axis];
			if (++index[axis] < sizes[axis])
				break;
			dense -= sizes[axis] * dense_steps[axis];
			strided -= sizes[axis] * steps[axis];
			index[axis] = 0;
		}
	}
}

// gather fills y, in row-major order of the shape, from where the strides lead in x.
void NAME(gather)(int64_t axes, const int64_t *shape, const int64_t *strides, const T *x, T *y) {
	NAME(copy)(1, axes, shape, strides, y, (T *)x);
}

// scatter moves x, in row-major order of the shape, to where the strides lead in y.
void NAME(scatter)(int64_t axes, const int64_t *shape, const int64_t *strides, const T *x, T *y) {
	NAME(copy)(0, axes, shape, strides, (T *)x, y);
}
