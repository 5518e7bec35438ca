#!/usr/bin/python3
"""Writes the trajectories of torch.optim's optimizers that optimtest.Golden compares plugins with.

Run by hand, from any folder, with Debian's python3-torch:  OMP_NUM_THREADS=1 plugins/testdata/torch_golden.py
It writes plugins/NAME/testdata/torch.json; review the diff. The network is that of optimtest's suite, in float64. Another
optimizer of PyTorch joins by an entry in PLUGINS; one that PyTorch lacks, by a function with torch.optim's interface.
"""

import json
import pathlib

import numpy
import torch

PARAMETERS = {  # name: (shape, fan-in)
    "conv.weight": ((2, 1, 2, 2), 4),
    "conv.bias": ((2,), 4),
    "position": ((2, 2, 2), 8),
    "hidden.weight": ((4, 8), 8),
    "hidden.bias": ((4,), 8),
    "gain": ((), 1),
    "logits.weight": ((3, 4), 4),
    "logits.bias": ((3,), 4),
}
RECORDED = [1, 2, 3, 10, 30]  # steps
BATCHES, BATCH = 5, 4

PLUGINS = {  # plugin: (optimizer, [(case, the plugin's options)]); options rename where PyTorch has other names
    "sgd": (torch.optim.SGD, [
        ("plain", {"lr": 0.1}),
        ("momentum", {"lr": 0.05, "momentum": 0.9}),
        ("nesterov", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        ("weight decay", {"lr": 0.1, "weight_decay": 0.05}),
        ("all", {"lr": 0.03, "momentum": 0.95, "nesterov": True, "weight_decay": 0.01}),
    ]),
    "adamw": (torch.optim.AdamW, [
        ("default", {}),
        ("other betas", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
        ("no decay", {"lr": 0.02, "weight_decay": 0.0}),
        ("large decay", {"lr": 0.02, "weight_decay": 0.5}),
    ]),
}


def torch_options(options):
    options = dict(options)
    betas = options.pop("beta1", 0.9), options.pop("beta2", 0.999)
    if betas != (0.9, 0.999):
        options["betas"] = betas
    if "epsilon" in options:
        options["eps"] = options.pop("epsilon")
    return options


def loss(p, inputs, targets):
    h = torch.nn.functional.conv2d(inputs, p["conv.weight"], p["conv.bias"]) + p["position"]
    h = torch.tanh(h).flatten(1)
    h = torch.tanh(torch.nn.functional.linear(h, p["hidden.weight"], p["hidden.bias"])) * p["gain"]
    logits = torch.nn.functional.linear(h, p["logits.weight"], p["logits.bias"])
    return torch.nn.functional.cross_entropy(logits, targets)


def trajectory(optimizer, options, start, batches):
    p = {name: torch.tensor(v, requires_grad=True) for name, v in start.items()}
    o = optimizer(list(p.values()), **torch_options(options))
    states = []
    for k in range(1, max(RECORDED) + 1):
        inputs, targets = batches[k % len(batches)]
        o.zero_grad()
        loss(p, torch.tensor(inputs), torch.tensor(targets)).backward()
        o.step()
        if k in RECORDED:
            states.append({"step": k, "parameters": {name: flat(v.detach().numpy()) for name, v in p.items()}})
    return states


def flat(a):
    return numpy.asarray(a).reshape(-1).tolist()


def dump(document):
    """One line for each array of numbers."""
    lines = json.dumps(document, indent=1).split("\n")
    text, inside = [], False
    for line in lines:
        if inside:
            text[-1] += line.strip()
            inside = line.strip() not in ("]", "],")
        else:
            text.append(line)
            inside = line.endswith("[") and not any(key in line for key in ('"batches"', '"cases"', '"states"'))
    return "\n".join(text) + "\n"


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    random = numpy.random.default_rng(1)
    start = {name: random.uniform(-1, 1, shape) / fan_in**0.5 for name, (shape, fan_in) in PARAMETERS.items()}
    batches = [(random.normal(size=(BATCH, 1, 3, 3)), random.integers(0, 3, size=BATCH)) for _ in range(BATCHES)]
    for plugin, (optimizer, cases) in PLUGINS.items():
        document = {
            "source": f"torch.optim.{optimizer.__name__}, PyTorch {torch.__version__}",
            "parameters": {name: flat(v) for name, v in start.items()},
            "batches": [{"inputs": flat(x), "targets": flat(t)} for x, t in batches],
            "cases": [
                {"name": name, "options": options, "states": trajectory(optimizer, options, start, batches)}
                for name, options in cases
            ],
        }
        file = pathlib.Path(__file__).parent.parent / plugin / "testdata" / "torch.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(dump(document))


if __name__ == "__main__":
    main()
