#!/usr/bin/python3
"""Writes the trajectories of torch.optim's optimizers that optimtest.Golden compares plugins with.

Run by hand, from any folder, with Debian's python3-torch:  OMP_NUM_THREADS=1 plugins/testdata/torch_golden.py [NAME...]
It writes plugins/NAME/testdata/torch.json, for all plugins if none is named; review the diff. The network is that of optimtest's suite, in float64. Another
optimizer of PyTorch joins by an entry in PLUGINS; one that PyTorch lacks, by a class with torch.optim's interface.
"""

import fnmatch
import json
import pathlib
import sys

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

# ----------------------------------------------------------------------------- optimizers that PyTorch lacks, from their papers' formulas

class FromPaper(torch.optim.Optimizer):
    """Calls change(parameter, gradient, memory, t) for each parameter, which returns the new one."""
    defaults = {}

    def __init__(self, parameters, **options):
        super().__init__(parameters, {**self.defaults, **options})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                memory = self.state[p]
                memory["t"] = memory.get("t", 0) + 1
                p.copy_(self.change(p, p.grad, memory, group, memory["t"]))


def running(memory, name, decay, x):
    """The running mean of x, from zero."""
    memory[name] = decay * memory.get(name, torch.zeros_like(x)) + (1 - decay) * x
    return memory[name]


