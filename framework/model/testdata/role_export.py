#!/usr/bin/env python3
"""Writes small networks as exporters write them, for the rules of what trains.

    role_export.py torch|sklearn|keras FOLDER

Written for PyTorch 2.15 with onnxscript 0.7; scikit-learn 1.9 with skl2onnx 1.20; Keras 3.15 with TensorFlow 2.21 and tf2onnx 1.17.
What tells where a file was made (stack traces, documentation) is left out.
"""

import sys

import numpy as np
import onnx


def save(model, folder, name):
    model.graph.doc_string = model.doc_string = ""
    for n in model.graph.node:
        n.doc_string = ""
        kept = [p for p in n.metadata_props if p.key == "pkg.onnxscript.rewriter.rule_name"]
        del n.metadata_props[:]
        n.metadata_props.extend(kept)
    for v in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del v.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, f"{folder}/{name}.onnx")


def export_torch(folder):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, activation="gelu", batch_first=True)
            self.gate, self.logit_scale = nn.Parameter(torch.tensor([0.1])), nn.Parameter(torch.tensor(1.5))
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            x = x.reshape(-1, 3, 4)
            x = (x + self.gate * torch.tanh(self.layer(x))).mean(1)
            x = x / (x.norm(dim=-1, keepdim=True) + 1e-6)
            return self.logit_scale.clamp(max=4).exp() * self.head(x)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(4, 2, batch_first=True), nn.Linear(2, 3)

        def forward(self, x):
            return self.head(self.lstm(x.reshape(-1, 3, 4))[0][:, -1])

    class Convolutional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn, self.groups = nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.GroupNorm(2, 4)
            self.slope, self.power, self.head = nn.PReLU(), nn.Parameter(torch.tensor([3.0])), nn.Linear(4, 3)

        def forward(self, x):
            x = self.groups(self.slope(self.bn(self.conv(x.unsqueeze(1)))))
            return self.head(x.clamp(min=1e-3).pow(self.power).mean(2))

    x, batch = torch.randn(2, 12), torch.export.Dim("batch")
    path = f"{folder}/file.onnx"
    for name, network in {"encoder": Encoder, "recurrent": Recurrent, "convolutional": Convolutional}.items():
        torch.manual_seed(1)
        model = network().eval()
        print(name, [n for n, _ in model.named_parameters()], [n for n, _ in model.named_buffers()])
        torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=({0: batch},), external_data=False)
        save(onnx.load(path), folder, f"torch_{name}")
        torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=({0: batch},), external_data=False, optimize=False)
        save(onnx.load(path), folder, f"torch_{name}_as_it_is")
        for mode, training in {"eval": torch.onnx.TrainingMode.EVAL, "train": torch.onnx.TrainingMode.PRESERVE}.items():
            model.train(mode == "train")
            torch.onnx.export(model, (x,), path, dynamo=False, opset_version=14, input_names=["x"], output_names=["y"],
                              dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, training=training, do_constant_folding=mode == "eval")
            save(onnx.load(path), folder, f"torch_{name}_script_{mode}")


def export_sklearn(folder):
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler
    random = np.random.default_rng(1)
    x, y = random.normal(size=(40, 12)).astype(np.float32), random.integers(0, 2, 40)
    model = make_pipeline(MinMaxScaler(), MLPClassifier((3,), max_iter=3)).fit(x, y)
    save(to_onnx(model, x[:1], options={id(model): {"zipmap": False}}, target_opset=17), folder, "sklearn_scaled")


def export_keras(folder):
    import keras
    from keras import layers
    inputs = keras.Input((12,))
    x = layers.Reshape((3, 4))(layers.Rescaling(0.5, offset=-0.25)(inputs))
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(x, x))
    x = layers.LSTM(3)(x)
    model = keras.Model(inputs, layers.Dense(3)(layers.Dense(1)(x)))
    model(np.zeros((1, 12), np.float32))
    model.export(f"{folder}/file.onnx", format="onnx", verbose=False)
    save(onnx.load(f"{folder}/file.onnx"), folder, "keras_attention")


{"torch": export_torch, "sklearn": export_sklearn, "keras": export_keras}[sys.argv[1]](sys.argv[2])
