#!/usr/bin/env python3
"""Writes goldens of recurrent layers, in the form that torch_export.py explains.

    recurrent.py FOLDER

recurrent_torch_*: modules of PyTorch, exported with dynamo=False; the other exporter writes layers out step by step. It packs and reorders
weights (the gates of PyTorch's GRU are reset, update, new; ONNX's are update, reset, hidden), and so are the gradients here. Every GRU
has linear_before_reset = 1.

recurrent_onnx_*: nodes with attributes that PyTorch has no layers for, such as clip, peepholes, input_forget and linear_before_reset = 0. Cells
are written out below from the operators' specification, and differentiated by PyTorch; the script refuses to write what ONNX Runtime
computes otherwise.

Written for PyTorch 2.15, onnx 1.23 and ONNX Runtime 1.32 with OMP_NUM_THREADS=1.
"""

import copy
import os
import sys

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as on
import onnxruntime as ort
import torch
import torch.nn as nn
import torch.nn.functional as F

ORDER = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}  # PyTorch's gates in ONNX's order


class Classifier(nn.Module):
    """Logits from what a recurrent layer puts out at every step, last states included."""

    def __init__(self, layer, classes=3):
        super().__init__()
        self.layer = layer
        sides = 2 if layer.bidirectional else 1
        self.head = nn.Linear(sides * layer.hidden_size, classes)
        self.state = nn.Linear(layer.hidden_size, classes)

    def forward(self, x, lengths=None):
        if not self.layer.batch_first:
            x = x.transpose(0, 1)
        if lengths is None:
            y, last = self.layer(x)
        else:
            y, last = self.layer(nn.utils.rnn.pack_padded_sequence(x, lengths, self.layer.batch_first))
            y, _ = nn.utils.rnn.pad_packed_sequence(y, self.layer.batch_first)
        h = last[0] + torch.tanh(last[1]) if isinstance(last, tuple) else last
        return self.head(y.sum(1 if self.layer.batch_first else 0)) + self.state(h.sum(0))


def packed(kind, layer, values):
    """Returns W, R and B of every layer as ONNX orders them, made of values by the names of the module's parameters."""
    sides = ["", "_reverse"] if layer.bidirectional else [""]

    def ordered(name):
        blocks = torch.chunk(values["layer." + name], len(ORDER[kind]))
        return torch.cat([blocks[i] for i in ORDER[kind]])

    for k in range(layer.num_layers):
        yield torch.stack([ordered(f"weight_ih_l{k}{s}") for s in sides])
        yield torch.stack([ordered(f"weight_hh_l{k}{s}") for s in sides])
        if layer.bias:
            yield torch.stack([torch.cat([ordered(f"bias_ih_l{k}{s}"), ordered(f"bias_hh_l{k}{s}")]) for s in sides])


def save(folder, name, model, arrays):
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(folder, name + ".onnx"))
    np.savez_compressed(os.path.join(folder, name + ".npz"), **{n: np.require(a, requirements="C") for n, a in arrays.items()})


def golden_of_torch(folder, name, kind, *inputs, **options):
    torch.manual_seed(len(name))
    module = Classifier(getattr(nn, kind)(inputs[0].shape[-1], 4, **options)).eval()
    names = ["input", "lengths"][:len(inputs)]
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(module, tuple(inputs), path, input_names=names, output_names=["output"], dynamo=False, opset_version=17,
                      dynamic_axes={n: {0: "batch"} for n in names + ["output"]})
    written = onnx.load(path)

    double = copy.deepcopy(module).double()
    output = double(*(x.double() if x.is_floating_point() else x for x in inputs))
    target = torch.arange(len(output)) % 3
    loss = F.cross_entropy(output, target)
    loss.backward()
    arrays = {n: x.numpy() for n, x in zip(names, inputs)}
    arrays |= {"target": target.numpy(), "output": output.detach().numpy(), "loss:cross_entropy": loss.detach().numpy()}
    values = {n: p.detach() for n, p in module.named_parameters()}
    grads = {n: p.grad for n, p in double.named_parameters()}
    leaves = list(zip(packed(kind, module.layer, values), packed(kind, module.layer, grads)))
    leaves += [(values[n], grads[n]) for n in values]
    for t in written.graph.initializer:
        value = on.to_array(t)
        found = [g for v, g in leaves if v.shape == value.shape and np.array_equal(v.numpy(), value)]
        if value.dtype.kind == "f" and value.size > 1:
            arrays["grad:" + t.name] = found[0].numpy()
    save(folder, name, written, arrays)


