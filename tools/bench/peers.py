#!/usr/bin/env python3
"""Times PyTorch at the work that "backstitch bench" measures; prints {name: milliseconds}, medians over blocks, as JSON.

    OMP_NUM_THREADS=1 peers.py [--only REGEX] [--seconds S]

Everything is float32 on random numbers with cross entropy. Medians, minima and the number of threads go to stderr.
"""

import argparse
import json
import re
import statistics
import sys
import time
from itertools import cycle
from typing import List

try:
    import torch
except ImportError:
    print("torch is not installed: skipped", file=sys.stderr)
    print("{}")
    sys.exit(0)

import torch.nn as nn
import torch.nn.functional as F

CLASSES = 10


# ----------------------------------------------------------------------------------------------------------------------- models
# Equal to the models of the zoo with these names.

def mlp_5x500():
    widths = [784] + [500] * 5
    layers = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(500, CLASSES))


def resnet_cifar(block, blocks):
    from torchvision.models.resnet import ResNet
    model = ResNet(block, blocks, num_classes=CLASSES)
    model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return model


def resnet18_cifar():
    from torchvision.models.resnet import BasicBlock
    return resnet_cifar(BasicBlock, [2, 2, 2, 2])


def resnet50_cifar():
    from torchvision.models.resnet import Bottleneck
    return resnet_cifar(Bottleneck, [3, 4, 6, 3])


def vgg19_cifar():
    from torchvision.models.vgg import VGG, cfgs, make_layers
    model = VGG(make_layers(cfgs["E"]), num_classes=CLASSES)
    model.avgpool, model.classifier = nn.Identity(), nn.Linear(512, CLASSES)
    return model


# ------------------------------------------------------------------------------------------------------------------------- work
# Each of these returns a function that does the work once.

def batches(shape, count=16):
    """Different batches in turn: a step that only ever sees one batch learns it, and its numbers become denormal and slow."""
    return cycle([(torch.rand(shape), torch.randint(CLASSES, shape[:1])) for _ in range(count)])


def train(model, shape, optimizer):
    model.train()
    data = batches(shape)

    def step():
        x, target = next(data)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), target).backward()
        optimizer.step()

    return step


def sgd(make, shape, foreach=False):
    model = make()
    return train(model, shape, torch.optim.SGD(model.parameters(), lr=0.001, foreach=foreach))


def adamw(make, shape, foreach):
    model = make()
    return train(model, shape, torch.optim.AdamW(model.parameters(), lr=1e-5, foreach=foreach))


@torch.jit.script
def scripted_step(x, target, weights: List[torch.Tensor], biases: List[torch.Tensor], lr: float):
    """An SGD step of an MLP that stores no gradient of a weight: the update is part of the product."""
    last = len(weights) - 1
    activations = [x]
    for i in range(last):
        activations.append(torch.addmm(biases[i], activations[i], weights[i].t()).relu_())
    log_p = F.log_softmax(torch.addmm(biases[last], activations[last], weights[last].t()), 1)
    loss = F.nll_loss(log_p, target)
    g = (log_p.exp() - F.one_hot(target, log_p.size(1))) / x.size(0)
    for j in range(last + 1):
        i = last - j
        below = g
        if i > 0:
            below = g.mm(weights[i]) * (activations[i] > 0)
        weights[i].addmm_(g.t(), activations[i], alpha=-lr)
        biases[i].sub_(g.sum(0), alpha=lr)
        g = below
    return loss


def scripted_sgd(model, shape):
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    weights, biases = [l.weight.detach() for l in layers], [l.bias.detach() for l in layers]
    data = batches(shape)
    return lambda: scripted_step(*next(data), weights, biases, 0.001)


def gradient(model, shape):
    parameters, data = list(model.parameters()), batches(shape)

    def once():
        x, target = next(data)
        return torch.autograd.grad(F.cross_entropy(model(x), target), parameters)

    return once


def hessian_vector_product(model, shape):
    parameters, data = list(model.parameters()), batches(shape)
    vector = [torch.randn_like(p) for p in parameters]

    def once():
        x, target = next(data)
        g = torch.autograd.grad(F.cross_entropy(model(x), target), parameters, create_graph=True)
        return torch.autograd.grad(g, parameters, grad_outputs=vector)

    return once


