"""Chunks of whole batches: the same bits as in one go, kept on the way, and not computed twice."""

import numpy as np
import pytest
import torch

from mindreader.embedding import augment, embed_augmented, embed_pictures, frozen
from mindreader.records import Stimuli

BATCH = 2
CHUNK = frozen.CHUNK * BATCH


class Killed(BaseException):
    """As a process is that gets no more time."""


class Embedder:
    """The mean colour of each picture; counts its pictures, and is killed after so many."""

    space, source, n_dims, batch = "image", "clip", 3, BATCH

    def __init__(self, at_most=10**6):
        self.at_most, self.seen = at_most, 0

    def images(self, pixels):
        self.seen += len(pixels)
        if self.seen > self.at_most:
            raise Killed
        return pixels.mean((1, 2)).astype(np.float32)


@pytest.fixture
def stimuli(rng):
    return Stimuli(np.arange(30) + 7, rng.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8), None, None)


def test_a_killed_run_goes_on_after_its_last_whole_chunk(stimuli, tmp_path):
    killed = Embedder(at_most=2 * CHUNK + 1)
    with pytest.raises(Killed):
        embed_pictures(stimuli, killed, kept=tmp_path)
    again = Embedder()
    found = embed_pictures(stimuli, again, kept=tmp_path)
    assert again.seen == len(stimuli.ids) - 2 * CHUNK
    assert np.array_equal(found.vectors, Embedder().images(stimuli.images)) and np.array_equal(found.image_ids, stimuli.ids)


def test_a_bar_counts_the_chunks(stimuli):
    counted = []
    embed_pictures(stimuli, Embedder(), progress=lambda chunks, desc: counted.append((desc, len(chunks))) or chunks)
    assert counted == [("pictures", -(-len(stimuli.ids) // CHUNK))]


def test_versions_are_those_of_all_pictures_augmented_at_once_and_a_killed_run_goes_on_within_one(stimuli, tmp_path):
    killed = Embedder(at_most=len(stimuli.ids) + CHUNK + 1)
    with pytest.raises(Killed):
        embed_augmented(stimuli, killed, 3, seed=5, kept=tmp_path)
    again = Embedder()
    found = embed_augmented(stimuli, again, 3, seed=5, kept=tmp_path)
    assert again.seen == 2 * len(stimuli.ids) - CHUNK
    assert np.array_equal(found, np.stack([Embedder().images(augment(stimuli.images, seed=5 + v)) for v in range(3)]))


class Looks(frozen.Frozen):
    """A network that looks, with the mean that it takes from its input."""

    def __init__(self):
        self.module, self.mean, self.batch = torch.nn.Linear(2, 2), torch.ones(2), 4


def test_all_that_a_frozen_network_holds_moves_to_a_device_and_nothing_moves_twice():
    here = Looks()
    there = here.on("meta")
    assert (there.mean.device.type, there.module.weight.device.type, there.batch) == ("meta", "meta", 4)
    assert here.mean.device.type == here.module.weight.device.type == "cpu" and here.on("cpu") is here and there.on("meta") is there
