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


@pytest.mark.parametrize(("machine", "capability", "units", "expected"), [
    ("x86_64", "AVX512", True, True),
    ("x86_64", "AVX512", False, False),     # Skylake to Ice Lake: oneDNN says that it supports it, and imitates it
    ("x86_64", "AVX2", True, False),        # cut down by ATEN_CPU_CAPABILITY
    ("aarch64", "DEFAULT", False, True)])   # asked of oneDNN alone
def test_a_processor_that_only_imitates_bfloat16_computes_in_float32(monkeypatch, machine, capability, units, expected):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(precision.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: units)
    assert precision.has_bfloat16.__wrapped__("cpu") == expected


@pytest.mark.parametrize("has", [True, False])
def test_a_gpu_is_asked_for_units_of_its_own_and_not_for_emulation(monkeypatch, has):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has)
    assert precision.has_bfloat16.__wrapped__("cuda") == has