def regularizer(model, shape, parts=4, rate=0.001):
    """An update of several batches: the sum of their gradients, minus rate/2 times the sum of each Hessian times the others' gradients."""
    parameters, data = list(model.parameters()), batches(shape)

    def once():
        gradients = [torch.autograd.grad(F.cross_entropy(model(x), target), parameters, create_graph=True)
                     for x, target in (next(data) for _ in range(parts))]
        total = [g.detach().clone() for g in gradients[0]]
        for g in gradients[1:]:
            torch._foreach_add_(total, [v.detach() for v in g])
        term = None
        for g in gradients:
            others = torch._foreach_sub(total, [v.detach() for v in g])
            product = torch.autograd.grad(g, parameters, grad_outputs=others)
            if term is None:
                term = list(product)
            else:
                torch._foreach_add_(term, product)
        with torch.no_grad():
            torch._foreach_add_(parameters, total, alpha=-rate)
            torch._foreach_add_(parameters, term, alpha=rate * rate / 2)

    return once


def evaluate(model, examples, batch):
    model.eval()
    parts = torch.rand(examples, 784).split(batch)

    @torch.no_grad()
    def once():
        for x in parts:
            model(x)

    return once


MLP, IMAGES = (8, 784), (8, 3, 32, 32)

CASES = {
    "mlp-sgd": lambda: sgd(mlp_5x500, MLP),
    "mlp-sgd-foreach": lambda: sgd(mlp_5x500, MLP, foreach=True),
    "mlp-sgd-torchscript": lambda: scripted_sgd(mlp_5x500(), MLP),
    "mlp-adamw": lambda: adamw(mlp_5x500, MLP, foreach=False),
    "mlp-adamw-foreach": lambda: adamw(mlp_5x500, MLP, foreach=True),
    "mlp-gradient": lambda: gradient(mlp_5x500(), MLP),
    "mlp-hvp": lambda: hessian_vector_product(mlp_5x500(), MLP),
    "mlp-regularizer-4": lambda: regularizer(mlp_5x500(), MLP),
    "mlp-evaluate-10000": lambda: evaluate(mlp_5x500(), 10_000, 10_000),
    "mlp-evaluate-1000": lambda: evaluate(mlp_5x500(), 10_000, 1000),
    "resnet18-cifar": lambda: sgd(resnet18_cifar, IMAGES),
    "vgg19-cifar": lambda: sgd(vgg19_cifar, IMAGES),
    "resnet50-cifar-16": lambda: sgd(resnet50_cifar, (16, 3, 32, 32)),
}


# ---------------------------------------------------------------------------------------------------------------------- measure

def measure(work, seconds):
    """Milliseconds of the work once, for each of several blocks: of about 50 ms or, for slow work, of one repetition."""
    def block(repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return (time.perf_counter() - start) * 1e3

    block(3)  # threads start, and TorchScript compiles what it saw
    repeats = max(1, round(50 / block(1)))
    end, blocks = time.perf_counter() + seconds, []
    while time.perf_counter() < end or len(blocks) < 3:
        blocks.append(block(repeats) / repeats)
    return blocks


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="REGEX", default="", help="measure only the cases whose name this matches as a whole")
    parser.add_argument("--seconds", metavar="S", type=float, default=3, help="how long to measure each case (default: 3)")
    arguments = parser.parse_args()
    names = [n for n in CASES if not arguments.only or re.fullmatch(arguments.only, n)]
    if not names:
        parser.error(f"--only {arguments.only} matches none of: {', '.join(CASES)}")
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}", file=sys.stderr)
    result = {}
    for name in names:
        try:
            work = CASES[name]()
        except ImportError as e:
            print(f"{name}: skipped: {e}", file=sys.stderr)
            continue
        blocks = measure(work, arguments.seconds)
        result[name] = round(statistics.median(blocks), 4)
        print(f"{name}: median {result[name]:.4g} ms, minimum {min(blocks):.4g} ms, blocks: {len(blocks)}", file=sys.stderr)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
