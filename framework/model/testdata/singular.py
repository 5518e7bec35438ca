"""Writes singular.json: operators at the points where a derivative jumps, is infinite or is a matter of convention, and what PyTorch makes of
them in float64: the value y, the gradient of sum(slope*y), and the product of that sum's Hessian with a direction.

Every case is a few ONNX nodes from inputs x, … to y, and the same in PyTorch. The slope of element i of y is 1 + i/8, the direction of
element i of an input 1 - i/8. Where PyTorch cannot differentiate twice there is no product. A case that differs knowingly from PyTorch says
why, and what is expected instead. Made with PyTorch 2.15.0:

  python singular.py > singular.json
"""

import json
import math

import torch
import torch.nn.functional as F

inf, nan = math.inf, math.nan
cases = []

# Of Selu, as ONNX has them: the nearest numbers of float32.
ALPHA, SCALE = 1.67326319217681884765625, 1.05070102214813232421875


def text(t):
    if t._is_zerotensor():  # which has no memory to read
        t = torch.zeros(t.shape, dtype=torch.float64)
    return {"dims": list(t.shape), "data": " ".join(repr(float(v)) for v in t.reshape(-1).tolist())}


def node(op, inputs="x", outputs="y", **attributes):
    return {"op": op, "inputs": inputs.split(","), "outputs": outputs.split(","), "attributes": attributes}


def differentiate(f, variables):
    """Returns y, the gradient and the product, or None where there is none."""
    leaves = [v.clone().requires_grad_() for v in variables]
    y = f(*leaves)
    slope = 1 + torch.arange(y.numel(), dtype=torch.float64).reshape(y.shape) / 8
    first = torch.autograd.grad((slope * y).sum(), leaves, create_graph=True)
    try:
        along = sum((g * (1 - torch.arange(g.numel(), dtype=torch.float64).reshape(g.shape) / 8)).sum() for g in first)
        second = torch.autograd.grad(along, leaves, allow_unused=True) if along.requires_grad else [None] * len(first)
    except (RuntimeError, NotImplementedError):
        return y, first, None
    return y, first, [torch.zeros_like(v) if s is None else s for s, v in zip(second, leaves)]


def case(name, nodes, f, inputs, constants=None, integers=None, opset=18, because=None, instead=None, products=None):
    """Adds a case. Where something else than what PyTorch says of f is expected, because says why; it is what PyTorch says of the function
    instead, or these products."""
    nodes = nodes if isinstance(nodes, list) else [nodes]
    variables = [torch.tensor(v, dtype=torch.float64) for v in inputs.values()]
    c = {"name": name, "opset": opset, "nodes": nodes, "inputs": {k: text(v) for k, v in zip(inputs, variables)}}
    if constants:
        c["constants"] = {k: text(torch.tensor(v, dtype=torch.float64)) for k, v in constants.items()}
    if integers:
        c["integers"] = integers

    def add(to, y, first, second):
        to["y"] = text(y)
        to["gradients"] = {k: text(g) for k, g in zip(inputs, first)}
        if second is not None:
            to["products"] = {k: text(s) for k, s in zip(inputs, second)}

    add(c, *differentiate(f, variables))
    if because:
        c["differs"] = {"because": because}
        add(c["differs"], *differentiate(instead or f, variables))
        for k, v in (products or {}).items():
            c["differs"]["products"][k] = text(torch.tensor(v, dtype=torch.float64))
    cases.append(c)


def unary(op, f, points, **attributes):
    case(op + "".join(f" {k}={v}" for k, v in attributes.items()), node(op, **attributes), f, {"x": points})


zeros = [-1.0, -0.0, 0.0, 1.0]
unary("Relu", F.relu, zeros + [inf, -inf])
unary("LeakyRelu", lambda x: F.leaky_relu(x, 0.125), zeros, alpha=0.125)
unary("ThresholdedRelu", lambda x: F.threshold(x, 0.5, 0), [0.0, 0.5, 1.0], alpha=0.5)


