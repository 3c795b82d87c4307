"""samples: the losses and samples that a training writes while it runs."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from small_gan import NETWORK

from mindreader.generator.stylegan import Generator
from mindreader.generator.samples import LOSSES, SAMPLES, Watch


@pytest.fixture
def generator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Generator(NETWORK)


def watch(folder, n=3):
    embeddings = np.random.default_rng(0).standard_normal((n, NETWORK.condition_dim)).astype(np.float32)
    size = NETWORK.resolution
    return Watch(np.full((n, size, size, 3), 200, np.uint8), [(embeddings,) * NETWORK.heads, (embeddings,) * NETWORK.heads], folder)


def test_each_tick_adds_a_line_of_losses_and_writes_the_samples_anew(tmp_path, generator):
    log, size = watch(tmp_path), NETWORK.resolution
    for kimg in (0.5, 1.0):
        log({"kimg": kimg, "generator clip": 3 - kimg}, generator)
    assert pd.read_csv(tmp_path / LOSSES)["generator clip"].tolist() == [2.5, 2.0]
    sheet = np.asarray(Image.open(tmp_path / SAMPLES))
    assert sheet.shape == (2 * 3 * size, 2 * 3 * size, 3)
    assert (sheet[:, :2 * size] == 200).all()
    assert np.array_equal(sheet[:, 2 * size:4 * size], sheet[:, 4 * size:])  # same conditions, same pictures
    assert not list(tmp_path.glob("*.part"))


def test_a_training_that_goes_on_repeats_no_line(tmp_path, generator):
    first = watch(tmp_path)
    for kimg in (0.5, 1.0):
        first({"kimg": kimg, "loss": kimg}, generator)
    watch(tmp_path)({"kimg": 1.0, "loss": 7.0}, generator)  # killed after the tick and before the checkpoint
    assert pd.read_csv(tmp_path / LOSSES).values.tolist() == [[0.5, 0.5], [1.0, 7.0]]
