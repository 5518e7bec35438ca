#!/usr/bin/env python3
"""Writes goldens: small PyTorch models exported to ONNX, with a batch and the gradients that PyTorch computes on it.

    torch_export.py FOLDER               the fixed cases, which are kept beside this file
    torch_export.py FOLDER --random N    N random networks with random settings of the exporter, to look for trouble

NAME.onnx is the export. NAME.npz holds "input" (or an array for each input's name) and "target", and what PyTorch makes of
them in float64, from the weights that the file holds: "output", "loss:cross_entropy" or "loss:mse", and "grad:NAME" for each
parameter, by the name and in the orientation in which the file holds it. Buffers count as parameters: a file cannot tell.

Written for PyTorch 1.13 with OMP_NUM_THREADS=1.
"""

import argparse
import copy
import os
import random
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.onnx import symbolic_helper

MODES = {"eval": torch.onnx.TrainingMode.EVAL, "train": torch.onnx.TrainingMode.TRAINING,
         "preserve": torch.onnx.TrainingMode.PRESERVE}


def convolution_mode(g, x, w, bias, stride, padding, dilation, groups):
    """padding="same", which PyTorch 1.13 cannot export, as PyTorch 2 exports it."""
    ints = lambda v: symbolic_helper._maybe_get_const(v, "is")
    inputs = [x, w] if symbolic_helper._is_none(bias) else [x, w, bias]
    return g.op("Conv", *inputs, strides_i=ints(stride), dilations_i=ints(dilation),
                group_i=symbolic_helper._maybe_get_const(groups, "i"), kernel_shape_i=symbolic_helper._get_tensor_sizes(w)[2:],
                auto_pad_s={"same": "SAME_UPPER", "valid": "VALID"}[symbolic_helper._maybe_get_const(padding, "s")])


torch.onnx.register_custom_op_symbolic("aten::_convolution_mode", convolution_mode, 9)


class Fn(nn.Module):
    """A function as a layer."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *x):
        return self.f(*x)


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


class Affine(nn.Module):
    """x · scale + shift, with parameters of any shape that broadcasts."""

    def __init__(self, *shape):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(shape) * 0.3 + 1)
        self.shift = nn.Parameter(torch.randn(shape) * 0.3)

    def forward(self, x):
        return x * self.scale + self.shift


class Standardize(nn.Module):
    """(x − mean) / deviation with buffers."""

    def __init__(self, *shape):
        super().__init__()
        self.register_buffer("mean", torch.randn(shape) * 0.1)
        self.register_buffer("deviation", torch.rand(shape) + 0.5)

    def forward(self, x):
        return (x - self.mean) / self.deviation


class Product(nn.Module):
    """x @ w, w @ x or x @ wᵀ with a parameter w."""

    def __init__(self, kind, *shape):
        super().__init__()
        self.kind = kind
        self.w = nn.Parameter(torch.randn(shape) / shape[-1] ** 0.5)

    def forward(self, x):
        if self.kind == "right":
            return torch.matmul(x, self.w)
        if self.kind == "left":
            return torch.matmul(self.w, x)
        return torch.matmul(x, self.w.transpose(-1, -2))


class TiedLinear(nn.Module):
    """Two layers with one weight."""

    def __init__(self, n):
        super().__init__()
        self.first, self.second = nn.Linear(n, n), nn.Linear(n, n)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class TiedAutoencoder(nn.Module):
    def __init__(self, n, hidden):
        super().__init__()
        self.encoder = nn.Linear(n, hidden)
        self.bias = nn.Parameter(torch.randn(n) * 0.1)

    def forward(self, x):
        return F.linear(torch.sigmoid(self.encoder(x)), self.encoder.weight.t(), self.bias)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.head = nn.Linear(5, 6), nn.Linear(3, 6), nn.Linear(6, 4)

    def forward(self, a, b):
        return self.head(torch.tanh(self.left(a)) * torch.sigmoid(self.right(b)))


class Attention(nn.Module):
    """One head of attention, written by hand."""

    def __init__(self, n):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(n, n, bias=False) for _ in range(3))

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / x.size(-1) ** 0.5
        return F.softmax(scores, dim=-1) @ self.v(x)


class Block(nn.Module):
    """Half of a transformer's layer, of modules in modules."""

    def __init__(self, n):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(n), Attention(n)
        self.feed = nn.Sequential(nn.LayerNorm(n, elementwise_affine=False), nn.Linear(n, 2 * n), nn.GELU(), nn.Linear(2 * n, n))

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.feed(x)