def smooth(op, f, numbers, **attributes):
    """An operator that is an exponential below zero."""
    a, b, scale = numbers
    case(op, node(op, **attributes), f, {"x": zeros + [1000.0, -1000.0]},
         because="at zero the second derivative is that of the exponential, as the first is; PyTorch has zero",
         instead=lambda x: scale * torch.where(x > 0, x, a * torch.expm1(torch.where(x > 0, 0.0, x) / b)))


smooth("Elu", lambda x: F.elu(x, 0.5), (0.5, 1, 1), alpha=0.5)
smooth("Celu", lambda x: F.celu(x, 0.5), (0.5, 0.5, 1), alpha=0.5)
smooth("Selu", lambda x: SCALE * F.elu(x, ALPHA), (ALPHA, 1, SCALE))
unary("HardSigmoid", lambda x: torch.clamp(0.25 * x + 0.5, 0, 1), [-3.0, -2.0, 0.0, 2.0, 3.0], alpha=0.25, beta=0.5)
unary("HardSwish", F.hardswish, [-4.0, -3.0, 0.0, 2.0, 3.0, 4.0])
unary("Softplus", F.softplus, [-1000.0, 0.0, 1000.0])
unary("Softsign", F.softsign, zeros + [1e300])
unary("Shrink", lambda x: F.hardshrink(x, 0.5), [-1.0, -0.5, 0.0, 0.5, 1.0], lambd=0.5)
unary("Shrink", lambda x: F.softshrink(x, 0.5), [-1.0, -0.5, 0.0, 0.5, 1.0], lambd=0.5, bias=0.5)
unary("Mish", F.mish, [-100.0, 0.0, 100.0])
case("Gelu", node("Gelu"), lambda x: F.gelu(x), {"x": [-100.0, 0.0, 100.0]}, opset=20)
case("Gelu tanh", node("Gelu", approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"), {"x": [-100.0, 0.0, 100.0]}, opset=20)
case("PRelu", node("PRelu", "x,s"), lambda x, s: torch.where(x > 0, x, s * x), {"x": zeros, "s": [0.5]})
unary("Abs", torch.abs, zeros)
unary("Sqrt", torch.sqrt, [0.0, 1.0, inf])
unary("Log", torch.log, [0.0, 1.0, inf])
unary("Exp", torch.exp, [-inf, 0.0, 1000.0])
unary("Reciprocal", torch.reciprocal, [0.0, 1.0, inf])
unary("Sigmoid", torch.sigmoid, [-inf, -1000.0, 0.0, 1000.0, inf])
unary("Tanh", torch.tanh, [-inf, 0.0, inf])
unary("Erf", torch.erf, [-inf, 0.0, 100.0])
unary("Asin", torch.asin, [-1.0, 0.0, 1.0])
unary("Acos", torch.acos, [-1.0, 0.0, 1.0])
unary("Atan", torch.atan, [-inf, 0.0, 1.0])
unary("Asinh", torch.asinh, [0.0, 1.0])
unary("Acosh", torch.acosh, [1.0, 2.0])
unary("Atanh", torch.atanh, [-1.0, 0.0, 1.0])
unary("Sign", torch.sign, zeros)
for op, f in ("Floor", torch.floor), ("Ceil", torch.ceil), ("Round", torch.round):
    unary(op, f, [-1.5, -0.5, 0.0, 0.5, 1.0, 2.5])

scalar = lambda v: {"c": v}
for low, high in (-1.0, 1.0), (0.0, 0.0), (1.0, -1.0):
    case(f"Clip from {low} to {high}", node("Clip", "x,low,high"), lambda x: torch.clamp(x, low, high),
         {"x": [-2.0, -1.0, 0.0, 1.0, 2.0]}, {"low": low, "high": high})
for e in 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, -0.5, -1.0, -2.0:
    case(f"Pow {e}", node("Pow", "x,c"), lambda x: torch.pow(x, e), {"x": [0.0, -0.0, 1.0, 2.0] + ([-2.0] if e == int(e) else [])}, scalar(e))
case("Pow of both", node("Pow", "a,b"), torch.pow, {"a": [0.0, 0.0, 0.0, 2.0, 1.0], "b": [0.0, 1.0, 2.0, 0.0, 3.0]},
     because="PyTorch's second derivatives are NaN at a = 0, where powers count as flat in b; at b = 0 it forgets that b*a^(b-1) varies with b",
     products={"a": [0.0, 0.0, 1.875, 0.4296875, 5.25], "b": [1.0, 0.984375, 0.0, 0.625 * 1.375 * (math.log(2) ** 2 + 0.5), 0.75]})
case("Div", node("Div", "a,b"), torch.div, {"a": [0.0, 1.0, 0.0, 1.0], "b": [1.0, 0.0, 0.0, inf]},
     because="a pole's second derivative is infinite", products={"b": [-1.0, inf, nan, 0.0]})
case("Mul of zero and infinity", node("Mul", "a,b"), torch.mul, {"a": [0.0, 0.0], "b": [inf, 1.0]})
case("Max", node("Max", "a,b"), torch.maximum, {"a": [1.0, 1.0, 2.0, inf, 0.0], "b": [2.0, 1.0, 1.0, inf, -0.0]})
case("Min", node("Min", "a,b"), torch.minimum, {"a": [1.0, 1.0, 2.0, inf, 0.0], "b": [2.0, 1.0, 1.0, inf, -0.0]})
case("Mod", node("Mod", "a,b", fmod=0), torch.remainder, {"a": [6.0, -6.0, 5.0, 0.0], "b": [3.0, 3.0, -3.0, 3.0]})
case("Mod fmod", node("Mod", "a,b", fmod=1), torch.fmod, {"a": [6.0, -6.0, 5.0, 0.0], "b": [3.0, 3.0, -3.0, 3.0]})
case("Where beside NaN", [node("Log", "x", "l"), node("Greater", "x,c", "m"), node("Where", "m,l,x")],
     lambda x: torch.where(x > 0, torch.log(x), x), {"x": [-1.0, 0.0, 1.0]}, scalar(0.0))

rows = [[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]
for op, f in ("ReduceMax", torch.amax), ("ReduceMin", torch.amin):
    case(op, node(op, keepdims=0), lambda x: f(x), {"x": rows[0]})
    case(op + " of rows", node(op, "x,axes", keepdims=0), lambda x: f(x, -1), {"x": rows}, integers={"axes": [-1]})
for factors in [0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]:
    case(f"ReduceProd {factors}", node("ReduceProd", keepdims=0), torch.prod, {"x": factors})
cut = [[0.0, 0.0], [3.0, -4.0], [0.0, 2.0]]
rowwise = dict(integers={"axes": [-1]})
finite = "at zero a norm has no second derivative: as the first it is zero here, where PyTorch has NaN"


def settled(f):
    """What f makes of x, with rows of zeros as constants."""
    return lambda x: torch.cat([f(r[None]) if r.any() else torch.zeros_like(f(r[None]).detach()) + 0 * r.sum() for r in x])


case("ReduceL1", node("ReduceL1", "x,axes", keepdims=0), lambda x: torch.linalg.vector_norm(x, 1, -1), {"x": cut}, **rowwise)
length = lambda x: torch.linalg.vector_norm(x, 2, -1)
case("ReduceL2", node("ReduceL2", "x,axes", keepdims=0), length, {"x": cut}, because=finite, instead=settled(length), **rowwise)
case("ReduceSumSquare", node("ReduceSumSquare", "x,axes", keepdims=0), lambda x: x.square().sum(-1), {"x": cut}, **rowwise)
case("ReduceLogSum", node("ReduceLogSum", "x,axes", keepdims=0), lambda x: x.sum(-1).log(), {"x": [[0.0, 0.0], [1.0, 2.0]]}, **rowwise)
case("ReduceLogSumExp", node("ReduceLogSumExp", "x,axes", keepdims=0), lambda x: torch.logsumexp(x, -1),
     {"x": [[-inf, 1.0], [1000.0, 1000.0]]}, **rowwise)
case("ReduceLogSumExp of minus infinity", node("ReduceLogSumExp", "x,axes", keepdims=0), lambda x: torch.logsumexp(x, -1),
     {"x": [[-inf, -inf]]}, **rowwise)
case("CumSum of infinity", node("CumSum", "x,axes"), lambda x: torch.cumsum(x, 0), {"x": [1.0, inf, 2.0]}, integers={"axes": [0]})
case("Softmax of a masked row", node("Softmax"), lambda x: torch.softmax(x, -1), {"x": [[-inf, 0.0, 1.0], [-inf, -inf, 5.0]]})
case("Softmax of nothing but masks", node("Softmax"), lambda x: torch.softmax(x, -1), {"x": [[-inf, -inf]]})
case("LogSoftmax of a masked row", node("LogSoftmax"), lambda x: torch.log_softmax(x, -1), {"x": [[-inf, 0.0, 1.0]]})
case("Softmax of large numbers", node("Softmax"), lambda x: torch.softmax(x, -1), {"x": [[1e300, -1e300, 1e300]]})
case("TopK", node("TopK", "x,k", "y,i"), lambda x: torch.topk(x, 2).values, {"x": [3.0, 1.0, 2.0]}, integers={"k": [2]})


def normalized(p):
    def f(x):
        n = torch.linalg.vector_norm(x, p, -1, keepdim=True)
        return torch.where(n > 0, x / torch.where(n > 0, n, torch.ones_like(n)), torch.zeros_like(x))
    return f


case("LpNormalization 1", node("LpNormalization", p=1), normalized(1), {"x": cut})
case("LpNormalization 2", node("LpNormalization", p=2), normalized(2), {"x": cut}, because=finite, instead=settled(normalized(2)))

# Normalization by a norm that is bounded below, in the ways in which exporters write it. PyTorch's F.normalize is the first. Its row of zeros
# comes from a factor, as in a network; a gradient of 1/eps in x itself would hide all others.
data = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-3.0, 4.0]], dtype=torch.float64)
first = [node("Mul", "d,w", "x")]
bound = {"d": data.tolist(), "eps": 1e-12, "two": 2.0, "half": 0.5}
weights = {"w": [0.5, -2.0]}
normalize = lambda w: F.normalize(data * w, dim=-1)
others = lambda w: torch.cat([torch.zeros(1, 2), F.normalize(data[1:] * w, dim=-1)])
square = [node("Mul", "x,x", "q")]
total = [node("ReduceSum", "q,axes", "s", keepdims=1)]
for name, nodes in {
    "ReduceL2, Clip": [node("ReduceL2", "x,axes", "n", keepdims=1), node("Clip", "n,eps", "k"), node("Div", "x,k")],
    "ReduceL2, Max": [node("ReduceL2", "x,axes", "n", keepdims=1), node("Max", "n,eps", "k"), node("Div", "x,k")],
    "ReduceL2, Add": [node("ReduceL2", "x,axes", "n", keepdims=1), node("Add", "n,eps", "k"), node("Div", "x,k")],
    "Mul, ReduceSum, Sqrt, Max": square + total + [node("Sqrt", "s", "n"), node("Max", "n,eps", "k"), node("Div", "x,k")],
    "Pow, ReduceSum, Sqrt, Clip": [node("Pow", "x,two", "q")] + total + [node("Sqrt", "s", "n"), node("Clip", "n,eps", "k"), node("Div", "x,k")],
    "Pow, ReduceSum, Pow, Max": [node("Pow", "x,two", "q")] + total + [node("Pow", "s,half", "n"), node("Max", "n,eps", "k"), node("Div", "x,k")],
    "Abs, Pow, ReduceSum, Pow, Clip": [node("Abs", "x", "a"), node("Pow", "a,two", "q")] + total
                                      + [node("Pow", "s,half", "n"), node("Clip", "n,eps", "k"), node("Div", "x,k")],
    "ReduceSumSquare, Sqrt, Max": [node("ReduceSumSquare", "x,axes", "s", keepdims=1), node("Sqrt", "s", "n"), node("Max", "n,eps", "k"), node("Div", "x,k")],
    "ReduceSum, Max, Sqrt, Reciprocal": square + total + [node("Max", "s,tiny", "m"), node("Sqrt", "m", "n"), node("Reciprocal", "n", "r"), node("Mul", "x,r")],
}.items():
    case("normalize: " + name, first + nodes, normalize, weights, dict(bound, tiny=1e-24), because=finite, instead=others, **rowwise)

