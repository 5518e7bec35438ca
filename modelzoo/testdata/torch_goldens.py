#!/usr/bin/env python3
"""Writes what PyTorch and torchvision say about the models of the zoo, and checks exported models against them.

    torch_goldens.py                   writes state_dicts.json and NAME.json, beside this file
    torch_goldens.py --check FOLDER    checks each zoo model NAME.onnx in a folder, as "backstitch model export" writes it:
                                       onnx.checker, strict shape inference, names and shapes of the initializers

state_dicts.json: for each model the shapes of one example and of its logits, the number of trained numbers, and the SHA-256 of its
parameters and buffers, a line "NAME [SHAPE]" each.

NAME.json: "shape" of a batch, and what PyTorch computes in float64: "output" and "loss" (cross entropy, target of example i: 7i modulo the
classes) in training, "running_mean" of the first batch normalization after that, "eval_output" with the running statistics
before; "state": parameters and buffers, with the gradient of the parameters as its
norm, its dot product with numbers(-) of its name, and its elements at n(2j+1)/16.

Weights and inputs are numbers() of their names: no file holds them.

Written for PyTorch 1.13 and torchvision 0.14 with OMP_NUM_THREADS=1.
"""

import argparse
import hashlib
import json
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as tv
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, cfgs, make_layers
from torchvision.models.vision_transformer import VisionTransformer


# ----------------------------------------------------------------------------------------------------------------------- models

class NarrowResNet(ResNet):
    """ResNet for small images with an eighth of the channels. torchvision's constructor has no option for that."""

    def __init__(self, block, blocks, classes):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, 8, 1, 1, 64
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.relu, self.maxpool = nn.ReLU(), nn.Identity()
        for i, count in enumerate(blocks):
            setattr(self, f"layer{i + 1}", self._make_layer(block, 8 << i, count, stride=1 if i == 0 else 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(64 * block.expansion, classes)


def small_resnet(block, blocks, channels, classes):
    model = ResNet(block, blocks, num_classes=classes)
    model.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def small_vgg(configuration, normalize):
    model = VGG(make_layers(cfgs[configuration], batch_norm=normalize), num_classes=10, init_weights=False)
    model.avgpool, model.classifier = nn.Identity(), nn.Linear(512, 10)
    return model


def narrow_vgg(configuration):
    """The same with an eighth of the channels, and batch normalization."""
    features = make_layers([c if c == "M" else c // 8 for c in cfgs[configuration]], batch_norm=True)
    model = VGG(features, num_classes=10, init_weights=False)
    model.avgpool, model.classifier = nn.Identity(), nn.Linear(64, 10)
    return model


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.flatten(1))))))


class GELU(nn.Module):
    """GELU with √2 as an ONNX file of float32 holds it."""

    def forward(self, x):
        return x * (torch.erf(x / float(np.float32(math.sqrt(2)))) + 1) * 0.5


def small_vit(channels, size):
    model = VisionTransformer(image_size=size, patch_size=4, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=256, num_classes=10)
    if channels != 3:
        model.conv_proj = nn.Conv2d(channels, 64, 4, stride=4)
    for layer in model.encoder.layers:
        layer.mlp[1] = GELU()
    return model


class RowLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(28, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        _, (hidden, _) = self.lstm(x.squeeze(1))
        return self.fc(hidden[0])


MODELS = {
    "lenet5": LeNet5,
    "lstm-classifier": RowLSTM,
    "resnet18": tv.resnet18,
    "resnet18-cifar": lambda: small_resnet(BasicBlock, [2, 2, 2, 2], 3, 10),
    "resnet18-fashion": lambda: small_resnet(BasicBlock, [2, 2, 2, 2], 1, 10),
    "resnet18-small": lambda: NarrowResNet(BasicBlock, [2, 2, 2, 2], 10),
    "resnet26-small100": lambda: NarrowResNet(Bottleneck, [2, 2, 2, 2], 100),
    "resnet34": tv.resnet34,
    "resnet34-cifar": lambda: small_resnet(BasicBlock, [3, 4, 6, 3], 3, 10),
    "resnet50": tv.resnet50,
    "resnet50-cifar": lambda: small_resnet(Bottleneck, [3, 4, 6, 3], 3, 10),
    "resnet50-cifar100": lambda: small_resnet(Bottleneck, [3, 4, 6, 3], 3, 100),
    "vgg11": lambda: tv.vgg11(init_weights=False),
    "vgg11-bn": lambda: tv.vgg11_bn(init_weights=False),
    "vgg11-bn-cifar": lambda: small_vgg("A", True),
    "vgg11-cifar": lambda: small_vgg("A", False),
    "vgg16": lambda: tv.vgg16(init_weights=False),
    "vgg16-bn": lambda: tv.vgg16_bn(init_weights=False),
    "vgg16-bn-cifar": lambda: small_vgg("D", True),
    "vgg16-cifar": lambda: small_vgg("D", False),
    "vgg19": lambda: tv.vgg19(init_weights=False),
    "vgg19-bn": lambda: tv.vgg19_bn(init_weights=False),
    "vgg19-bn-cifar": lambda: small_vgg("E", True),
    "vgg19-bn-small": lambda: narrow_vgg("E"),
    "vgg19-cifar": lambda: small_vgg("E", False),
    "vit-small": lambda: small_vit(1, 28),
    "vit-small-cifar": lambda: small_vit(3, 32),
}

# The batches. Fully convolutional models take smaller images than they are made for; batch normalization needs several positions.
BATCHES = {
    "lenet5": (3, 1, 28, 28),
    "lstm-classifier": (3, 1, 28, 28),
    "resnet18": (2, 3, 64, 64),
    "resnet18-cifar": (4, 3, 16, 16),
    "resnet26-small100": (4, 3, 16, 16),
    "resnet50-cifar": (4, 3, 16, 16),
    "vgg11-bn-cifar": (4, 3, 32, 32),
    "vgg11-cifar": (3, 3, 32, 32),
    "vit-small": (2, 1, 28, 28),
    "vit-small-cifar": (2, 3, 32, 32),
}


def example(name):
    """The shape of one example."""
    if name.startswith("resnet") and "small" in name:
        return [3, 16, 16]
    if "cifar" in name or name == "vgg19-bn-small":
        return [3, 32, 32]
    if name == "resnet18-fashion":
        return [1, 32, 32]
    return [1, 28, 28] if name in ("lenet5", "lstm-classifier", "vit-small") else [3, 224, 224]


def state(model):
    """Parameters and buffers in the order of the state dict, without the counter that ONNX does not have."""
    return {n: t for n, t in model.state_dict(keep_vars=True).items() if not n.endswith("num_batches_tracked")}


# ---------------------------------------------------------------------------------------------------------------------- numbers

def numbers(name, count):
    """Numbers in [-1, 1) of 24 bits: SplitMix64 that starts at the FNV-1a hash of the name."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = (start ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(start) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def value(name, shape):
    """The fixed value of a parameter or a buffer: scales and variances near one, biases and means near zero, weights for their fan-in."""
    u = numbers(name, math.prod(shape))
    if len(shape) > 1:
        u = u * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith(".weight") or name.endswith(".running_var"):
        u = 1 + u / 4
    else:
        u = u / 8
    return u.astype(np.float32).astype(np.float64).reshape(shape)


def fix(model):
    """Gives the model the fixed weights, and each epsilon as an ONNX file of float32 holds it."""
    model.double()
    for m in model.modules():
        if hasattr(m, "eps"):
            m.eps = float(np.float32(m.eps))
    with torch.no_grad():
        for name, t in state(model).items():
            t.copy_(torch.from_numpy(value(name, t.shape)))
    return model


# ---------------------------------------------------------------------------------------------------------------------- goldens

def golden(model, shape):
    x = torch.from_numpy(numbers("input", math.prod(shape)).reshape(shape))
    with torch.no_grad():
        eval_output = model.eval()(x)
    output = model.train()(x)
    loss = F.cross_entropy(output, torch.arange(shape[0]) * 7 % output.shape[1])
    loss.backward()
    means = [b.tolist() for name, b in model.named_buffers() if name.endswith("running_mean")]
    return {"shape": shape, "running_mean": means[0] if means else [], "output": output.flatten().tolist(),
            "eval_output": eval_output.flatten().tolist(), "loss": loss.item(),
            "state": [describe(name, t) for name, t in state(model).items()]}


def describe(name, t):
    d = {"name": name, "shape": list(t.shape)}
    if t.requires_grad:
        g = t.grad.numpy().flatten()
        n = len(g)
        d |= {"norm": np.linalg.norm(g), "dot": g @ numbers(name, n), "elements": [g[n * (2 * j + 1) // 16] for j in range(8)]}
    return d


def summary(name, model):
    with torch.no_grad():
        logits = model.eval()(torch.zeros(1, *example(name)))
    lines = "".join(f"{name} {list(t.shape)}\n" for name, t in state(model).items())
    return {"input": example(name), "logits": list(logits.shape[1:]), "parameters": sum(p.numel() for p in model.parameters()),
            "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def write(path, goldens):
    """One line for each entry, and for each parameter and buffer of a state."""
    def entry(key, v):
        return "[\n" + ",\n".join(map(json.dumps, v)) + "\n]" if key == "state" else json.dumps(v)

    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {entry(k, v)}" for k, v in goldens.items()) + "\n}\n")


def write_all(folder):
    write(os.path.join(folder, "state_dicts.json"), {name: summary(name, make()) for name, make in MODELS.items()})
    for name, shape in BATCHES.items():
        write(os.path.join(folder, name + ".json"), golden(fix(MODELS[name]()), shape))


# ------------------------------------------------------------------------------------------------------------------------ check

def check(path, make):
    import onnx
    onnx.checker.check_model(path, full_check=True)
    exported = onnx.load(path)
    onnx.shape_inference.infer_shapes_path(path, path + ".inferred", strict_mode=True, check_type=True, data_prop=True)
    inferred = onnx.load(path + ".inferred", load_external_data=False)
    os.remove(path + ".inferred")
    typed = {v.name for v in [*inferred.graph.value_info, *inferred.graph.output]}
    untyped = [o for n in inferred.graph.node for o in n.output if o not in typed]
    want = [(name, list(t.shape)) for name, t in state(make()).items()]
    got = [(t.name, list(t.dims)) for t in exported.graph.initializer]
    return f"{len(got)} initializers {'equal' if got == want else 'DIFFER'}, values without inferred type: {untyped}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", metavar="FOLDER")
    folder = p.parse_args().check
    if folder is None:
        return write_all(os.path.dirname(os.path.abspath(__file__)))
    for name, make in MODELS.items():
        path = os.path.join(folder, name + ".onnx")
        if os.path.exists(path):
            print(name + ":", check(path, make), flush=True)


if __name__ == "__main__":
    main()