# ------------------------------------------------------------------------------------------------------------------- specification

def cell(kind, x, w, r, b, p, h, c, o):
    """One step of a direction: the next h and c."""
    limit = float(np.float32(o.get("clip", np.inf)))  # attributes are single
    clip = lambda v: torch.clamp(v, -limit, limit)
    f, g = (lambda v: torch.sigmoid(clip(v))), (lambda v: torch.tanh(clip(v)))
    n = h.shape[1]
    wb, rb = b.chunk(2)
    if kind == "RNN":
        return g(x @ w.T + h @ r.T + wb + rb), c
    if kind == "GRU":
        wz, wr, wh = (x @ w.T + wb).split(n, 1)
        rz, rr, _ = r.split(n)
        bz, br, bh = rb.split(n)
        z, reset = f(wz + h @ rz.T + bz), f(wr + h @ rr.T + br)
        rh = r.split(n)[2]
        candidate = g(wh + reset * (h @ rh.T + bh)) if o.get("linear_before_reset") else g(wh + (reset * h) @ rh.T + bh)
        return (1 - z) * candidate + z * h, c
    i, out, forget, new = (x @ w.T + h @ r.T + wb + rb).split(n, 1)
    pi, po, pf = p.split(n) if p is not None else (torch.zeros(n, dtype=x.dtype),) * 3
    i = f(i + pi * c)
    forget = 1 - i if o.get("input_forget") else f(forget + pf * c)
    c = forget * c + i * g(new)
    return f(out + po * c) * torch.tanh(c), c


