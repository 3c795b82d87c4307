"""What the grids cost: operations counted by hand, shared fits counted once, minutes at a rate."""

import time

import numpy as np
import pytest
from torch import nn

from mindreader import costs, grid
from mindreader.experiments import experiment

SIZES = {"n_trials": 1000, "n_voxels": 256, "n_dims": 16, "n_low_level": 16}
ROWS = {row.name: row for row in grid.TABLE3 if row.mapper == "f_mi"}


def test_the_operations_of_a_step_are_those_of_its_layers():
    recipe, batch, n_voxels, n_dims = experiment("paper").mapping, 32, 15724, 512
    network, positions = recipe.network(n_voxels, n_dims), 15744 // 2
    by_hand = 2 * batch * (positions * 64 * 4 + positions * n_dims * 128 + n_dims * 128)
    by_hand += 2 * batch * positions * sum(layer.weight.numel() for layer in [network.channels, *(
        c for block in network.blocks for c in block.modules() if isinstance(c, nn.Conv1d))])
    backward = 2 * by_hand - 2 * batch * positions * 64 * 4            # nobody asks for the gradient of the voxels
    assert costs.step_flops(recipe, batch, n_voxels, n_dims) == pytest.approx(by_hand + backward, rel=0.02)


def test_the_time_is_the_operations_over_each_rate():
    config = experiment("book")
    table = costs.cost_table(config, {"slow": 1e9, "fast": 4e9}, **SIZES).set_index("rows")
    whole = costs.cost(config, (*grid.TABLE3, *grid.TABLE4), **SIZES)
    assert table.loc["both", "minutes, slow"] == pytest.approx(whole / 1e9 / 60) and table.loc["both", "petaflop"] == whole / 1e15
    assert np.allclose(table["minutes, slow"], 4 * table["minutes, fast"])
    assert table.loc["Table 3", "fits"] == 3 * 21 and table.loc["Table 4", "fits"] == 3 * 3 and table.loc["both", "fits"] == 66
    assert costs.cost_table(config, {}, n_seeds=1, **SIZES).fits.tolist() == [21, 3, 22]


def test_the_rates_of_a_gpu_are_shares_of_its_peaks():
    rates = costs.gpu_rates()
    assert rates["float32, 50% of 67 TFLOP/s"] == 33.5e12 and rates["bfloat16, 10% of 989 TFLOP/s"] == 98.9e12


def test_the_paper_has_the_trials_of_its_split():
    assert costs.NSD["n_trials"] == 27_750 - 4_035   # facts: 37 sessions of 750, less the validation side


def test_a_rate_is_measured_on_steps_of_the_recipe():
    recipe = ROWS["MSE+cos"].recipes(experiment("smoke"))[0][1]
    began = time.monotonic()
    rate = costs.measured_rate(recipe, n_voxels=96, n_dims=16, n_steps=3)
    assert rate * (time.monotonic() - began) > 3 * costs.step_flops(recipe, recipe.batch, 96, 16) > 0


def test_the_cost_counts_what_is_shared_once():
    config, rows = experiment("book"), ROWS
    base, final = costs.cost(config, [rows["MSE+cos"]], **SIZES), costs.cost(config, [rows["MSE+cos then +Contra"]], **SIZES)
    assert costs.cost(config, [rows["MSE+cos"], rows["threshold"]], **SIZES) == base < final
    assert costs.cost(config, [rows["MSE+cos"], rows["MSE+cos then +Contra"]], **SIZES) == final
    assert costs.cost(config, [rows["MSE+cos"], rows["no threshold"]], **SIZES) == 2 * base
    assert costs.cost(config, [rows["MSE+cos"]], n_seeds=6, **SIZES) == 2 * base