class Lion(FromPaper):
    """arXiv:2302.06675, Algorithm 2."""
    defaults = {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        m = memory.get("m", torch.zeros_like(g))
        c = o["beta1"] * m + (1 - o["beta1"]) * g
        running(memory, "m", o["beta2"], g)
        return p - o["lr"] * (torch.sign(c) + o["weight_decay"] * p)


class NAdam(FromPaper):
    """Dozat 2016, as PyTorch 2 has it: torch.optim.NAdam of PyTorch 1.13 multiplies by the momentum once too often."""
    defaults = {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "momentum_decay": 0.004, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        g = g + o["weight_decay"] * p
        mu, mu_next = (o["beta1"] * (1 - 0.5 * 0.96 ** (s * o["momentum_decay"])) for s in (t, t + 1))
        memory["product"] = memory.get("product", 1.0) * mu
        m = running(memory, "m", o["beta1"], g)
        v = running(memory, "v", o["beta2"], g * g) / (1 - o["beta2"] ** t)
        mean = mu_next * m / (1 - memory["product"] * mu_next) + (1 - mu) * g / (1 - memory["product"])
        return p - o["lr"] * mean / (torch.sqrt(v) + o["epsilon"])


class SignSGD(FromPaper):
    """arXiv:1802.04434, Algorithms 1 and 2."""
    defaults = {"lr": 0.001, "momentum": 0.0, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        return p - o["lr"] * (torch.sign(running(memory, "m", o["momentum"], g)) + o["weight_decay"] * p)


class Adan(FromPaper):
    """arXiv:2208.06677, Algorithm 1, with corrected biases; betas are decays."""
    defaults = {"lr": 0.001, "beta1": 0.98, "beta2": 0.92, "beta3": 0.99, "epsilon": 1e-8, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        d = g - memory.get("g", g)
        memory["g"] = g.clone()
        m = running(memory, "m", o["beta1"], g) / (1 - o["beta1"] ** t)
        v = running(memory, "v", o["beta2"], d) / (1 - o["beta2"] ** t)
        n = running(memory, "n", o["beta3"], (g + o["beta2"] * d) ** 2) / (1 - o["beta3"] ** t)
        rate = o["lr"] / (torch.sqrt(n) + o["epsilon"])
        return (p - rate * (m + o["beta2"] * v)) / (1 + o["lr"] * o["weight_decay"])


class LAMB(FromPaper):
    """arXiv:1904.00962, Algorithm 2, with the identity for phi."""
    defaults = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        m = running(memory, "m", o["beta1"], g) / (1 - o["beta1"] ** t)
        v = running(memory, "v", o["beta2"], g * g) / (1 - o["beta2"] ** t)
        u = m / (torch.sqrt(v) + o["epsilon"]) + o["weight_decay"] * p
        return p - o["lr"] * (torch.linalg.vector_norm(p) / torch.linalg.vector_norm(u)) * u


class LARS(FromPaper):
    """arXiv:1708.03888, Algorithm 1."""
    defaults = {"lr": 1.0, "trust": 0.001, "momentum": 0.9, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        length, decay = torch.linalg.vector_norm(p), o["weight_decay"]
        local = o["trust"] * length / (torch.linalg.vector_norm(g) + decay * length)
        memory["v"] = o["momentum"] * memory.get("v", 0) + o["lr"] * local * (g + decay * p)
        return p - memory["v"]


class Muon(FromPaper):
    """kellerjordan.github.io/posts/muon, with AdamW for what is no matrix."""
    defaults = {"lr": 0.02, "momentum": 0.95, "nesterov": True, "adam_lr": 3e-4, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-10, "weight_decay": 0.0}

    def change(self, p, g, memory, o, t):
        if p.ndim < 2:
            m = running(memory, "m", o["beta1"], g) / (1 - o["beta1"] ** t)
            v = running(memory, "v", o["beta2"], g * g) / (1 - o["beta2"] ** t)
            return p * (1 - o["adam_lr"] * o["weight_decay"]) - o["adam_lr"] * m / (torch.sqrt(v) + o["epsilon"])
        memory["b"] = o["momentum"] * memory.get("b", 0) + g
        x = (g + o["momentum"] * memory["b"] if o["nesterov"] else memory["b"]).flatten(1)
        rows, columns = x.shape
        x = x / (torch.linalg.matrix_norm(x) + 1e-7)
        for _ in range(5):
            x = 3.4445 * x - 4.7750 * (x @ x.T) @ x + 2.0315 * (x @ x.T) @ (x @ x.T) @ x
        x = x * max(1, rows / columns) ** 0.5
        return p * (1 - o["lr"] * o["weight_decay"]) - o["lr"] * x.reshape(p.shape)


# ---------------------------------------------------------------------------------- optimizers that ask for more than the gradient at the state

class FromLoss:
    """Calls change(p, f, memory, o, t, noise) once a step with all parameters, which returns the new ones. f is the loss of the batch as a
    function of a list of parameters; noise(i) is draw number i of the step, which has the shape of a parameter."""
    defaults = {}

    def __init__(self, parameters, **options):
        self.parameters, self.options, self.memory = parameters, {**self.defaults, **options}, {}

    def step(self, f, t):
        count = len(self.parameters)
        noise = lambda i: uniform(t, i, self.parameters[i % count].shape)
        new = self.change([p.detach().clone() for p in self.parameters], f, self.memory, self.options, t, noise)
        with torch.no_grad():
            for p, v in zip(self.parameters, new):
                p.copy_(v)


def gradient(f, p):
    p = [v.detach().requires_grad_() for v in p]
    return torch.autograd.grad(f(p), p)


def hessian_product(f, p, v):
    return torch.autograd.functional.hvp(lambda *p: f(list(p)), tuple(p), tuple(v))[1]


def uniform(t, i, shape):
    """What program.NoiseKey{Batch: t}.Fill draws for the optimizer's input number i, the first numbers of the generator ChaCha8 of
    c2sp.org/chacha8rand: four blocks are made at once, and their words are interleaved."""
    key = numpy.array([0, t, (-1 - i) % 2**64, 0], dtype="<u8").view("<u4")
    block = numpy.empty((16, 4), dtype=numpy.uint32)
    block[:4] = numpy.frombuffer(b"expand 32-byte k", dtype="<u4")[:, None]
    block[4:12] = key[:, None]
    block[12:] = 0
    block[12] = numpy.arange(4)

    def quarter_round(a, b, c, d):
        for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            block[x] += block[y]
            block[z] ^= block[x]
            block[z] = (block[z] << numpy.uint32(bits)) | (block[z] >> numpy.uint32(32 - bits))

    for _ in range(4):
        for columns in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter_round(*columns)
        for diagonals in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter_round(*diagonals)
    block[4:12] += key[:, None]
    numbers = (block.reshape(-1).view("<u8") >> numpy.uint64(40)) / 2.0**24
    size = int(numpy.prod(shape))
    assert size <= len(numbers)
    return torch.tensor(numbers[:size].reshape(tuple(shape)))


class SAM(FromLoss):
    """arXiv:2010.01412, Algorithm 1, and arXiv:2102.11600."""
    defaults = {"lr": 0.01, "rho": 0.05, "adaptive": False, "momentum": 0.9, "weight_decay": 0.0}

    def change(self, p, f, memory, o, t, noise):
        g = gradient(f, p)
        unit = [torch.abs(v) if o["adaptive"] else torch.ones_like(v) for v in p]
        length = torch.sqrt(sum(((u * d) ** 2).sum() for u, d in zip(unit, g)))
        g = gradient(f, [v + o["rho"] * u**2 * d / length for v, u, d in zip(p, unit, g)])
        old = memory.get("v", [0] * len(p))
        memory["v"] = [o["momentum"] * m + d + o["weight_decay"] * v for m, d, v in zip(old, g, p)]
        return [v - o["lr"] * m for v, m in zip(p, memory["v"])]


class Extragradient(FromLoss):
    """Korpelevich 1976."""
    defaults = {"lr": 0.01}

    def change(self, p, f, memory, o, t, noise):
        ahead = [v - o["lr"] * d for v, d in zip(p, gradient(f, p))]
        return [v - o["lr"] * d for v, d in zip(p, gradient(f, ahead))]


class ScheduleFreeSGD(FromLoss):
    """arXiv:2405.15682, equations 4 to 6, weighted by squared learning rates."""
    defaults = {"lr": 1.0, "beta": 0.9, "warmup": 0, "weight_decay": 0.0}

    def beta(self, o):
        return o["beta"]

    def rate(self, o, t):
        return o["lr"] * (min(1, t / o["warmup"]) if o["warmup"] else 1)

    def direction(self, g, memory, o):
        return g

    def change(self, p, f, memory, o, t, noise):
        z, b, rate = memory.get("z", p), self.beta(o), self.rate(o, t)
        y = [(1 - b) * v + b * x for v, x in zip(z, p)]
        d = self.direction(gradient(f, y), memory, o)
        z = memory["z"] = [v - rate * (s + o["weight_decay"] * u) for v, s, u in zip(z, d, y)]
        memory["rates"] = memory.get("rates", []) + [rate]
        c = rate**2 / sum(r**2 for r in memory["rates"])
        return [(1 - c) * x + c * v for x, v in zip(p, z)]


class ScheduleFreeAdamW(ScheduleFreeSGD):
    """arXiv:2405.15682, Algorithm 1."""
    defaults = {"lr": 0.0025, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "warmup": 0, "weight_decay": 0.0}

    def beta(self, o):
        return o["beta1"]

    def rate(self, o, t):
        return super().rate(o, t) * (1 - o["beta2"] ** t) ** 0.5

    def direction(self, g, memory, o):
        old = memory.get("v", [0] * len(g))
        memory["v"] = [o["beta2"] * v + (1 - o["beta2"]) * d**2 for v, d in zip(old, g)]
        return [d / (torch.sqrt(v) + o["epsilon"]) for d, v in zip(g, memory["v"])]


class AdaHessian(FromLoss):
    """arXiv:2006.00719, Algorithm 1."""
    defaults = {"lr": 0.15, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4, "update_every": 1, "weight_decay": 0.0}

    def change(self, p, f, memory, o, t, noise):
        if (t - 1) % o["update_every"] == 0:
            signs = [torch.where(noise(i) < 0.5, -1.0, 1.0) for i in range(len(p))]
            d = [torch.abs(h) for h in hessian_product(f, p, signs)]
            d = [h.mean(dim=tuple(range(2, h.ndim)), keepdim=True).expand_as(h) if h.ndim > 2 else h for h in d]
            old = memory.get("v", [0] * len(p))
            memory["v"] = [o["beta2"] * v + (1 - o["beta2"]) * h**2 for v, h in zip(old, d)]
            memory["estimates"] = memory.get("estimates", 0) + 1
        old = memory.get("m", [0] * len(p))
        memory["m"] = [o["beta1"] * m + (1 - o["beta1"]) * g for m, g in zip(old, gradient(f, p))]
        m = [v / (1 - o["beta1"] ** t) for v in memory["m"]]
        v = [torch.sqrt(v / (1 - o["beta2"] ** memory["estimates"])) + o["epsilon"] for v in memory["v"]]
        return [x - o["lr"] * (a / b + o["weight_decay"] * x) for x, a, b in zip(p, m, v)]


class Sophia(FromLoss):
    """arXiv:2305.14342, Algorithm 3 with the estimator of Algorithm 1."""
    defaults = {"lr": 0.001, "beta1": 0.96, "beta2": 0.99, "gamma": 0.01, "epsilon": 1e-12, "update_every": 10, "weight_decay": 0.2}

    def change(self, p, f, memory, o, t, noise):
        n = len(p)
        if t % o["update_every"] == 1 % o["update_every"]:
            u = [None] * n
            for i in range(n):  # the draws of a parameter follow each other
                radius, angle = uniform(t, 2 * i, p[i].shape), uniform(t, 2 * i + 1, p[i].shape)
                u[i] = torch.sqrt(-2 * torch.log(1 - radius)) * torch.cos(2 * torch.pi * angle)
            h = [a * b for a, b in zip(u, hessian_product(f, p, u))]
            memory["h"] = [o["beta2"] * a + (1 - o["beta2"]) * b for a, b in zip(memory.get("h", [0] * n), h)]
        memory["m"] = [o["beta1"] * m + (1 - o["beta1"]) * g for m, g in zip(memory.get("m", [0] * n), gradient(f, p))]
        step = [torch.clamp(m / torch.clamp(o["gamma"] * h, min=o["epsilon"]), -1, 1) for m, h in zip(memory["m"], memory["h"])]
        return [x - o["lr"] * o["weight_decay"] * x - o["lr"] * d for x, d in zip(p, step)]


# -------------------------------------------------------------------------------------------------------------------------------- cases

PLUGINS = {  # plugin: (optimizer, [(case, the plugin's options, and the policy if there is one)]); options rename where PyTorch has other names
    "sgd": (torch.optim.SGD, [
        ("plain", {"lr": 0.1}),
        ("momentum", {"lr": 0.05, "momentum": 0.9}),
        ("nesterov", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        ("dampening", {"lr": 0.05, "momentum": 0.9, "dampening": 0.4}),
        ("weight decay", {"lr": 0.1, "weight_decay": 0.05}),
        ("all", {"lr": 0.03, "momentum": 0.95, "nesterov": True, "weight_decay": 0.01}),
        ("clipped values", {"lr": 0.1, "weight_decay": 0.05}, {"clipping": {"value": 0.02}}),
        ("clipped norm", {"lr": 0.1, "momentum": 0.9}, {"clipping": {"global_norm": 0.3}}),
        ("clipped values, clipped norm", {"lr": 0.1}, {"clipping": {"value": 0.1, "global_norm": 0.2}}),
        ("groups", {"lr": 0.03, "momentum": 0.9, "weight_decay": 0.1}, {"groups": [
            {"match": ["*.bias", "gain"], "options": {"weight_decay": 0.0}},
            {"match": ["hidden.*"], "options": {"lr": 0.2, "momentum": 0.0}},
        ]}),
    ]),
    "adamw": (torch.optim.AdamW, [
        ("default", {}),
        ("other betas", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
        ("no decay", {"lr": 0.02, "weight_decay": 0.0}),
        ("large decay", {"lr": 0.02, "weight_decay": 0.5}),
        ("clipped norm", {"lr": 0.02}, {"clipping": {"global_norm": 0.3}}),
        ("clipped values", {"lr": 0.02}, {"clipping": {"value": 0.05}}),
        ("groups, clipped norm", {"lr": 0.02, "weight_decay": 0.2}, {
            "clipping": {"global_norm": 0.5},
            "groups": [{"match": ["*.bias"], "options": {"weight_decay": 0.0}}, {"match": ["logits.*"], "options": {"lr": 0.001, "beta1": 0.5}}],
        }),
    ]),
    "adagrad": (torch.optim.Adagrad, [
        ("default", {}),
        ("decaying rate", {"lr": 0.1, "lr_decay": 0.05}),
        ("all", {"lr": 0.2, "lr_decay": 0.01, "initial": 0.1, "epsilon": 1e-3, "weight_decay": 0.05}),
    ]),
    "rmsprop": (torch.optim.RMSprop, [
        ("default", {}),
        ("centered", {"lr": 0.02, "alpha": 0.9, "centered": True, "epsilon": 1e-4}),
        ("momentum", {"lr": 0.005, "momentum": 0.9}),
        ("all", {"lr": 0.003, "alpha": 0.95, "momentum": 0.8, "centered": True, "epsilon": 1e-3, "weight_decay": 0.05}),
    ]),
    "adadelta": (torch.optim.Adadelta, [
        ("default", {}),
        ("all", {"lr": 0.5, "rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.05}),
    ]),
    "adam": (torch.optim.Adam, [
        ("default", {}),
        ("amsgrad", {"lr": 0.02, "beta2": 0.8, "amsgrad": True}),
        ("all", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "amsgrad": True, "weight_decay": 0.1}),
    ]),
    "nadam": (NAdam, [
        ("default", {}),
        ("all", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "momentum_decay": 0.1, "weight_decay": 0.1}),
    ]),
    "radam": (torch.optim.RAdam, [
        ("default", {}),
        ("soon adaptive", {"lr": 0.01, "beta2": 0.9}),
        ("never adaptive", {"lr": 0.01, "beta2": 0.5}),
        ("all", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}),
    ]),
    "adamax": (torch.optim.Adamax, [
        ("default", {}),
        ("all", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}),
    ]),
    "lion": (Lion, [
        ("default", {}),
        ("all", {"lr": 0.003, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.5}),
    ]),
    "signsgd": (SignSGD, [
        ("default", {}),
        ("all", {"lr": 0.003, "momentum": 0.9, "weight_decay": 0.5}),
    ]),
    "adan": (Adan, [
        ("default", {}),
        ("all", {"lr": 0.01, "beta1": 0.9, "beta2": 0.8, "beta3": 0.95, "epsilon": 1e-4, "weight_decay": 0.5}),
    ]),
    "muon": (Muon, [
        ("default", {}),
        ("all", {"lr": 0.05, "momentum": 0.8, "nesterov": False, "adam_lr": 0.01, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4, "weight_decay": 0.1}),
    ]),
    "lamb": (LAMB, [
        ("default", {}),
        ("all", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}),
    ]),
    "sam": (SAM, [
        ("default", {}),
        ("plain", {"lr": 0.1, "rho": 0.5, "momentum": 0.0}),
        ("all", {"lr": 0.05, "rho": 0.5, "adaptive": True, "momentum": 0.8, "weight_decay": 0.05}),
    ]),
    "extragradient": (Extragradient, [
        ("default", {}),
        ("large steps", {"lr": 0.5}),
    ]),
    "schedulefree_sgd": (ScheduleFreeSGD, [
        ("default", {}),
        ("at the iterate", {"beta": 0.0}),
        ("all", {"lr": 0.3, "beta": 0.7, "warmup": 7, "weight_decay": 0.05}),
    ]),
    "schedulefree_adamw": (ScheduleFreeAdamW, [
        ("default", {}),
        ("all", {"lr": 0.02, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-4, "warmup": 7, "weight_decay": 0.1}),
    ]),
    "adahessian": (AdaHessian, [
        ("default", {}),
        ("rare", {"lr": 0.05, "update_every": 4}),
        ("all", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-2, "update_every": 3, "weight_decay": 0.1}),
    ]),
    "sophia": (Sophia, [
        ("default", {}),
        ("often", {"lr": 0.01, "update_every": 1}),
        ("all", {"lr": 0.02, "beta1": 0.8, "beta2": 0.9, "gamma": 2.0, "epsilon": 1e-4, "update_every": 3, "weight_decay": 0.1}),
    ]),
    "lars": (LARS, [
        ("default", {}),
        ("plain", {"lr": 10.0, "trust": 0.01, "momentum": 0.0}),
        ("all", {"lr": 5.0, "trust": 0.01, "momentum": 0.8, "weight_decay": 0.1}),
    ]),
}


def torch_options(optimizer, options):
    options = dict(options)
    if issubclass(optimizer, (FromPaper, FromLoss)):
        return options
    if "initial" in options:
        options["initial_accumulator_value"] = options.pop("initial")
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


def grouped(p, optimizer, options, groups):
    """The parameters by the first group that matches their names; the last group is that of the others."""
    groups = [*groups, {"match": ["*"], "options": {}}]
    members = [[] for _ in groups]
    for name, v in p.items():
        first = next(i for i, g in enumerate(groups) if any(fnmatch.fnmatchcase(name, pattern) for pattern in g["match"]))
        members[first].append(v)
    return [{"params": m, **torch_options(optimizer, {**options, **g["options"]})} for m, g in zip(members, groups) if m]


def clip(parameters, value=0, global_norm=0):
    if value:
        torch.nn.utils.clip_grad_value_(parameters, value)
    if global_norm:
        torch.nn.utils.clip_grad_norm_(parameters, global_norm)


def trajectory(optimizer, options, start, batches, policy):
    p = {name: torch.tensor(v, requires_grad=True) for name, v in start.items()}
    o = optimizer(grouped(p, optimizer, options, policy.get("groups", [])), **torch_options(optimizer, options))
    states = []
    for k in range(1, max(RECORDED) + 1):
        inputs, targets = map(torch.tensor, batches[k % len(batches)])
        if issubclass(optimizer, FromLoss):
            o.step(lambda values: loss(dict(zip(p, values)), inputs, targets), k)
        else:
            o.zero_grad()
            loss(p, inputs, targets).backward()
            clip(list(p.values()), **policy.get("clipping", {}))
            o.step()
        if k in RECORDED:
            states.append({"step": k, "parameters": {name: flat(v.detach().numpy()) for name, v in p.items()}})
    return states


def named(policy):
    return {"policy": policy[0]} if policy else {}


def source(optimizer):
    if issubclass(optimizer, (FromPaper, FromLoss)):
        return f"{optimizer.__name__} of plugins/testdata/torch_golden.py, {optimizer.__doc__.rstrip('.')}"
    return f"torch.optim.{optimizer.__name__}, PyTorch {torch.__version__}"


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
            inside = line.endswith("[") and not any(key in line for key in ('"batches"', '"cases"', '"groups"', '"states"'))
    return "\n".join(text) + "\n"


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    random = numpy.random.default_rng(1)
    start = {name: random.uniform(-1, 1, shape) / fan_in**0.5 for name, (shape, fan_in) in PARAMETERS.items()}
    batches = [(random.normal(size=(BATCH, 1, 3, 3)), random.integers(0, 3, size=BATCH)) for _ in range(BATCHES)]
    for plugin in sys.argv[1:] or PLUGINS:
        optimizer, cases = PLUGINS[plugin]
        document = {
            "source": source(optimizer),
            "parameters": {name: flat(v) for name, v in start.items()},
            "batches": [{"inputs": flat(x), "targets": flat(t)} for x, t in batches],
            "cases": [
                {"name": name, "options": options, **named(policy), "states": trajectory(optimizer, options, start, batches, *policy or [{}])}
                for name, options, *policy in cases
            ],
        }
        file = pathlib.Path(__file__).parent.parent / plugin / "testdata" / "torch.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(dump(document))


if __name__ == "__main__":
    main()
