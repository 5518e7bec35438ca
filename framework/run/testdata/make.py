"""Writes a linear model whose weights are beside it, other weights, and two data sets. Made with onnx 1.23.2 and NumPy 2.4.6."""
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper as nh, external_data_helper as ex, save

r = np.random.default_rng(0)
w = nh.from_array(r.normal(size=(4, 3)).astype("f4"), "w")
graph = h.make_graph([h.make_node("MatMul", ["x", "w"], ["y"])], "g", [h.make_tensor_value_info("x", T.FLOAT, ["n", 4])],
                     [h.make_tensor_value_info("y", T.FLOAT, ["n", 3])], [w])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
ex.convert_model_to_external_data(model, location="weights.data", size_threshold=0)
save(model, "model.onnx")
r.normal(size=(4, 3)).astype("<f4").tofile("other.data")
for name, shift in ("one.npz", 0), ("other.npz", 1):
    x = np.random.default_rng(1).normal(size=(24, 4)).astype("f4")
    y = (x[:, :3].argmax(1) + shift) % 3
    np.savez(name, train_inputs=x, train_targets=y, test_inputs=x[:12], test_targets=y[:12])