def zero_biases(model):
    """Equal initializers: the exporter merges them in eval mode."""
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(p)
    return model


# ---------------------------------------------------------------------------------------------------------------------- goldens

class Case:
    def __init__(self, model, *inputs, loss="cross_entropy", opset=13, mode="eval", fold=True, dynamic=True, as_inputs=False,
                 double=False, functions=False):
        self.model, self.inputs, self.loss = model, inputs, loss
        self.opset, self.mode, self.fold, self.dynamic, self.as_inputs = opset, mode, fold, dynamic, as_inputs
        self.double, self.functions = double, functions

    def settings(self):
        return (f"opset {self.opset}, {self.mode}, fold={self.fold}, dynamic={self.dynamic}, as_inputs={self.as_inputs}, "
                f"double={self.double}, functions={self.functions}, {self.loss}, {[tuple(x.shape) for x in self.inputs]}")

    def export(self, path):
        names = ["input"] if len(self.inputs) == 1 else [f"input{i}" for i in range(len(self.inputs))]
        dtype = torch.float64 if self.double else torch.float32
        model = copy.deepcopy(self.model).to(dtype)
        model.train(self.mode == "train")
        # A fixed batch is the one of the data; a dynamic one is exported with another.
        example = tuple((x[:2] if self.dynamic else x).to(dtype) for x in self.inputs)
        torch.onnx.export(
            model, example, path, opset_version=self.opset, training=MODES[self.mode], do_constant_folding=self.fold,
            keep_initializers_as_inputs=self.as_inputs, export_modules_as_functions=self.functions, input_names=names, output_names=["output"],
            dynamic_axes={n: {0: "batch"} for n in names + ["output"]} if self.dynamic else None)
        return names

    def write(self, folder, name):
        path = os.path.join(folder, name)
        names = self.export(path + ".onnx")
        leaves, output, target, loss = self.backward(torch.float64)
        arrays = {n: x.numpy() for n, x in zip(names, self.inputs)}
        arrays |= {"target": target.numpy(), "output": output.detach().numpy(), "loss:" + self.loss: loss.detach().numpy()}
        arrays |= {"grad:" + n: g for n, g in gradients(onnx.load(path + ".onnx"), leaves).items()}
        np.savez_compressed(path + ".npz", **{n: np.require(a, requirements="C") for n, a in arrays.items()})

    def backward(self, dtype):
        model = copy.deepcopy(self.model).to(dtype)
        model.train(self.mode == "train")
        leaves = dict([*model.named_parameters(), *model.named_buffers()])
        for p in leaves.values():
            p.requires_grad_(True)
        output = model(*(x.to(dtype) for x in self.inputs))
        if self.loss == "cross_entropy":
            target = torch.arange(len(output)) * 7 % output.shape[1]
            loss = F.cross_entropy(output, target)
        else:
            target = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
            loss = F.mse_loss(output, target.to(dtype))
        loss.backward()
        return leaves, output, target, loss

    def single_precision_error(self):
        """How far PyTorch's own gradients in float32 are from those in float64."""
        single, double = ({n: p.grad.double() for n, p in self.backward(dtype)[0].items() if p.grad is not None}
                          for dtype in (torch.float32, torch.float64))
        scale = max(g.abs().max() for g in double.values())
        return max(((single[n] - g).abs().max() / (g.abs().max() + 1e-3 * scale)).item() for n, g in double.items())


def gradients(exported, leaves):
    """Returns the gradients of the leaves by the names, and in the orientation, of the file's initializers."""
    initializers = {t.name: onnx.numpy_helper.to_array(t) for t in exported.graph.initializer}
    initializers = {n: v for n, v in initializers.items() if v.dtype.kind == "f"}
    merged = {n.output[0]: initializers[n.input[0]] for n in exported.graph.node
              if n.op_type == "Identity" and n.input[0] in initializers}
    found = {}
    for name, value in {**initializers, **merged}.items():
        candidates = [name] if name in leaves else [n for n in leaves if n not in initializers]
        for leaf in candidates:
            p = leaves[leaf]
            for axes in orientations(p.ndim):
                if p.permute(axes).shape == value.shape and np.array_equal(p.detach().permute(axes).numpy(), value):
                    found.setdefault(name, (torch.zeros_like(p) if p.grad is None else p.grad).permute(axes).numpy())
        if name not in found:
            raise ValueError(f"initializer {name} is no parameter of the model")
    return found


