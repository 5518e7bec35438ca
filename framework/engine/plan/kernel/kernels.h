// The kernels that Go calls, for float (f32) and double (f64). Each is compiled for several instruction sets; dispatch.c chooses.
#ifndef BACKSTITCH_KERNELS_H
#define BACKSTITCH_KERNELS_H

#include <stdint.h>

#define BACKSTITCH_AXES 8
#define BACKSTITCH_REGISTERS 320
#define BACKSTITCH_OPERANDS 64

// The instructions of elementwise programs, numbered as in program.go.
enum {
	BACKSTITCH_Copy,
	BACKSTITCH_Fill,
	BACKSTITCH_Affine,
	BACKSTITCH_Clamp,
	BACKSTITCH_Within,
	BACKSTITCH_Where,
	BACKSTITCH_Add,
	BACKSTITCH_Sub,
	BACKSTITCH_Mul,
	BACKSTITCH_Div,
	BACKSTITCH_Pow,
	BACKSTITCH_Max,
	BACKSTITCH_Min,
	BACKSTITCH_Mod,
	BACKSTITCH_Fmod,
	BACKSTITCH_Less,
	BACKSTITCH_Equal,
	BACKSTITCH_MulAdd,
	BACKSTITCH_MulSub,
	BACKSTITCH_Exp,
	BACKSTITCH_Log,
	BACKSTITCH_Sqrt,
	BACKSTITCH_Abs,
	BACKSTITCH_Sign,
	BACKSTITCH_Step,
	BACKSTITCH_Relu,
	BACKSTITCH_Tanh,
	BACKSTITCH_Sigmoid,
	BACKSTITCH_Softplus,
	BACKSTITCH_Erf,
	BACKSTITCH_Sin,
	BACKSTITCH_Cos,
	BACKSTITCH_Tan,
	BACKSTITCH_Asin,
	BACKSTITCH_Acos,
	BACKSTITCH_Atan,
	BACKSTITCH_Sinh,
	BACKSTITCH_Cosh,
	BACKSTITCH_Asinh,
	BACKSTITCH_Acosh,
	BACKSTITCH_Atanh,
	BACKSTITCH_Floor,
	BACKSTITCH_Ceil,
	BACKSTITCH_Round,
	BACKSTITCH_Trunc,
	BACKSTITCH_IsNaN,
	BACKSTITCH_IsInf,
	BACKSTITCH_Splat, // a, one number, for every element of a block
};

// Where a register is. Memory: in a tensor in row-major order, at the block at hand. Line: in a tensor where its strides lead, for a block
// along the last axis. Place: one number there, the same for the block. Filled: in a buffer that is filled from where the strides lead.
// Buffer: in a buffer. Number: one number of an input, the same for all elements. Scalar: one number that is computed.
enum {
	BACKSTITCH_Memory,
	BACKSTITCH_Line,
	BACKSTITCH_Place,
	BACKSTITCH_Filled,
	BACKSTITCH_Buffer,
	BACKSTITCH_Number,
	BACKSTITCH_Scalar
};

// index is that of the operand, buffer that of a buffer or of a scalar.
struct backstitch_home {
	int32_t kind, index, buffer;
};

// Which operands of an instruction over a block are one number.
enum { BACKSTITCH_ScalarA = 1, BACKSTITCH_ScalarB = 2, BACKSTITCH_ScalarC = 4 };

struct backstitch_instruction {
	int32_t op, out, a, b, c, flags;
	double p, q;
};

// A register that goes to an operand.
struct backstitch_result {
	int32_t reg, index, scalar;
};

// Instructions come in three phases: those whose results are the same for all elements, those whose results are the same along the last
// axis, and others. Blocks end where the last axis does if chunk is not 0, and then have at most that many elements.
struct backstitch_program {
	int64_t axes, shape[BACKSTITCH_AXES];
	int64_t block, chunk, scalars;
	int64_t registers, moving, phases[3], sums, copies;
	struct backstitch_home homes[BACKSTITCH_REGISTERS];
	int32_t moves[BACKSTITCH_REGISTERS]; // the registers whose place differs from block to block
	struct backstitch_instruction code[BACKSTITCH_REGISTERS];
	int64_t strides[BACKSTITCH_OPERANDS][BACKSTITCH_AXES]; // of inputs and sums, unless they are in row-major order
	struct backstitch_result sum[BACKSTITCH_OPERANDS];
	struct backstitch_result copy[BACKSTITCH_OPERANDS]; // registers that are no output's own memory
};

#define BACKSTITCH_TAPS 1024

// A sum over channels and taps: output element (i, j) of a plane reads, for tap t, the input at (i·step_h + dh[t], j·step_w + dw[t]), which
// is zero outside. The weight of (filter, channel, tap) is at filter·filter_stride + channel·channel_stride + weight[t]. Output element
// (i, j) stands at out_first + i·out_step_h + j·out_step_w of its plane.
struct backstitch_conv {
	int64_t batch, groups, channels, filters;
	int64_t h, w;          // of the input
	int64_t rows, columns; // of the output elements that are computed
	int64_t step_h, step_w;
	int64_t filter_stride, channel_stride, group_stride; // of the weights
	int64_t plane, out_first, out_step_h, out_step_w;    // of the output
	int64_t together; // images whose planes are padded and worked on at a time
	int64_t taps;
	int32_t dh[BACKSTITCH_TAPS], dw[BACKSTITCH_TAPS], weight[BACKSTITCH_TAPS];
};

// Windows that slide over planes, and what is done in each.
struct backstitch_pool {
	int64_t h, w, kh, kw, oh, ow, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
};
enum { BACKSTITCH_Select, BACKSTITCH_ScatterMax, BACKSTITCH_Sum, BACKSTITCH_Spread };

// backstitch_levels returns how many instruction sets the processor has of: 0 portable, 1 avx2, 2 avx512.
int backstitch_level(void);
// backstitch_use makes all calls use an instruction set that the processor has.
void backstitch_use(int level);

#define T float
#define SUFFIX f32
#define KERNEL(name, parameters, arguments) void backstitch_##name##_f32 parameters;
#include "kernels.def"
#undef KERNEL
#undef SUFFIX
#undef T
#define T double
#define SUFFIX f64
#define KERNEL(name, parameters, arguments) void backstitch_##name##_f64 parameters;
#include "kernels.def"
#undef KERNEL
#undef SUFFIX
#undef T

#endif
