"""Writes a small network with BatchNormalization and Dropout in the ways that people export. Made with PyTorch 2.15."""
import onnx
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10), nn.BatchNorm1d(10))
x, mode = torch.randn(2, 1, 8, 8), torch.onnx.TrainingMode
names = dict(input_names=["x"], output_names=["y"])
for name, opset, training in ("training-9", 9, mode.TRAINING), ("preserve-15", 15, mode.PRESERVE), ("evaluation-17", 17, mode.EVAL):
    net.train(training != mode.EVAL)
    torch.onnx.export(net, x, f"{name}.onnx", opset_version=opset, training=training, dynamo=False, do_constant_folding=False,
                      dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, **names)
net.train()
torch.onnx.export(net, (x,), "dynamo.onnx", dynamo=True, optimize=False, external_data=False, dynamic_shapes=({0: torch.export.Dim("n")},), **names)
model = onnx.load("dynamo.onnx")
for part in model.graph.node, model.graph.value_info, model.graph.initializer, model.graph.input, model.graph.output, [model.graph]:
    for message in part:
        del message.metadata_props[:]  # the stack of this script, with the paths of a machine
onnx.save(model, "dynamo.onnx")