def orientations(rank):
    yield tuple(range(rank))
    if rank >= 2:
        yield (*range(rank - 2), rank - 1, rank - 2)


# ------------------------------------------------------------------------------------------------------------------ fixed cases

def mlp(*sizes, activation=nn.ReLU, bias=True):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers += ([activation()] if i else []) + [nn.Linear(a, b, bias=bias)]
    return nn.Sequential(*layers)


def fixed_cases():
    x = torch.randn
    return {
        "mlp_opset11": Case(mlp(6, 8, 8, 4), x(5, 6), opset=11),
        "mlp_no_bias_opset12": Case(mlp(6, 8, 4, bias=False, activation=nn.Sigmoid), x(5, 6), opset=12),
        "mlp_static_batch": Case(mlp(6, 8, 4, activation=nn.Tanh), x(5, 6), loss="mse", dynamic=False),
        "mlp_initializers_as_inputs": Case(mlp(6, 7, 4), x(5, 6), opset=15, as_inputs=True),
        "mlp_double": Case(mlp(6, 8, 4, activation=nn.Tanh), x(5, 6), opset=17, double=True),
        "mlp_equal_initializers": Case(zero_biases(mlp(6, 6, 6, 6, activation=nn.Tanh)), x(5, 6), opset=14),
        "mlp_on_sequences_folded": Case(nn.Sequential(mlp(3, 5, 4, activation=nn.Tanh), Fn(lambda t: t.mean(1))), x(5, 6, 3)),
        "mlp_on_sequences_unfolded": Case(nn.Sequential(mlp(3, 5, 4), Fn(lambda t: t.sum(1) * 0.5)), x(5, 6, 3), opset=11,
                                          mode="train", fold=False),
        "mlp_dropout_eval": Case(nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 4)), x(5, 6)),
        "tied_layers": Case(nn.Sequential(TiedLinear(6), nn.Linear(6, 4)), x(5, 6), opset=12),
        "tied_autoencoder": Case(TiedAutoencoder(6, 3), x(5, 6), loss="mse", fold=False),
        "two_inputs": Case(TwoInputs(), x(5, 5), x(5, 3), opset=16),
        "residual_arithmetic": Case(
            nn.Sequential(nn.Linear(6, 6), Residual(nn.Tanh(), nn.Linear(6, 6)), Fn(lambda t: 1 - t * t / 3 + 2 / (t * t + 1)),
                          Affine(), Affine(6), Standardize(1, 6), nn.Linear(6, 4)), x(5, 6), opset=11),
        "softmax_rank3_opset11": Case(
            nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 4), nn.LogSoftmax(2), Fn(lambda t: t.sum((1, 2)))),
            x(5, 3, 4), loss="mse", opset=11),
        "softmax_rank3_opset13": Case(
            nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 4), nn.LogSoftmax(2), nn.Flatten(), nn.Linear(12, 4)),
            x(5, 3, 4)),
        "attention": Case(nn.Sequential(Attention(4), Fn(lambda t: t.mean((1,))), nn.Linear(4, 4)), x(5, 3, 4), opset=17),
        "matrix_products": Case(
            nn.Sequential(Product("right", 4, 6), Product("left", 5, 3), Product("transposed", 2, 6), nn.Flatten(),
                          nn.Linear(10, 4)), x(5, 3, 4), fold=False),
        "view_by_shape": Case(
            nn.Sequential(nn.Conv1d(2, 4, 3), Fn(lambda t: t.view(t.size(0), t.size(1) // 2, -1)),
                          Fn(lambda t: t.transpose(1, 2).reshape(t.shape[0], -1)), nn.Linear(24, 4)), x(5, 2, 8), opset=12),
        "view_by_shape_opset17": Case(
            nn.Sequential(nn.Conv2d(2, 3, 3), Fn(lambda t: t.flatten(2)), nn.ReLU(), Fn(lambda t: t.reshape(-1, t.size(1) * t.size(2))),
                          Fn(lambda t: t.unsqueeze(1).squeeze(1)), nn.Linear(48, 4)),
            x(5, 2, 6, 6), opset=17),
        "convnet_opset11": Case(
            nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(),
                          nn.Linear(24, 4)), x(4, 1, 8, 8), opset=11),
        "convnet_global_pool": Case(
            nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.Tanh(), nn.Conv2d(4, 8, (3, 1), padding=(1, 0), groups=2, bias=False),
                          nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)), x(4, 2, 9, 9), opset=14),
        "convnet_train_export": Case(
            nn.Sequential(nn.Conv2d(2, 4, 3, dilation=2), nn.ReLU(), nn.Dropout(0), nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
                          nn.Flatten(), nn.Linear(36, 4)), x(4, 2, 9, 9), opset=13, mode="train"),
        "convnet_same_padding": Case(
            nn.Sequential(nn.Conv2d(2, 4, (4, 3), padding="same", dilation=(1, 2)), nn.Sigmoid(), nn.MaxPool2d(2, dilation=2, stride=1),
                          Fn(lambda t: t.mean((2, 3))), nn.Linear(4, 4)), x(4, 2, 6, 7), opset=15),
        "convnet_1d": Case(
            nn.Sequential(nn.Conv1d(2, 4, 3, padding=2, dilation=2), nn.ReLU(), nn.MaxPool1d(3, ceil_mode=True),
                          nn.Conv1d(4, 4, 2, groups=4), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 4)), x(5, 2, 10), opset=16),
        "convnet_3d_double": Case(
            nn.Sequential(nn.Conv3d(1, 2, 2, stride=(1, 2, 1)), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), nn.Flatten(), nn.Linear(16, 3)),
            x(3, 1, 3, 8, 5), opset=12, double=True),
        "convnet_residual_equal": Case(
            zero_biases(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Residual(nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)), nn.ReLU(),
                                      Residual(nn.Conv2d(4, 4, 1)), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(4, 4))),
            x(4, 1, 6, 6), opset=17, dynamic=False),
        "functions_mlp": Case(nn.Sequential(mlp(6, 7, activation=nn.ELU), Residual(nn.LayerNorm(7), mlp(7, 5, 7)), nn.LeakyReLU(0.25),
                                            nn.Linear(7, 4)), x(5, 6), opset=15, functions=True),
        "functions_attention": Case(nn.Sequential(Block(4), Block(4), Fn(lambda t: t.mean(1)), nn.Linear(4, 4)), x(3, 3, 4), opset=15,
                                    functions=True),
    }


