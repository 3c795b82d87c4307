"""What the whole paper costs: published operation counts, a step counted for real, and hours that follow from a rate."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mindreader.experiments import CONDITIONS, experiment
from mindreader.generator import TrainingState
from mindreader.studies import costs, generator_grid, whole_paper

PAPER = experiment("paper")


@pytest.mark.parametrize("counted, multiplications", [      # torchvision's and open_clip's tables, in billions
    (lambda: whole_paper._forward("inception_v3", 299), 5.71), (lambda: whole_paper._forward("resnet50", 224), 4.09),
    (lambda: whole_paper._clip(PAPER, "picture"), 4.41), (lambda: whole_paper._clip(PAPER, "caption"), 2.95)])
def test_a_pass_takes_twice_the_published_number_of_multiplications(counted, multiplications):
    assert counted() == pytest.approx(2e9 * multiplications, rel=0.03)


def test_a_step_of_the_finetuning_is_the_one_that_is_taken(monkeypatch):
    network = dataclasses.replace(PAPER.gan.network, resolution=16, channel_base=128, channel_max=16, z_dim=8, w_dim=8,
                                  condition_dim=8, mapping_layers=2)
    config = dataclasses.replace(PAPER.gan, network=network, batch=4, r1_gamma=0.0, r1_every=10**9, path_every=1,
                                 precision="float32", style_mixing=0.0)
    monkeypatch.setattr(whole_paper, "_clip_model", lambda config: SimpleNamespace(encode_image=lambda pictures: pictures))
    counted = whole_paper._finetune(dataclasses.replace(PAPER, gan=config), 2)
    state = TrainingState(config, None, 2, 0, "cpu", helpers={"clip": None, "low_level": None, "content": None})
    with FlopCounterMode(display=False) as counter:
        state.train_step(torch.rand(4, 3, 16, 16) * 2 - 1, (torch.randn(4, 8), torch.randn(4, 8)))
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.05)


def test_the_hours_are_those_of_the_operations_at_each_rate_and_the_last_line_sums():
    table = whole_paper.cost_table(PAPER, {"slow": 1e12, "fast": 1e14})
    assert np.allclose(table["hours, slow"], 1e15 * table.petaflop / 1e12 / 3600) and np.allclose(
        table["hours, slow"], 100 * table["hours, fast"])
    *parts, whole = table.petaflop
    assert whole == pytest.approx(sum(parts)) and (np.array(parts) > 0).all()


def test_it_counts_what_the_grids_and_the_presets_say():
    table = whole_paper.cost_table(PAPER, {}).set_index("part")
    grid = costs.cost(PAPER, (*whole_paper.mapping_grid.TABLE3, *whole_paper.mapping_grid.TABLE4), **costs.NSD)
    assert table.loc["Tables 3 and 4", "petaflop"] == pytest.approx(grid / 1e15)
    trainings = table[table.index.str.startswith("Tables 1 and 5")].times.sum()
    assert trainings == len(generator_grid.ROWS) * PAPER.grid.n_painter_seeds * 375     # 12,000 pictures in batches of 32
    assert [table.loc[f"finetune the generator on {cond}", "times"] for cond in CONDITIONS] == [375] * 3
    more = dataclasses.replace(PAPER, gan=dataclasses.replace(PAPER.gan, kimg=24.0))
    twice = whole_paper.cost_table(more, {}).set_index("part").loc["finetune the generator on both", "petaflop"]
    assert twice == pytest.approx(2 * table.loc["finetune the generator on both", "petaflop"])


def test_the_measured_rate_is_that_of_the_record():
    device, rate = whole_paper.measured_rate()
    line = costs.read_record().query("dtype == 'float32' and processes == 1 and batch == 128 and n_dims == 512").iloc[0]
    step = costs.Step(PAPER.mapping, 15724, 512, 128).in_format("float32")
    assert device == line.device and rate == pytest.approx(costs.step_flops(step) / (line.milliseconds / 1e3))


def test_the_command_says_that_nothing_was_measured(monkeypatch, capsys):
    monkeypatch.setattr(whole_paper, "parts_of", lambda config, sizes: [whole_paper.Part("01", "a part", 2, lambda: 3e15)])
    assert whole_paper.main(["--rate", "2"]) == 0
    said = capsys.readouterr().out
    assert "computed from operations, not measured" in said and "at 2 TFLOP/s" in said and "the whole paper, one subject" in said
    with pytest.raises(SystemExit):
        whole_paper.main(["--rate", "0"])
