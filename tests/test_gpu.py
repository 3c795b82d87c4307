"""Trainings on a GPU, which is pretended here: nothing meets a tensor of the other device, and the host does not wait for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from pretended_gpu import GPU, OnGpu, pretended_gpu
from small_gan import CONFIG, FakeClip
from torch import nn

from mindreader.generator import TrainingState, train_gan
from mindreader.generator.joint import JointTrainingState
from mindreader.records import Diverged
from mindreader.training import fit, new_network, normal, Phase, ProcessGroup, Schedule, sent, squared_error, Task

HEADS = pytest.mark.parametrize("heads", [1, 2])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(sum(map(ord, "mind reader")))
    return rng.integers(0, 256, (10, 16, 16, 3), dtype=np.uint8), rng.integers(0, 10, 14), rng.standard_normal((14, 8)).astype(np.float32)


# ── the pretended one ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_refuses_what_a_gpu_refuses(gpu):
    there, here = torch.ones(3, device="cuda"), torch.ones(3)
    for meet in (lambda: there + here, lambda: torch.cat([here, there]), lambda: here[torch.arange(2, device="cuda")],
                 lambda: nn.Linear(3, 2)(there), lambda: nn.Linear(3, 2).to("cuda")(here)):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            meet()
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        there.numpy()
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found 'cpu'"):
        torch.randn(3, generator=torch.Generator(), device="cuda")


def test_it_takes_what_a_gpu_takes_and_says_where_it_is(gpu):
    there, net = torch.ones(3, device="cuda"), nn.Linear(3, 2).to("cuda")
    assert all(x.device == GPU for x in (there, there * 2, there + torch.tensor(1.0), net(there), net.weight, torch.zeros_like(there)))
    net(there).sum().backward()
    assert net.weight.grad.device == GPU and isinstance(net.weight, nn.Parameter) and torch.ones(3).device == torch.device("cpu")
    assert type(there.cpu()) is torch.Tensor and there.cpu().data_ptr() != there.data_ptr()


@pytest.mark.parametrize("what", [lambda x: x.sum().item(), lambda x: float(x[0]), lambda x: bool((x > 0).all()), lambda x: x.cpu(),
                                  lambda x: x[x > 0], lambda x: torch.ones(3).to("cuda"), lambda x: torch.tensor([1.0], device="cuda"),
                                  lambda x: x.copy_(torch.zeros(3)), lambda x: x[torch.tensor([0, 1])]])
def test_it_notes_each_wait(gpu, what):
    what(torch.ones(3, device="cuda"))
    assert len(gpu.waits) == 1


def test_work_that_is_only_queued_is_no_wait(gpu):
    x = torch.ones(3, device="cuda")
    x += sent(torch.ones(3), "cuda") + x.detach()[:1] + torch.full((), 2.0, device="cuda")
    assert gpu.waits == [] and isinstance(x, OnGpu)


# ── random numbers and copies ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_gpu_draws_its_own_numbers_by_a_seed_of_the_source_on_the_processor(gpu):
    first, again, other = (normal((4, 3), torch.Generator().manual_seed(seed), "cuda") for seed in (1, 1, 2))
    assert first.device == GPU and gpu.waits == []
    assert torch.equal(first, again) and not torch.equal(first, other)
    rng = torch.Generator().manual_seed(1)
    assert torch.equal(normal((4, 3), rng, "cuda"), first) and not torch.equal(normal((4, 3), rng, "cuda"), first)


def test_processes_that_train_together_draw_the_rows_of_one(gpu):
    whole = normal((4, 3), torch.Generator().manual_seed(1), "cuda")
    for rank in range(2):
        processes = ProcessGroup(rank, 2)
        own = normal((2, 3), processes.sharded(torch.Generator().manual_seed(1)), "cuda")
        assert torch.equal(own, processes.own_rows(whole))


# ── trainings ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def on_gpu(pictures):
    """The first four, as a step takes them."""
    return torch.from_numpy(pictures[:4]).to("cuda").permute(0, 3, 1, 2).float() / 127.5 - 1


@HEADS
def test_no_step_of_the_finetuning_waits(gpu, data, heads):
    pictures, _, embeddings = data
    state = TrainingState(dataclasses.replace(CONFIG, low_level=True), None, heads, 0, "cuda", helpers={
        "clip": FakeClip(), "low_level": lambda x: x.mean(3).flatten(1), "content": lambda x, y: (x - y).abs().mean()})
    real = on_gpu(pictures)
    state.train_step(real, (torch.from_numpy(embeddings[:4]),) * heads)      # filters are sent in the first
    gpu.waits.clear()
    for state.step in range(1, 5):
        state.train_step(real, (torch.from_numpy(embeddings[:4]),) * heads)
        state.update_average()
    assert gpu.waits == []
    assert {"generator low_level", "generator path", "discriminator r1"} <= set(state.sums)
    assert all(np.isfinite(value) for value in state._row().values())


@HEADS
def test_no_step_of_the_training_end_to_end_waits(gpu, data, heads):
    pictures, _, embeddings = data
    state = JointTrainingState(CONFIG, None, [nn.Linear(5, 8) for _ in range(heads)], 0.1, 0, "cuda", helpers={"clip": FakeClip()})
    real = on_gpu(pictures)
    trials = (torch.ones(4, 5), *[torch.from_numpy(embeddings[:4])] * heads)
    state.train_step(real, trials)
    gpu.waits.clear()
    state.train_step(real, trials)
    assert gpu.waits == []


def test_a_finetuning_keeps_to_the_gpu_and_goes_on_from_its_checkpoint_to_the_same_bits(gpu, data, tmp_path):
    def train(kimg, path):
        return train_gan(*data[:2], (data[2],), dataclasses.replace(CONFIG, kimg=kimg), clip=FakeClip(), seed=3, device="cuda", checkpoint=path)

    whole = train(0.024, tmp_path / "whole.pt")
    train(0.012, tmp_path / "half.pt")
    again = train(0.024, tmp_path / "half.pt")
    assert all(not isinstance(x, OnGpu) and torch.equal(x, again.states[net][name])
               for net, state in whole.states.items() for name, x in state.items())
    pd.testing.assert_frame_equal(whole.history.drop(columns="seconds"), again.history.drop(columns="seconds"))
    assert whole.generate(data[2][:2], seed=0).shape == (2, 16, 16, 3)


def test_a_mapper_is_the_one_of_the_processor_to_the_bit(data):
    """Both draw on the processor what is drawn, and here they compute by the same kernels, too."""
    inputs, targets = torch.from_numpy(data[2]), torch.from_numpy(data[2][:, :3])
    fitted = {}
    for device in ("cpu", "cuda"):
        with pretended_gpu():
            network = new_network(lambda: nn.Linear(8, 3), 0)
            task = Task(inputs[:10], lambda rng: targets[:10], inputs[10:], targets[10:])
            fit(network, task, [Phase("mse", squared_error, 3, 4)], Schedule(0.1, 0.5, 2, 0.0), seed=1, device=device)
            fitted[device] = network.weight.detach().cpu()
    assert torch.equal(fitted["cpu"], fitted["cuda"])


def test_a_loss_that_is_not_finite_is_found_with_the_next_row_or_checkpoint(gpu, data, tmp_path):
    class Blind(FakeClip):
        def encode_pictures(self, x):
            return super().encode_pictures(x) * float("nan")

    def train(tick_kimg, **options):
        return train_gan(*data[:2], (data[2],), dataclasses.replace(CONFIG, tick_kimg=tick_kimg), clip=Blind(), seed=3, device="cuda", **options)

    with pytest.raises(Diverged, match=r"the generator's loss '\w+' is nan by step 2 \(0.008 kimg\); expected a finite number"):
        train(0.008)
    with pytest.raises(Diverged, match="is nan by step 6"):
        train(1.0, checkpoint=tmp_path / "x.pt")
    assert not (tmp_path / "x.pt").exists()
