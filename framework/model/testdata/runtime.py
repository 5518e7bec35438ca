"""Writes runtime.json: nodes and what ONNX Runtime makes of them, without optimization. Made with onnx 1.23.2 and ONNX Runtime 1.32.0:

  python runtime.py > runtime.json
"""

import itertools
import json

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

cases = []


def text(a):
    return {"dtype": helper.tensor_dtype_to_string(helper.np_dtype_to_tensor_dtype(a.dtype)).split(".")[1], "dims": list(a.shape),
            "data": " ".join(repr(float(v)) if a.dtype.kind == "f" else str(int(v)) for v in a.reshape(-1))}


def node(op, inputs="x", outputs="y", **attributes):
    return {"op": op, "inputs": inputs.split(","), "outputs": outputs.split(","), "attributes": attributes}


def case(name, nodes, inputs, integers=None, opset=18):
    nodes = nodes if isinstance(nodes, list) else [nodes]
    fixed = {k: np.array(v, dtype=np.int64) for k, v in (integers or {}).items()}
    feeds = {k: np.asarray(v, dtype=np.float32) for k, v in inputs.items()}
    graph = helper.make_graph(
        [helper.make_node(n["op"], n["inputs"], n["outputs"], **n["attributes"]) for n in nodes], "g",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in feeds.items()],
        [helper.make_empty_tensor_value_info("y")],
        [helper.make_tensor(k, TensorProto.INT64, v.shape, v.reshape(-1)) for k, v in fixed.items()])
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    y = ort.InferenceSession(model.SerializeToString(), options).run(["y"], feeds)[0]
    c = {"name": name, "opset": opset, "nodes": nodes, "inputs": {k: dict(text(v), dtype="") for k, v in feeds.items()}}
    if integers:
        c["integers"] = {k: v.tolist() for k, v in fixed.items()}
    cases.append(dict(c, y=text(y)))


def numbers(*dims):
    return (np.arange(np.prod(dims)) % 7 - 3 + np.arange(np.prod(dims)) % 5 / 4).reshape(dims)


def transposed(name, spatial, kernel, channels=2, filters=1, **attributes):
    case("ConvTranspose " + name, node("ConvTranspose", "x,w", **attributes),
         {"x": numbers(1, channels, *spatial), "w": numbers(channels, filters, *kernel)})


for pad in "NOTSET", "SAME_UPPER", "SAME_LOWER":
    for wanted in 7, 8, 9, 10:
        transposed(f"{pad} to {wanted}", [4], [3], auto_pad=pad, strides=[2], output_shape=[wanted])
    transposed(f"{pad} to 7 by 8", [3, 4], [4, 3], auto_pad=pad, strides=[2, 2], output_shape=[7, 8])
    transposed(f"{pad} to 4, 5, 6", [2, 2, 3], [3, 2, 3], auto_pad=pad, strides=[2, 3, 2], output_shape=[4, 4, 6])
    transposed(f"{pad} in groups", [4, 4], [3, 4], auto_pad=pad, group=2, strides=[2, 2], output_shape=[8, 9])
    transposed(f"{pad} dilated", [4], [3], auto_pad=pad, dilations=[2], strides=[2], output_shape=[10])
    transposed(f"{pad} with output_padding", [4], [3], auto_pad=pad, strides=[3], output_padding=[1], output_shape=[9])

chains = [1.7, -1.7, 127.5, 128.5, 255.9, 256.5, 300.7, -129.5, -300.7, 65535.0, 65536.5, -70000.0]
for to in "INT8", "UINT8", "INT16", "UINT16":
    t = getattr(TensorProto, to)
    case(f"Cast of floats to {to}", node("Cast", to=t), {"x": chains})
    case(f"Cast of INT64 to {to}", [node("Cast", "x", "i", to=TensorProto.INT64), node("Cast", "i", to=t)], {"x": chains})
    case(f"Cast of INT64 constants to {to}", [node("Cast", "i", "n", to=t), node("Cast", "n", "f", to=TensorProto.FLOAT), node("Add", "f,x")],
         {"x": np.zeros(9)}, {"i": [-1, -2, 300, 5, 128, -129, 2**31, 2**32 + 7, -2**31 - 1]})
for to in "INT32", "UINT32":
    t = getattr(TensorProto, to)
    case(f"Cast of INT64 constants to {to}", [node("Cast", "i", "n", to=t), node("Cast", "n", "f", to=TensorProto.FLOAT), node("Add", "f,x")],
         {"x": np.zeros(8)}, {"i": [-1, 5, 2**31, 2**32 + 7, -2**31 - 1, 2**31 - 1, -2**31, 2**33]})
case("Cast of INT8 to UINT8", [node("Cast", "x", "i", to=TensorProto.INT8), node("Cast", "i", to=TensorProto.UINT8)], {"x": [-1, 5, -128]})
case("Cast of INT16 to INT32 and back", [node("Cast", "x", "i", to=TensorProto.INT32), node("Cast", "i", to=TensorProto.INT16)], {"x": [-1, 32767, -32768]})
halves = [1.0, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-10, 0.1, -0.3, 65504, 65519, 65520, 1e6, -1e6, 6e-8, 2.9e-8, 3.1e-8, 1e-40, 3e38, np.inf, -np.inf]
for to in "FLOAT16", "BFLOAT16":
    t = getattr(TensorProto, to)
    case(f"Cast to {to} and back", [node("Cast", "x", "h", to=t), node("Cast", "h", to=TensorProto.FLOAT)], {"x": halves})
