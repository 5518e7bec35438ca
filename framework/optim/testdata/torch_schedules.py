#!/usr/bin/python3
"""Writes the factors of torch.optim.lr_scheduler's schedules that the tests of optim compare with.

Run by hand, from any folder, with Debian's python3-torch:  framework/optim/testdata/torch_schedules.py
It writes torch_schedules.json beside itself; review the diff.
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler

STEPS = 40


def warm(warmup, after):
    """The schedule after(optimizer), begun after linearly rising rates."""
    def schedule(o):
        rising = lr_scheduler.LinearLR(o, start_factor=1 / (warmup + 1), total_iters=warmup)
        return lr_scheduler.SequentialLR(o, [rising, after(o)], milestones=[warmup])
    return schedule


CASES = [  # schedule, its options, those of all schedules, PyTorch's schedule of an optimizer
    ("constant", {}, {"warmup": 5}, lambda o: lr_scheduler.LinearLR(o, start_factor=1 / 6, total_iters=5)),
    ("step", {"every": 7, "gamma": 0.5}, {}, lambda o: lr_scheduler.StepLR(o, 7, gamma=0.5)),
    ("step", {"every": 7}, {"warmup": 4}, warm(4, lambda o: lr_scheduler.StepLR(o, 7))),
    ("cosine", {}, {}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    ("cosine", {"final": 0.25}, {}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.25)),
    ("cosine", {"final": 0.1}, {"warmup": 8}, warm(8, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS - 8, eta_min=0.1))),
    ("one_cycle", {}, {}, lambda o: lr_scheduler.OneCycleLR(o, max_lr=1, total_steps=STEPS)),
    ("one_cycle", {"rise": 0.6, "start": 0.1, "final": 0.01}, {},
     lambda o: lr_scheduler.OneCycleLR(o, max_lr=1, total_steps=STEPS, pct_start=0.6, div_factor=10, final_div_factor=10)),
]


def factors(schedule):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    s = schedule(o)
    list_of_factors = []
    for _ in range(STEPS):
        list_of_factors.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    return list_of_factors


def main():
    cases = [{"schedule": name, "options": own, "common": common, "factors": factors(s)} for name, own, common, s in CASES]
    head = {"source": f"torch.optim.lr_scheduler, PyTorch {torch.__version__}", "steps": STEPS}
    lines = ",\n".join(json.dumps(case) for case in cases)
    text = json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    pathlib.Path(__file__).with_suffix(".json").write_text(text)


if __name__ == "__main__":
    main()
