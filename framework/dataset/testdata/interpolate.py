"""Writes interpolate.json: images resized by PyTorch 1.13. Run in this folder."""
import json
import torch

torch.manual_seed(1)
cases = []
for size, to in [((4, 5), (8, 10)), ((4, 5), (9, 7)), ((8, 8), (4, 4)), ((9, 7), (4, 5)), ((28, 28), (32, 32)), ((16, 3), (5, 8)),
                 ((5, 6), (1, 1)), ((1, 1), (3, 2)), ((13, 17), (13, 4)), ((40, 30), (3, 2))]:
    x = torch.rand(1, 1, *size, dtype=torch.float64)
    y = torch.nn.functional.interpolate(x, to, mode="bilinear", align_corners=False, antialias=True)
    number = lambda t: [round(v, 12) for v in t.flatten().tolist()]
    cases.append({"from": size, "to": to, "image": number(x), "resized": number(y)})
with open("interpolate.json", "w") as f:
    json.dump(cases, f, separators=(",", ":"))
    f.write("\n")
