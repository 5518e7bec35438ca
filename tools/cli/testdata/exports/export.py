#!/usr/bin/env python3
"""Writes the exports that the walk goes through: small networks on 8x8 images, in each of the ways people export.

    export.py FOLDER

NETWORK_EXPORT.onnx is a network of seed 0. The exports are those of PyTorch's older exporter ("evaluation", "training", "preserved"; "fixed" is
"evaluation" for batches of three), of the one that is the default since 2.9 ("dynamo"), and of that one without its optimizations
("dynamo_plain").

Written for PyTorch 2.15.0, onnx 1.23.2 and onnxscript 0.7.2.
"""

import os
import sys
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")


class Normalized(nn.Module):
    """A convolution with BatchNorm and Dropout, and a BatchNorm between linear layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.hidden, self.bn1d = nn.Linear(64, 12), nn.BatchNorm1d(12)
        self.dropout, self.fc = nn.Dropout(0.25), nn.Linear(12, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
        return self.fc(self.dropout(F.relu(self.bn1d(self.hidden(x.flatten(1))))))


class Encoder(nn.Module):
    """A transformer that reads the rows of an image, with a token of its own, positions and layer scale."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.token, self.position = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.randn(1, 9, 16) * 0.02)
        self.norm1, self.qkv, self.out, self.scale = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16), nn.Parameter(torch.full((16,), 0.1))
        self.norm2, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)
        self.dropout, self.norm, self.fc = nn.Dropout(0.1), nn.LayerNorm(16), nn.Linear(16, 10)

    def forward(self, x):
        n = x.shape[0]
        x = self.embed(x.squeeze(1))
        x = torch.cat([self.token.expand(n, -1, -1), x], 1) + self.position
        q, k, v = self.qkv(self.norm1(x)).reshape(n, 9, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, 9, 16)
        x = x + self.scale * self.dropout(self.out(attended))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.fc(self.norm(x)[:, 0])


class Recurrent(nn.Module):
    """A GRU and an LSTM in both directions, which read the rows of an image."""

    def __init__(self):
        super().__init__()
        self.gru, self.lstm = nn.GRU(8, 6, batch_first=True), nn.LSTM(6, 5, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(10, 10)

    def forward(self, x):
        return self.fc(self.lstm(self.gru(x.squeeze(1))[0])[0][:, -1])


class Gated(nn.Module):
    """Single numbers that train: a gate without axes, one of shape [1], a slope, a temperature; and some that do not."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)
        self.gate, self.shift = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor([0.1]))
        self.slope, self.logit_scale = nn.PReLU(), nn.Parameter(torch.tensor(0.7))

    def forward(self, x):
        x = self.slope(self.fc1(x.flatten(1)))
        x = x + self.gate * torch.tanh(self.fc2(x)) + self.shift
        return self.logit_scale.exp() * self.fc(F.normalize(x, dim=1)) + 2 * torch.sqrt((x**2).mean() + 1e-3)


def write(network, name, file):
    x = torch.randn(4, 1, 8, 8)
    names = dict(input_names=["image"], output_names=["logits"])
    if name.startswith("dynamo"):
        batch = torch.export.Dim("batch", min=2)
        torch.onnx.export(network.eval(), (x,), file, dynamo=True, optimize=name == "dynamo", external_data=False, verbose=False,
                          dynamic_shapes=({0: batch},), **names)
        return
    mode = {"evaluation": "EVAL", "fixed": "EVAL", "training": "TRAINING", "preserved": "PRESERVE"}[name]
    axes = {"image": {0: "batch"}, "logits": {0: "batch"}}
    if name == "fixed":
        x, axes = x[:3], None
    network.train(name == "training")
    torch.onnx.export(network, (x,), file, dynamo=False, training=getattr(torch.onnx.TrainingMode, mode),
                      do_constant_folding=mode == "EVAL", opset_version=17, dynamic_axes=axes, **names)


def strip(file):
    """Removes what exporters note about their own source code."""
    model = onnx.load(file)
    for node in [*model.graph.node, *(n for f in model.functions for n in f.node)]:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]:
        value.ClearField("metadata_props")
    model.graph.ClearField("metadata_props")
    onnx.save(model, file)


for network in Normalized, Encoder, Recurrent, Gated:
    for name in "evaluation", "fixed", "training", "preserved", "dynamo", "dynamo_plain":
        torch.manual_seed(0)
        file = os.path.join(sys.argv[1], f"{network.__name__.lower()}_{name}.onnx")
        try:
            write(network(), name, file)
            strip(file)
        except Exception as e:
            print(file, "failed:", type(e).__name__, str(e)[:300])