case("Cast of INT64 to FLOAT16", [node("Cast", "i", "h", to=TensorProto.FLOAT16), node("Cast", "h", "f", to=TensorProto.FLOAT), node("Add", "f,x")],
     {"x": np.zeros(4)}, {"i": [2049, 2051, 70000, -65520]})
case("Cast to BFLOAT16 and FLOAT16", [node("Cast", "x", "b", to=TensorProto.BFLOAT16), node("Cast", "b", "h", to=TensorProto.FLOAT16),
     node("Cast", "h", to=TensorProto.FLOAT)], {"x": halves})
case("CastLike FLOAT16", [node("Cast", "l", "h", to=TensorProto.FLOAT16), node("CastLike", "x,h", "s"), node("Cast", "s", to=TensorProto.FLOAT)],
     {"x": halves, "l": [0.0]})
case("Cast with saturate", [node("Cast", "x", "h", to=TensorProto.FLOAT16, saturate=1), node("Cast", "h", to=TensorProto.FLOAT)], {"x": halves}, opset=19)

for mode in "none", "add", "mul", "max", "min":
    case(f"ScatterElements {mode}", node("ScatterElements", "x,i,u", reduction=mode, axis=1),
         {"x": numbers(2, 4), "u": numbers(2, 3) * 1.5}, {"i": [[1, 1, -1], [0, 2, 2]]})
    case(f"ScatterND {mode}", node("ScatterND", "x,i,u", reduction=mode), {"x": numbers(3, 2, 2), "u": numbers(3, 2, 2) * 1.5}, {"i": [[1], [-1], [1]]})
    case(f"ScatterND {mode} of elements", node("ScatterND", "x,i,u", reduction=mode), {"x": numbers(3, 2), "u": [2.0, 3.0, -4.0]},
         {"i": [[1, 0], [1, 0], [-1, 1]]})
    case(f"ScatterElements {mode} at computed places", [node("Cast", "p", "i", to=TensorProto.INT64), node("ScatterElements", "x,i,u", reduction=mode)],
         {"x": numbers(4), "u": [2.0, 3.0, -4.0], "p": [2.0, 2.0, 1.0]})
case("Scatter", node("Scatter", "x,i,u", axis=1), {"x": numbers(1, 5), "u": [[1.1, 2.1]]}, {"i": [[1, 3]]}, opset=9)

none = {"from": [3], "to": [3], "axes": [1]}
wide = {"x": numbers(2, 3)}
case("Concat of nothing and something", [node("Slice", "x,from,to,axes", "e"), node("Concat", "e,x,e", axis=1)], wide, none)
case("Slice of nothing", node("Slice", "x,from,to,axes"), wide, none)
case("Split with a part of nothing", [node("Split", "x,parts", "a,b,c", axis=1), node("Concat", "c,b,a", axis=1)], wide, {"parts": [2, 0, 1]})
case("ReduceSum of nothing", [node("Slice", "x,from,to,axes", "e"), node("ReduceSum", "e,axes", keepdims=1)], wide, none)
case("ReduceProd of nothing", [node("Slice", "x,from,to,axes", "e"), node("ReduceProd", "e,axes", keepdims=0)], wide, none)
case("MatMul with nothing between", [node("Slice", "x,from,to,axes", "e"), node("Transpose", "e", "t", perm=[1, 0]), node("MatMul", "e,t")], wide, none)
case("Gather of nothing", [node("Slice", "axes,axes,to", "i"), node("Gather", "x,i", axis=1)], wide, none)
case("Reshape of nothing", [node("Slice", "x,from,to,axes", "e"), node("Reshape", "e,s", allowzero=1)], wide, dict(none, s=[0, 5]))
case("Softmax of nothing", [node("Slice", "x,from,to,axes", "e"), node("Softmax", "e", axis=1)], wide, none)
case("Add of nothing", [node("Slice", "x,from,to,axes", "e"), node("ReduceMax", "x,axes", "m"), node("Add", "e,m")], wide, none)
for exclusive, backward in itertools.product((0, 1), (0, 1)):
    case(f"CumSum exclusive={exclusive} reverse={backward}", node("CumSum", "x,axes", exclusive=exclusive, reverse=backward),
         {"x": numbers(2, 5)}, {"axes": 1})
signed = {"x": [[-2.0, -0.5, 0.0], [0.25, 3.0, 88.5]]}
for op in "L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare":
    for keep in 0, 1:
        case(f"Reduce{op} of no axes, keepdims={keep}", node("Reduce" + op, "x,axes", keepdims=keep, noop_with_empty_axes=1), signed, {"axes": []})
    case(f"Reduce{op} without axes", node("Reduce" + op, noop_with_empty_axes=1), signed)

print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