# ----------------------------------------------------------------------------------------------------------------- random cases

def pick(*options):
    return random.choice(options)


def activation():
    return pick(nn.ReLU, nn.Tanh, nn.Sigmoid)()


def pointwise():
    """A layer that keeps any shape."""
    return pick(
        *[activation] * 12, *[nn.ReLU] * 5, nn.Identity, lambda: nn.Dropout(0), lambda: Affine(),
        lambda: Fn(lambda t: t * t), lambda: Fn(lambda t: t * 0.5 + 0.25), lambda: Fn(lambda t: 1 - t), lambda: Fn(lambda t: t / 3),
        lambda: Fn(lambda t: 2 / (t * t + 1)), lambda: Fn(lambda t: -t), lambda: Fn(lambda t: torch.exp(-t * t)),
        lambda: Fn(lambda t: torch.sqrt(t * t + 0.5)), lambda: Fn(lambda t: torch.log(t * t + 0.5)), lambda: Fn(torch.abs),
        lambda: Fn(lambda t: t - t.mean(-1, keepdim=True)), lambda: Fn(lambda t: t - t.mean()), lambda: Fn(lambda t: t + t.sum()),
        lambda: Fn(lambda t: torch.tanh(t) * torch.sigmoid(t)), lambda: Fn(lambda t: t * t.sigmoid()),
        lambda: Fn(lambda t: t + torch.ones(t.shape[1:])), lambda: Fn(lambda t: t * torch.full((t.size(-1),), 0.75)),
        lambda: Fn(lambda t: t + torch.zeros(t.size(0), *[1] * (t.ndim - 1))), lambda: Fn(lambda t: t / t.size(1)),
        lambda: Fn(lambda t: t * t.size(-1) ** -0.5), lambda: Fn(lambda t: t + torch.ones_like(t)),
        lambda: Fn(lambda t: t**2), lambda: Fn(lambda t: t.pow(3) * 0.125), lambda: Fn(torch.square), lambda: Fn(F.silu),
        lambda: Fn(lambda t: (t * t + 1) ** 0.5), lambda: Fn(lambda t: torch.rsqrt(t * t + 1)), lambda: Fn(lambda t: (t * t + 1) ** -1),
        lambda: Fn(lambda t: t.add(t, alpha=0.5)), lambda: Fn(lambda t: torch.rsub(t, 1)), 
        lambda: Fn(lambda t: t + t.mean(1, keepdim=True).expand_as(t)), lambda: Fn(lambda t: t.mean(-1, keepdim=True).expand(*t.shape)),
        lambda: Fn(lambda t: t.sum(1, keepdim=True).expand(t.size(0), t.size(1), *[-1] * (t.ndim - 2))),
        lambda: Fn(lambda t: (t - t.mean(-1, keepdim=True)) / torch.sqrt(((t - t.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True) + 0.125)),
        lambda: Fn(lambda t: t / t.shape[0]), lambda: Fn(lambda t: t.type_as(t).to(t.dtype)))()


def along(rank):
    """Softmax along any axis but the batch."""
    return pick(nn.Softmax, nn.LogSoftmax)(pick(-1, *range(1, rank)))


def dense(features, rank):
    n = random.randint(2, 7)
    linear = nn.Linear(features, n, bias=pick(True, True, False))
    if rank == 2 and random.random() < 0.15:
        return nn.Sequential(linear, pick(TiedLinear(n), Residual(nn.Tanh(), nn.Linear(n, n)), Affine(n), Affine(1, n), Standardize(n)))
    return linear


def convolution(shape):
    _, channels, *size = shape
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(size)]
    groups = pick(1, 1, 1, channels, 2 if channels % 2 == 0 else 1)
    options = {"groups": groups, "bias": pick(True, False)}
    kernel = tuple(random.randint(1, min(3, n)) for n in size)
    if random.random() < 0.2:
        options["padding"] = pick("same", "valid")
    else:
        options["padding"] = tuple(random.randint(0, 2) for _ in size)
        options["stride"] = tuple(random.randint(1, 2) for _ in size)
    if all(n >= 2 * (k - 1) + 1 for n, k in zip(size, kernel)):
        options["dilation"] = pick(1, 1, 2)
    return kind(channels, groups * random.randint(1, 3), kernel, **options)


