"""benchmarks: the plain references compute what the library computes, and the table says what was measured."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import gan_step, grid_step, mapper_step
from benchmarks.__main__ import main
from benchmarks.plain_mapper import PlainMapper
from benchmarks.plain_stylegan import PlainDiscriminator, PlainGenerator
from benchmarks.timing import Timing, by_turns, by_turns_apart, formats, peaks
from mindreader.studies import costs
from mindreader.training import losses
from mindreader.experiments import experiment
from mindreader.training.fitting import new_network
from mindreader.generator.finetuning import GanConfig, TrainingState
from mindreader.generator.steps import path_length_losses
from mindreader.mapping.network import MappingConfig, ResidualMapper
from mindreader.generator.stylegan import PUBLISHED, Discriminator, Generator, StyleGanConfig

BOOK = StyleGanConfig(heads=2)
SMALL = StyleGanConfig(resolution=16, z_dim=6, w_dim=10, condition_dim=8, channel_base=128, channel_max=12,
                       mapping_layers=2, heads=2)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(sum(map(ord, "mind reader")))


def generators(config, grouped):
    """Ours and the plain one with the same weights, every bias and noise strength at work."""
    ours = new_network(lambda: Generator(config), seed=1)
    _stir(ours)
    plain = PlainGenerator(config, grouped=grouped)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def discriminators(config):
    ours = new_network(lambda: Discriminator(config), seed=2)
    _stir(ours)
    plain = PlainDiscriminator(config)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def _stir(net):
    rng = torch.Generator().manual_seed(3)
    for name, parameter in net.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=rng)


def given(config, rng, n=4):
    z = torch.randn(n, config.z_dim, generator=rng)
    return z, tuple(F.normalize(torch.randn(n, config.condition_dim, generator=rng), dim=1)
                    for _ in range(config.heads))


def gradients(net, value):
    names, parameters = zip(*net.named_parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    return {name: torch.zeros_like(p) if g is None else g for name, p, g in zip(names, parameters, found)}


def same_gradients(a, b, rtol=1e-3):
    """Each parameter's gradient, relative to its own largest entry."""
    assert set(a) == set(b)
    for name, theirs in b.items():
        assert (a[name] - theirs).abs().max() <= rtol * theirs.abs().max() + 1e-6, name


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("noise", ["none", "const", "random"])
def test_same_weights_generate_the_same_picture(rng, noise, grouped):
    ours, plain = generators(BOOK, grouped)
    z, conditions = given(BOOK, rng)
    with torch.no_grad():
        a, b = (net(z, *conditions, noise=noise, rng=torch.Generator().manual_seed(4)) for net in (ours, plain))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("heads", [1, 2])