def layer(kind, x, weights, lengths, o):
    """Y (steps, directions, batch, hidden) and the last h (directions, batch, hidden) of x (steps, batch, features)."""
    w, r, b = (weights[n] for n in "WRB")
    p = weights.get("P")
    directions, hidden = w.shape[0], r.shape[2]
    ys, hs = [], []
    for d in range(directions):
        h = torch.zeros(x.shape[1], hidden, dtype=x.dtype)
        c = torch.zeros_like(h)
        outs = [None] * len(x)
        backwards = d == 1 or o.get("direction") == "reverse"
        for t in (reversed(range(len(x))) if backwards else range(len(x))):
            h2, c2 = cell(kind, x[t], w[d], r[d], b[d], None if p is None else p[d], h, c, o)
            within = (t < lengths)[:, None]
            h, c = torch.where(within, h2, h), torch.where(within, c2, c)
            outs[t] = torch.where(within, h2, torch.zeros_like(h2))
        ys.append(torch.stack(outs))
        hs.append(h)
    return torch.stack(ys, 1), torch.stack(hs)


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def golden_of_onnx(folder, name, kind, *, lengths=None, peepholes=False, **o):
    batch, steps, features, hidden = 4, 5, 3, 4
    directions = 2 if o.get("direction") == "bidirectional" else 1
    g = torch.Generator().manual_seed(len(name))
    normal = lambda *shape: torch.randn(*shape, generator=g)
    rows = GATES[kind] * hidden
    weights = {"W": normal(directions, rows, features), "R": normal(directions, rows, hidden), "B": normal(directions, 2 * rows)}
    if peepholes:
        weights["P"] = normal(directions, 3 * hidden)
    x = normal(batch, steps, features)
    inputs = ["x", "W", "R", "B", "lengths" if lengths else ""] + (["", "", "P"] if peepholes else [])
    while not inputs[-1]:
        inputs.pop()
    nodes = [oh.make_node("Transpose", ["input"], ["x"], perm=[1, 0, 2]),
             oh.make_node(kind, inputs, ["y", "h"], hidden_size=hidden, **o),
             oh.make_node("ReduceMean", ["y"], ["mean"], axes=[0, 1], keepdims=0),
             oh.make_node("ReduceSum", ["h", "zero"], ["last"], keepdims=0),
             oh.make_node("Add", ["mean", "last"], ["output"])]
    constants = [on.from_array(np.array([0]), "zero")] + ([on.from_array(np.array(lengths, np.int32), "lengths")] if lengths else [])
    graph = oh.make_graph(nodes, name, [oh.make_tensor_value_info("input", 1, ["batch" if not lengths else batch, steps, features])],
                          [oh.make_tensor_value_info("output", 1, [None, hidden])],
                          [on.from_array(v.numpy(), n) for n, v in weights.items()] + constants)
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", 17)], ir_version=8)

    leaves = {n: v.double().requires_grad_() for n, v in weights.items()}
    y, h = layer(kind, x.double().transpose(0, 1), leaves, torch.tensor(lengths or [steps] * batch), o)
    output = y.mean((0, 1)) + h.sum(0)
    target = torch.arange(batch) % hidden
    loss = F.cross_entropy(output, target)
    loss.backward()
    theirs = ort.InferenceSession(model.SerializeToString()).run(None, {"input": x.numpy()})[0]
    if (apart := np.abs(theirs - output.detach().numpy()).max()) > 1e-5:
        sys.exit(f"{name}: ONNX Runtime differs by {apart:.2g}")
    save(folder, name, model, {"input": x.numpy(), "target": target.numpy(), "output": output.detach().numpy(),
                               "loss:cross_entropy": loss.detach().numpy()} | {"grad:" + n: v.grad.numpy() for n, v in leaves.items()})


def main(folder):
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 5, 3), torch.tensor([5, 3, 2])
    for kind in ORDER:
        low = kind.lower()
        golden_of_torch(folder, f"recurrent_torch_{low}", kind, x)
        golden_of_torch(folder, f"recurrent_torch_{low}_deep", kind, x, num_layers=2, bidirectional=True, batch_first=True)
        golden_of_torch(folder, f"recurrent_torch_{low}_lengths", kind, x, lengths, bidirectional=True, batch_first=True)
    golden_of_torch(folder, "recurrent_torch_rnn_relu", "RNN", x, nonlinearity="relu", bias=False)

    golden_of_onnx(folder, "recurrent_onnx_rnn_clip", "RNN", clip=0.7)
    golden_of_onnx(folder, "recurrent_onnx_rnn_reverse", "RNN", clip=1.5, direction="reverse", lengths=[5, 1, 4, 2])
    golden_of_onnx(folder, "recurrent_onnx_gru_reset_first", "GRU", direction="bidirectional")
    golden_of_onnx(folder, "recurrent_onnx_gru_clip", "GRU", clip=0.8, linear_before_reset=1, lengths=[5, 1, 4, 2])
    golden_of_onnx(folder, "recurrent_onnx_gru_clip_reset_first", "GRU", clip=0.8)
    golden_of_onnx(folder, "recurrent_onnx_lstm_peepholes", "LSTM", peepholes=True, direction="bidirectional")
    golden_of_onnx(folder, "recurrent_onnx_lstm_clip", "LSTM", clip=0.6, peepholes=True)
    golden_of_onnx(folder, "recurrent_onnx_lstm_coupled", "LSTM", input_forget=1, direction="reverse", lengths=[5, 1, 4, 2])


if __name__ == "__main__":
    main(sys.argv[1])
