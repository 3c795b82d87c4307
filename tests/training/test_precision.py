"""The number format of trainings: what was asked for where the processor has it, float32 elsewhere, on CPU and GPU."""

import pytest
import torch

from mindreader.training import compute_dtype, mixed_precision, precision


@pytest.mark.parametrize(("asked", "has", "expected"), [
    ("float32", True, torch.float32), ("float32", False, torch.float32),
    ("bfloat16", True, torch.bfloat16), ("bfloat16", False, torch.float32)])
def test_bfloat16_only_where_it_is_asked_for_and_there(monkeypatch, asked, has, expected):
    monkeypatch.setattr(precision, "has_bfloat16", lambda kind: has)
    assert compute_dtype(asked) == expected
    with mixed_precision(asked):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == expected


def test_a_processor_without_units_computes_in_float32(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not precision.has_bfloat16.__wrapped__("cpu")


@pytest.mark.parametrize("has", [True, False])
def test_a_gpu_is_asked_for_units_of_its_own_and_not_for_emulation(monkeypatch, has):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has)
    assert precision.has_bfloat16.__wrapped__("cuda") == has
