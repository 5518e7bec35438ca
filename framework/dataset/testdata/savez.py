"""Writes numpy.npz: a data set of 3 training and 2 test images, in NumPy's own hand. Run in this folder."""
import numpy

numpy.savez_compressed(
    "numpy.npz",
    train_inputs=numpy.arange(3 * 2 * 1 * 2, dtype=numpy.uint8).reshape(3, 2, 1, 2),
    train_targets=numpy.array([0, 2, 1]),
    test_inputs=numpy.array([[[[0.5, 1]], [[2, 3]]], [[[4, 5]], [[6, 7]]]], dtype=numpy.float32),
    test_targets=numpy.array([3, 0], dtype=numpy.int16),
    names=numpy.array(["left", "right"]),
)
