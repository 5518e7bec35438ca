// The kernels that Go calls, for float (f32) and double (f64). Each is compiled for several instruction sets; dispatch.c chooses.
#ifndef BACKSTITCH_KERNELS_H
#define BACKSTITCH_KERNELS_H

#include <stdint.h>

#define BACKSTITCH_AXES 8
#define BACKSTITCH_REGISTERS 160

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
};

// Where a register is: in the memory of an input or an output, at the block at hand; in the memory of an input whose elements are spread
// into a buffer; in a buffer; or in a number, of an input or not, that is the same for all elements.
enum { BACKSTITCH_Memory, BACKSTITCH_Expanded, BACKSTITCH_Buffer, BACKSTITCH_ScalarInput, BACKSTITCH_Scalar };

struct backstitch_home {
	int32_t kind, index, buffer;
	int32_t splat; // the buffer that is filled with a number because some instruction wants a block of it, or −1
	int64_t strides[BACKSTITCH_AXES];
};

// Which operands are numbers, and which of these are wanted as a block.
enum { SCALAR_A = 1, SCALAR_B = 2, SPLAT_A = 4, SPLAT_B = 8, SPLAT_C = 16, SCALAR_RESULT = 32 };

struct backstitch_instruction {
	int32_t op, out, a, b, c, flags;
	double p, q;
};

// An output, or a sum with the strides that lead to it.
struct backstitch_result {
	int64_t reg;
	int64_t strides[BACKSTITCH_AXES];
};

struct backstitch_program {
	int64_t axes, shape[BACKSTITCH_AXES];
	int64_t block, scalars, registers, instructions, inputs, outputs, sums;
	struct backstitch_home homes[BACKSTITCH_REGISTERS];
	struct backstitch_instruction code[BACKSTITCH_REGISTERS];
	struct backstitch_result results[64];
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
