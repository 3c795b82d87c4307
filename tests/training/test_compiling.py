"""Compiled trainings: the numbers of trainings that are not, and one sentence where there is no compiler."""

from __future__ import annotations

import logging
import os
import shutil

import numpy as np
import pytest
import torch
from small_gan import CONFIG, FakeClip
from torch._inductor import config as inductor

from mindreader.generator import train_gan
from mindreader.training import compiling, Compiler, EAGER

COMPILER = shutil.which(os.environ.get("CXX", "g++"))


def train(**options):
    rng = np.random.default_rng(0)
    pictures, rows = rng.integers(0, 256, (10, 16, 16, 3), dtype=np.uint8), rng.integers(0, 10, 14)
    conditions = tuple(rng.standard_normal((14, 8)).astype(np.float32) for _ in range(2))
    return train_gan(pictures, rows, conditions, CONFIG, clip=FakeClip(), seed=3, **options)


def test_what_is_not_to_be_compiled_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(torch, "compile", None)
    net = torch.nn.Linear(2, 2)
    EAGER.module(net)
    assert EAGER.function(np.sqrt) is np.sqrt and net._compiled_call_impl is None
    with EAGER.as_written():
        assert torch.equal(net(torch.zeros(1, 2)), net.bias[None])


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")
def test_what_is_compiled_gives_the_same_numbers():
    def layer(x):
        return torch.nn.functional.leaky_relu(x * 3, 0.2).square().sum()

    x = torch.linspace(-1, 1, 7, requires_grad=True)
    (slope,) = torch.autograd.grad(Compiler(True).function(layer)(x), x)
    assert torch.allclose(slope, torch.autograd.grad(layer(x), x)[0], rtol=1e-5)


def test_a_compiled_training_has_the_losses_of_one_that_is_not(monkeypatch, caplog):
    """All four kinds of steps, of which the regularizers compute as written; traced, but by torch's own operators, for speed."""
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    with caplog.at_level(logging.INFO, logger=compiling.__name__):
        quick = train(compiled=True)
    assert any("compiled within the first step, which took" in message for message in caplog.messages)
    plain = train()
    losses = [c for c in plain.history if c not in ("kimg", "seconds")]
    assert {"generator path", "discriminator r1", "generator clip", "generator feature"} <= set(losses)
    assert len(plain.history) == 3 and quick.history[losses].to_numpy() == pytest.approx(plain.history[losses].to_numpy(), rel=1e-3)
    for which, state in plain.states.items():
        assert list(quick.states[which]) == list(state)
        for name, tensor in state.items():
            assert torch.allclose(quick.states[which][name], tensor, atol=CONFIG.learning_rate), (which, name)


def test_without_a_compiler_one_sentence_says_so_before_anything_is_trained():
    torch.compiler.reset()      # what was compiled before is not asked again
    with inductor.patch({"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}):
        with pytest.raises(ValueError, match=r"found no way to compile for device 'cpu' \(.*no-such-compiler.*\); expected .*g\+\+"):
            train(compiled=True)