image = [[[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 2.0]]]]
case("MaxPool", node("MaxPool", kernel_shape=[2, 2], strides=[2, 2]), lambda x: F.max_pool2d(x, 2), {"x": image})
case("LpPool", node("LpPool", kernel_shape=[2, 2], strides=[2, 2], p=2), lambda x: torch.stack(
    [torch.linalg.vector_norm(x[..., :2]), torch.linalg.vector_norm(x[..., 2:])]).reshape(1, 1, 1, 2), {"x": image},
     because=finite, instead=lambda x: torch.stack([0 * x[0, 0, 0, 0], torch.linalg.vector_norm(x[..., 2:])]).reshape(1, 1, 1, 2))
case("GlobalLpPool", node("GlobalLpPool", p=2), lambda x: torch.linalg.vector_norm(x, 2, (2, 3), keepdim=True),
     {"x": [[[[0.0, 0.0]], [[3.0, 4.0]]]]}, because=finite,
     instead=lambda x: torch.stack([0 * x[0, 0, 0, 0], torch.linalg.vector_norm(x[0, 1])]).reshape(1, 2, 1, 1))
case("GlobalMaxPool", node("GlobalMaxPool"), lambda x: torch.amax(x, (2, 3), keepdim=True), {"x": [[[[1.0, 1.0, 0.0]]]]})
same = [[[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]]]
case("InstanceNormalization of equal numbers", node("InstanceNormalization", "x,s,b", epsilon=0.125),
     lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=0.125), {"x": same, "s": [1.0, 2.0], "b": [0.0, 1.0]})