def test_same_weights_give_the_same_logits_and_features(rng, heads):
    config = dataclasses.replace(BOOK, heads=heads)
    ours, plain = discriminators(config)
    pictures = torch.rand(6, 3, 64, 64, generator=rng) * 2 - 1
    _, conditions = given(config, rng, n=6)
    with torch.no_grad():
        a, b = ours(pictures, *conditions), plain(pictures, *conditions)
    torch.testing.assert_close(a.logit, b.logit, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(a.features, b.features, rtol=1e-4, atol=1e-4)


def test_both_cut_activations_at_the_same_size(rng):
    config = dataclasses.replace(SMALL, conv_clamp=0.5)
    (ours, plain), (discriminator, plain_discriminator) = generators(config, grouped=True), discriminators(config)
    z, conditions = given(config, rng)
    with torch.no_grad():
        a, b = (net(z, *conditions, noise="const") for net in (ours, plain))
        uncut = generators(SMALL, grouped=True)[1](z, *conditions, noise="const")
        outputs = [net(3 * a, *conditions) for net in (discriminator, plain_discriminator)]
    assert (b - uncut).abs().max() > 0.1
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(outputs[0].logit, outputs[1].logit, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("grouped", [False, True])
def test_the_plain_pair_has_the_same_gradients(rng, grouped):
    (ours, plain), (discriminator, plain_discriminator) = generators(SMALL, grouped), discriminators(SMALL)
    z, conditions = given(SMALL, rng)
    found = []
    for generator, classifier in ((ours, discriminator), (plain, plain_discriminator)):
        output = classifier(generator(z, *conditions, noise="const"), *conditions)
        loss = losses.logistic_generator(output.logit) + losses.contrastive(output.features[0], conditions[0])
        found.append(gradients(torch.nn.ModuleList([generator, classifier]), loss))
    same_gradients(*found)


def test_the_regularizers_second_derivatives_agree(rng):
    (ours, plain), (discriminator, plain_discriminator) = generators(SMALL, grouped=True), discriminators(SMALL)
    _, conditions = given(SMALL, rng)
    found = []
    for generator, classifier in ((ours, discriminator), (plain, plain_discriminator)):
        terms, _ = path_length_losses(generator, conditions, torch.zeros(()), GanConfig(network=SMALL),
                                      torch.Generator().manual_seed(5))
        real = (torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(6)) * 2 - 1).requires_grad_()
        penalty = losses.r1_penalty(classifier(real, *conditions).logit, real)
        found.append(gradients(torch.nn.ModuleList([generator, classifier]), terms["path"] + penalty))
    same_gradients(*found)


def test_plain_parameters_have_the_published_names_and_shapes():
    with torch.device("meta"):
        for ours, plain in ((Generator, PlainGenerator), (Discriminator, PlainDiscriminator)):
            a, b = (kind(PUBLISHED).state_dict() for kind in (ours, plain))
            assert {k: v.shape for k, v in a.items()} == {k: v.shape for k, v in b.items()}


@pytest.mark.parametrize("grouped", [False, True])
def test_both_training_states_have_the_same_losses(grouped):
    config = gan_step.without_regularization(GanConfig(network=SMALL, batch=4, precision="float32"))
    ours = TrainingState(config, None, 2, 0, "cpu", helpers={})
    plain = gan_step.PlainTrainingState(config, 2, 0, grouped=grouped)
    for state in (ours, plain):
        for _ in range(2):
            state.train_step(*gan_step.batch_of(config, 2))
    assert set(ours.sums) == {"generator adversarial", "generator feature", "discriminator adversarial",
                              "discriminator feature"}
    assert plain.sums == pytest.approx(ours.sums, rel=1e-3)
    assert isinstance(plain.generator, PlainGenerator) and isinstance(ours.generator, Generator)


@pytest.mark.parametrize("n_voxels, n_dims", [(2048, 128), (256, 512)])
def test_the_plain_mapper_gives_the_same_embeddings_and_gradients(rng, n_voxels, n_dims):
    ours, plain = new_network(lambda: ResidualMapper(n_voxels, n_dims), seed=0), PlainMapper(n_voxels, n_dims)
    plain.load_state_dict(ours.state_dict())
    betas = torch.randn(3, n_voxels, generator=rng)
    torch.testing.assert_close(ours(betas), plain(betas), rtol=1e-4, atol=1e-4)
    same_gradients(*(gradients(net, net(betas).square().mean()) for net in (ours, plain)))


def test_the_plain_mapper_has_the_papers_number_of_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in PlainMapper(15744, 512).parameters()) == 1_156_929


def test_a_step_of_the_mapper_is_counted_layer_by_layer():
    voxels, dims, batch, half = 64, 16, 2, 32
    layers = [64 * 4 * half, *[64 * 64 * half * (3 + 3 + 1)] * 4, 64 * dims * half, half * 128 * dims, 128 * dims]
    forward = 2 * batch * sum(layers)
    backward = 2 * forward - 2 * batch * layers[0]  # nobody asks for the gradient of the voxels
    assert mapper_step.work_of_a_step(voxels, dims, batch) == forward + backward


def test_a_timing_reports_the_median_and_both_ends():
    timing = Timing("x", 8, wall=(1.0, 2.0, 4.0), cpu=(1.0, 3.0, 6.5))
    assert (timing.rate, timing.spread, timing.busy) == (4.0, (2.0, 8.0), 1.5)