def maximum(shape):
    _, _, *size = shape
    kind = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}[len(size)]
    kernel = tuple(random.randint(1, min(3, n)) for n in size)
    dilation = pick(1, 1, 2) if all(n >= 2 * (k - 1) + 1 for n, k in zip(size, kernel)) else 1
    # Where a window would start behind the input, the exporter's shape inference disagrees with PyTorch, and folds a wrong shape.
    ceil = random.random() < 0.4
    stride = None if ceil and min(kernel) == 1 else pick(None, 1, 2)
    padding = 0 if ceil else tuple(random.randint(0, k // 2) for k in kernel)
    return kind(kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil)


def reshaping(shape):
    n, c, *rest = shape
    size = int(np.prod(shape[1:]))
    options = [
        nn.Flatten, lambda: Fn(lambda t: torch.flatten(t, 1)), lambda: Fn(lambda t: t.view(t.size(0), -1)),
        lambda: Fn(lambda t: t.view(-1, size)), lambda: Fn(lambda t: t.reshape(t.shape[0], size)),
        lambda: Fn(lambda t: t.unsqueeze(1).squeeze(1)), lambda: Fn(lambda t: t.unsqueeze(0).squeeze(0)),
        lambda: Fn(lambda t: t.unsqueeze(-1).view(*t.shape)), lambda: Fn(lambda t: t.view(t.shape)),
        lambda: Fn(lambda t: t.view(t.size(0), t.size(1), -1).mean(-1)),
        lambda: Fn(lambda t: t.contiguous().view(-1, *t.size()[1:])),
        lambda: Fn(lambda t: t.reshape(t.size(0), 1, -1).squeeze(1)),
    ]
    if rest:
        options += [
            lambda: Fn(lambda t: t.flatten(2)), lambda: Fn(lambda t: t.flatten(-2)), lambda: Fn(lambda t: t.transpose(1, 2)),
            lambda: Fn(lambda t: t.transpose(-1, 1).contiguous()), lambda: Fn(lambda t: t.mean(-1)), lambda: Fn(lambda t: t.sum(1)),
            lambda: Fn(lambda t: t.mean(tuple(range(2, t.ndim)))), lambda: Fn(lambda t: t.mean(-1, keepdim=True)),
            lambda: Fn(lambda t: t.view(t.size(0), t.size(1) * t.size(2), *t.shape[3:])),
            lambda: Fn(lambda t: t.permute(0, *reversed(range(1, t.ndim)))), lambda: Fn(lambda t: t.sum((1, -1), keepdim=True)),
            lambda: Fn(lambda t: t @ t.transpose(-1, -2)), lambda: Product("right", rest[-1], 4), lambda: Product("transposed", 4, rest[-1]),
        ]
    if len(rest) >= 2:
        options += [lambda: Fn(lambda t: t.flatten(1, 2)), lambda: Fn(lambda t: t.view(t.shape[0], t.shape[1], -1))]
    if len(rest) == 1:
        options += [lambda: Attention(rest[-1]), lambda: Product("left", 3, c), lambda: nn.Linear(rest[-1], 4)]
    if c % 2 == 0:
        options += [lambda: Fn(lambda t: t.view(t.size(0), t.size(1) // 2, -1)), lambda: Fn(lambda t: t.view(t.size(0), 2, int(t.size(1) / 2), *t.shape[2:]))]
    return pick(*options)()


def random_layers(x):
    """Yields layers that fit x, and ends with (batch, classes) most of the time."""
    layers = []

    def grow(layer):
        nonlocal x
        try:
            with torch.no_grad():
                y = layer(x)
        except RuntimeError:  # a view of what is not contiguous
            return
        if y.ndim >= 2 and 1 < y.numel() < 4000 and y.shape[0] == x.shape[0]:
            layers.append(layer)
            x = y

    for _ in range(random.randint(2, 7)):
        rank = x.ndim
        kinds = [pointwise, lambda: reshaping(x.shape)]
        if rank == 2:
            kinds = [pointwise, lambda: dense(x.shape[1], 2), lambda: dense(x.shape[1], 2), lambda: along(2)]
        elif rank <= 5:
            kinds += [lambda: convolution(x.shape), lambda: convolution(x.shape), lambda: maximum(x.shape), lambda: along(rank),
                      lambda: dense(x.shape[-1], rank), lambda: Residual(pointwise())]
        grow(pick(*kinds)())
    if 3 <= x.ndim <= 5 and random.random() < 0.4:
        grow({3: nn.AdaptiveAvgPool1d, 4: nn.AdaptiveAvgPool2d, 5: nn.AdaptiveAvgPool3d}[x.ndim](1))
    if x.ndim > 2 and random.random() < 0.7:
        grow(nn.Flatten())
    grow(nn.Linear(x.shape[-1], 4))
    return nn.Sequential(*layers), x


def random_case():
    batch = random.randint(1, 5)
    rank = pick(1, 1, 2, 2, 3, 3, 4)
    size = {1: (9,), 2: (4, 8), 3: (3, 7, 6), 4: (2, 4, 5, 4)}[rank]
    x = torch.randn(batch, *size)
    model, y = random_layers(x)
    if random.random() < 0.2:
        zero_biases(model)
    return Case(model, x, loss=pick("cross_entropy", "mse") if y.ndim == 2 else "mse", opset=random.randint(11, 17),
                mode=pick("eval", "eval", "train", "preserve"), fold=pick(True, True, False), dynamic=pick(True, True, False),
                as_inputs=random.random() < 0.15, double=random.random() < 0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--random", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    if arguments.random is None:
        for name, case in fixed_cases().items():
            case.write(arguments.folder, name)
        return
    for i in range(arguments.random):
        name = f"random_{arguments.seed}_{i}"
        case = random_case()
        if not case.single_precision_error() < 1e-5:
            print(f"{name}: ill-conditioned")
            continue
        try:
            case.write(arguments.folder, name)
            with open(os.path.join(arguments.folder, name + ".txt"), "w") as f:
                print(case.settings(), case.model, sep="\n", file=f)
        except Exception as e:  # the exporter's own limits
            print(f"{name}: {type(e).__name__}: {str(e)[:300]}")
            for suffix in (".onnx", ".npz"):
                if os.path.exists(os.path.join(arguments.folder, name + suffix)):
                    os.remove(os.path.join(arguments.folder, name + suffix))


if __name__ == "__main__":
    main()
