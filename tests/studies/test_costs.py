"""What the grids cost: operations counted by hand, shared fits counted once, minutes at a rate."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from mindreader.studies import costs, mapping_grid as grid
from mindreader.training import fitting
from mindreader.experiments import experiment
from mindreader.training.losses import LOSSES, blend

SIZES = {"n_trials": 1000, "n_voxels": 256, "n_dims": 16, "n_low_level": 16}
ROWS = {row.name: row for row in grid.TABLE3 if row.mapper == "f_mi"}


def test_the_operations_of_a_step_are_those_of_its_layers():
    recipe, batch, n_voxels, n_dims = experiment("paper").mapping, 32, 15724, 512
    network, positions = recipe.network(n_voxels, n_dims), 15744 // 2
    by_hand = 2 * batch * (positions * 64 * 4 + positions * n_dims * 128 + n_dims * 128)
    by_hand += 2 * batch * positions * sum(layer.weight.numel() for layer in [network.channels, *(
        c for block in network.blocks for c in block.modules() if isinstance(c, nn.Conv1d))])
    backward = 2 * by_hand - 2 * batch * positions * 64 * 4            # nobody asks for the gradient of the voxels
    assert costs.step_flops(costs.Step(recipe, n_voxels, n_dims, batch)) == pytest.approx(by_hand + backward, rel=0.02)


def test_the_time_is_that_of_the_steps_by_each_clock():
    config = experiment("book")
    clocks = {"slow": lambda step: 4.0, "by trials": lambda step: step.batch / 32}
    table = costs.cost_table(config, clocks, **SIZES).set_index("rows")
    whole = costs.cost(config, (*grid.TABLE3, *grid.TABLE4), **SIZES)
    assert table.loc["both", "petaflop"] == whole / 1e15 and np.allclose(table["hours, slow"], 4 * table.steps / 3600)
    few, many = -(-1000 // 32), -(-1000 // 128)                # steps in an epoch; the contrastive term sees 128 trials
    first, second = config.grid.epochs
    table3 = 3 * (first * (13 * few + 4 * many) + second * 4 * many)    # seeds; 6 image and 7 caption fits, 2 of each contrast
    assert table.loc["Table 3", "steps"] == table3
    assert table.loc["Table 3", "fits"] == 3 * 21 and table.loc["Table 4", "fits"] == 3 * 3 and table.loc["both", "fits"] == 66
    assert costs.cost_table(config, {}, n_seeds=1, **SIZES).fits.tolist() == [21, 3, 22]
    assert (table["hours, by trials"] < table["hours, slow"]).all()


def test_the_kinds_of_step_come_in_the_order_of_the_rows_so_that_sums_over_them_have_the_same_last_digit_everywhere():
    config = experiment("paper")
    sizes = {space: SIZES["n_low_level" if space == "resnet" else "n_dims"] for space in ("image", "caption", "resnet")}
    for rows in (grid.TABLE3, grid.TABLE4, grid.TABLE4[::-1]):
        met = dict.fromkeys(costs.Step(recipe, SIZES["n_voxels"], sizes[space], phase.batch)
                            for space, recipe, _ in grid.fits_of(config, rows, 1) for phase in recipe.phases)
        assert list(costs.steps_of(config, rows, **SIZES)) == list(met) and len(met) > 1


def test_the_record_has_every_kind_of_step_of_the_papers_grid():
    record, config = costs.read_record(), experiment("paper")
    steps = costs.steps_of(config, (*grid.TABLE3, *grid.TABLE4), **costs.NSD)
    assert len(record) == len(steps) * len(costs.gpu_columns()) and (record.fastest <= record.milliseconds).all()
    assert (record.milliseconds <= record.slowest).all() and (record.n_steps >= 20).all()
    for (dtype, processes), clock in zip(costs.gpu_columns(), costs.gpu_clocks().values()):
        for step in steps:
            found = record.query("n_dims == @step.n_dims and n_layers == @step.recipe.n_layers and batch == @step.batch "
                                 "and dtype == @dtype and processes == @processes").milliseconds.item()
            assert clock(step) == pytest.approx(found / 1e3 / processes)
        assert np.isnan(clock(costs.Step(config.mapping, 100, 512, 32)))     # nobody timed that


def test_what_does_not_shape_the_network_is_no_other_step():
    recipe = experiment("book").mapping
    plain = costs.Step(recipe, 96, 16, 8)
    assert costs.Step(ROWS["cos"].recipes(experiment("book"))[0][1], 96, 16, 8) == plain != plain.in_format("float32")
    assert plain.in_format("float32").label == plain.label | {"dtype": "float32"}


def test_the_paper_has_the_trials_of_its_split():
    assert costs.NSD["n_trials"] == 27_750 - 4_035   # facts: 37 sessions of 750, less the validation side


def test_steps_are_timed_one_by_one():
    step = costs.Step(ROWS["MSE+cos"].recipes(experiment("smoke"))[0][1], 96, 16, 8)
    began = time.perf_counter()
    taken = costs.time_steps(step, n_steps=4)
    assert len(taken) == 4 and 0 < min(taken) and sum(taken) < time.perf_counter() - began


def test_the_cost_counts_what_is_shared_once():
    config, rows = experiment("book"), ROWS
    base, final = costs.cost(config, [rows["MSE+cos"]], **SIZES), costs.cost(config, [rows["MSE+cos then +Contra"]], **SIZES)
    assert costs.cost(config, [rows["MSE+cos"], rows["threshold"]], **SIZES) == base < final
    assert costs.cost(config, [rows["MSE+cos"], rows["MSE+cos then +Contra"]], **SIZES) == final
    assert costs.cost(config, [rows["MSE+cos"], rows["no threshold"]], **SIZES) == 2 * base
    assert costs.cost(config, [rows["MSE+cos"]], n_seeds=6, **SIZES) == 2 * base


def test_the_step_that_is_timed_is_the_one_that_fit_takes(rng):
    betas, aims = (torch.from_numpy(rng.standard_normal((32, size)).astype(np.float32)) for size in (96, 16))
    recipe = experiment("paper").mapping
    fitted, stepped = (fitting.new_network(lambda: recipe.network(96, 16), 0) for _ in range(2))
    phase = fitting.Phase("mse+cos", lambda p, t: blend(p, t, LOSSES["mse+cos"][0]), 1, batch=32)
    history = fitting.fit(fitted, fitting.Task(betas, lambda rng: aims, betas, aims), [phase],
                          fitting.Schedule(1e-3, 1.0, 10, 0.0), seed=0)
    loss = costs.train_step(stepped, torch.optim.Adam(stepped.parameters(), 1e-3), betas, aims, precision="float32")
    assert loss == pytest.approx(history.train_loss.item(), rel=1e-5)
    start = fitting.new_network(lambda: recipe.network(96, 16), 0).state_dict()
    for name, weight in stepped.state_dict().items():
        moved = weight - start[name]
        assert moved.abs().max() > 5e-4 and torch.nn.functional.cosine_similarity(
            moved.flatten(), (fitted.state_dict()[name] - start[name]).flatten(), dim=0) > 0.99