def test_contenders_take_turns_and_warming_up_is_not_counted():
    seen = []
    timings = by_turns({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 1, repeats=3, warm=1)
    assert seen == ["a", "b"] * 4
    assert [(t.name, len(t.wall)) for t in timings] == [("a", 3), ("b", 3)]


def _writes(path):
    """A contender that writes its process at each turn."""
    def work():
        with open(path, "a") as file:
            file.write(f"{os.getpid()}\n")
    return work


def test_contenders_apart_take_turns_in_processes_of_their_own(tmp_path):
    path = tmp_path / "turns"
    timings = by_turns_apart({name: partial(_writes, path) for name in "ab"}, 3, repeats=2, warm=1)
    turns = path.read_text().split()
    first, second = turns[0], turns[2]
    assert turns == [first, first, second, second] * 3 and len({first, second, str(os.getpid())}) == 3
    assert [(t.name, t.items, len(t.wall)) for t in timings] == [("a", 3, 2), ("b", 3, 2)]


def test_a_contender_that_cannot_start_is_named():
    with pytest.raises(ValueError, match="not a number") as raised:
        by_turns_apart({"b": partial(int, "not a number")}, 1, repeats=1)
    assert "This was contender 'b'." in raised.value.__notes__


def test_a_peak_is_the_work_that_torch_counts_over_the_time_it_took(monkeypatch):
    seen = []

    def pretend(ways, items, *, repeats):
        with FlopCounterMode(display=False) as counter:
            for name, way in ways.items():
                way()
                seen.append(counter.get_total_flops() - sum(seen))
        return [Timing(name, 1, (0.5, 2.0), (0.5, 2.0)) for name in ways]

    monkeypatch.setattr("benchmarks.timing.by_turns", pretend)
    found = peaks(torch.float32, size=64)
    assert list(found.values()) == [2 * flops for flops in seen]


def _here(contenders, items, *, repeats):
    """What `by_turns_apart` measures, in this process, of contenders that could have been sent to another."""
    return by_turns({name: pickle.loads(pickle.dumps(ready))() for name, ready in contenders.items()}, items,
                    repeats=repeats)


def test_the_table_names_every_contender_and_writes_only_what_was_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for part in (gan_step, mapper_step):
        monkeypatch.setattr(part, "by_turns_apart", _here)
    monkeypatch.setattr(mapper_step, "SIZES", ((128, 16),))
    monkeypatch.setattr("benchmarks.__main__.peaks", partial(peaks, size=64, repeats=1))
    monkeypatch.setattr("benchmarks.__main__.GanConfig", lambda batch: GanConfig(network=SMALL, batch=batch))
    monkeypatch.setattr(grid_step, "experiment", lambda name: dataclasses.replace(experiment("smoke"), name=name))
    monkeypatch.setattr(costs, "NSD", costs.NSD | {"n_voxels": 256, "n_dims": 16})
    options = ["--repeats", "2", "--batch", "4", "--threads", "1"]
    assert main(options) == 0
    printed = capsys.readouterr().out
    for name in (*gan_step.PLAIN, *(f"mindreader {name}" for name in formats()), "plain float32", "GFLOP/s",
                 "Tables 3 and 4 at the preset paper"):
        assert name in printed
    assert list(tmp_path.iterdir()) == []
    assert main([*options, "--json", "numbers.json"]) == 0
    report = json.loads((tmp_path / "numbers.json").read_text())
    assert [len(section["rows"]) for section in report["sections"]] == [2 + len(formats()), 2 + len(formats()), 2 * len(formats()), 3, 3]
    first = report["sections"][0]["rows"]
    assert max(row["ratio"] for row in first[:2]) == 1
    assert all(row["slowest"] <= row["per_second"] <= row["fastest"] for row in first)


@pytest.mark.parametrize("processes", [1, 2])
def test_every_process_that_shares_a_device_times_its_steps(processes):
    taken = grid_step.together(costs.Step(MappingConfig(), 64, 8, 4), "cpu", 3, processes)
    assert len(taken) == 3 * processes and min(taken) > 0


def test_the_steps_of_a_gpu_are_kept_for_chapter_02(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(costs, "RECORD", tmp_path / "gpu_steps.csv")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "some GPU")
    monkeypatch.setattr(grid_step, "together", lambda step, device, n_steps, processes: [step.batch / 1e4] * n_steps)
    asked = argparse.Namespace(device="cuda", repeats=3, record=True)
    section, = grid_step.sections(asked)
    record = costs.read_record()
    assert len(section["rows"]) == len(record) == 3 * 2 * 2 and set(record.device) == {"some GPU"}
    assert np.allclose(record.milliseconds, record.batch / 10) and (record.n_steps == 3).all()
    assert "some GPU, bfloat16, 4 at once" in costs.gpu_clocks()


@pytest.mark.parametrize("options, message", [
    (["--record"], "--record: expected `grid --device cuda`"),
    (["--repeats", "0"], "--repeats 0; expected 1 or more"),
    (["--json", "no/such/folder/x.json"], "there is no folder"),
    (["gna"], "invalid choice"),
    (["--device", "gpu"], "invalid choice"),
    (["--device", "cuda"], "device='cuda': this machine has no GPU that torch can use; expected cpu"),
])
def test_what_cannot_be_is_refused_before_anything_is_measured(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert message in capsys.readouterr().err
