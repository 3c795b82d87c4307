"""Keys change when anything behind a result does, and with nothing else; seeds differ by name."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mindreader.core import keys
from mindreader.core.keys import child_seed, fingerprint


@dataclasses.dataclass(frozen=True)
class Config:
    rate: float = 0.1
    sizes: tuple = (1, 2)


def test_fingerprint_does_not_depend_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": (2,), "a": 1})


@pytest.mark.parametrize("a, b", [
    (Config(), Config(rate=0.2)), (Config(), {"rate": 0.1, "sizes": (1, 2)}), (1, 1.0), (1, True), (None, "None"),
    (np.zeros(3), np.zeros(4)), (np.zeros(3), np.zeros(3, np.float32)), (np.zeros(3), np.array([0, 0, 1.0])),
    ({"a": None}, {}), (float("nan"), 0.0),
])
def test_fingerprint_tells_different_things_apart(a, b):
    assert fingerprint(a) != fingerprint(b)


@pytest.mark.parametrize("a, b", [
    (Config(), Config()), (np.float64(0.5), 0.5), (np.int32(3), 3), ({3, 1, 2}, {2, 3, 1}), (Path("x"), "x"),
])
def test_fingerprint_sees_the_same_thing_in_either_form(a, b):
    assert fingerprint(a) == fingerprint(b)


def test_fingerprint_is_the_same_in_another_process():
    code = "from mindreader.core.keys import fingerprint; print(fingerprint({'b': {'x', 'y', 'z'}, 'a': 0.1}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONHASHSEED": "77"}).stdout.strip()
    assert told == fingerprint({"a": 0.1, "b": {"z", "y", "x"}})


def test_fingerprint_refuses_what_it_cannot_describe():
    with pytest.raises(TypeError, match="fingerprint of a object"):
        fingerprint(object())


def test_child_seeds_differ_by_name_and_seed_and_fit_31_bits():
    seeds = {child_seed(s, name) for s in range(50) for name in ("mapping/image", "mapping/caption", "gan/both")}
    assert len(seeds) == 150
    assert all(0 <= s < 2**31 for s in seeds)
    assert child_seed(0, "gan/both") == child_seed(0, "gan/both")


def test_source_fingerprint_refuses_a_module_that_is_not_there():
    with pytest.raises(ValueError, match="no module 'mapingg'"):
        keys.source_fingerprint("mapingg")
