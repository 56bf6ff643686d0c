"""O que atravessa a parede chega igual, e o que não deve atravessar é recusado dos dois lados."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading import wire

numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)


@given(values)
def test_plain_values_come_back(value):
    assert wire.decode(json.loads(json.dumps(wire.encode(value)))) == value


@given(st.sampled_from(wire.DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes)))
def test_arrays_come_back_bit_by_bit(array):
    back = wire.decode(json.loads(json.dumps(wire.encode(array))))
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()


def test_tensors_and_numpy_scalars_become_what_they_hold():
    import torch

    tensor = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    assert np.array_equal(wire.decode(wire.encode(tensor)), np.arange(6, dtype="float32").reshape(2, 3))
    assert wire.encode(np.float32(0.5)) == 0.5 and wire.encode(np.bool_(True)) is True
    assert wire.decode(wire.encode(1 + 2j)) == np.complex128(1 + 2j)


class Custom:
    pass


DEEP = [[[[[[[[[[[1]]]]]]]]]]]


@pytest.mark.parametrize(
    "value",
    [Custom(), {1: 2}, 2**63, "x" * 10_001, np.array([Custom()]), np.zeros(1 << 20), DEEP, [0] * 10_001, {"a": {1}}],
    ids=["objeto", "chave", "inteiro", "texto", "objetos", "grande", "fundo", "longo", "conjunto"],
)
def test_what_cannot_cross_is_refused_at_the_door(value):
    with pytest.raises(wire.WireError):
        wire.encode(value)


@pytest.mark.parametrize(
    "value",
    [
        {"array": "object", "shape": [1], "data": ""},
        {"array": "float64", "shape": [-1], "data": ""},
        {"array": "float64", "shape": [1 << 40, 1 << 40], "data": ""},
        {"array": "float64", "shape": [0, *[1 << 22] * 10], "data": ""},
        {"array": "float64", "shape": [2], "data": "AAAA"},
        {"array": "float64", "shape": [1], "data": "não é base64"},
        {"array": "float64", "shape": [True], "data": "AAAAAAAAAAA="},
        {"array": "float64", "shape": "1", "data": ""},
        {"array": ["float64"], "shape": [], "data": ""},
        {"array": "float64", "shape": [1]},
        {"dict": [1]},
        {"outra": 1},
        DEEP,
        2**70,
        "x" * 10_001,
        [0] * 10_001,
    ],
)
def test_what_a_liar_sends_is_refused(value):
    with pytest.raises(wire.WireError):
        wire.decode(value)