case("LayerNormalization of equal numbers", node("LayerNormalization", "x,s,b", epsilon=0.125),
     lambda x, s, b: F.layer_norm(x, (3,), s, b, 0.125), {"x": same, "s": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 2.0]})
case("LRN of zeros", node("LRN", size=3), lambda x: F.local_response_norm(x, 3), {"x": [[[0.0], [0.0], [1.0]]]})


def scattered(reduce, index, data, updates):
    name = {"prod": "mul", "amax": "max", "amin": "min", "sum": "add"}[reduce]
    at = torch.tensor(index)
    case(f"ScatterElements {name} {data} {updates} at {index}", node("ScatterElements", "x,i,u", reduction=name),
         lambda x, u: torch.scatter_reduce(x, 0, at, u, reduce), {"x": data, "u": updates}, integers={"i": index})


for reduce in "sum", "prod", "amax", "amin":
    scattered(reduce, [1, 1, 0, 1], [2.0, 3.0, 5.0], [4.0, 3.0, 2.0, 4.0])
    scattered(reduce, [2, 2], [2.0, 3.0, 5.0], [5.0, 5.0])
    scattered(reduce, [0, 0, 1], [2.0, 0.0, 5.0], [0.0, 3.0, 2.0])
    scattered(reduce, [0, 0, 0], [2.0, 0.0, 5.0], [0.0, 0.0, 2.0])

print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
