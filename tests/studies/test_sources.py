"""Sets of reconstructions: made once for a run, and for photographs once for all runs."""

from types import SimpleNamespace

import numpy as np
import pytest

from mindreader.core import Store
from mindreader.pipeline import NEEDS
from mindreader.records import Reconstructions
from mindreader.studies import sources


@pytest.fixture
def run_of(tmp_path, monkeypatch, rng):
    """A run over photographs, or over the simulated world, that counts how often it reconstructs."""
    monkeypatch.setattr(sources, "sources", lambda run, cond: {"brain": cond})
    pictures = Reconstructions(rng.integers(0, 256, (3, 1, 8, 8, 3), dtype=np.uint8), np.array([5, 7, 7]), np.array([1, 2, 9]),
                               ("image", "caption"), 4, "x")

    def make(photographs):
        run = SimpleNamespace(memo={}, shows_photographs=photographs, asked=[], pictures=pictures)
        run.reconstruct = lambda embeddings, cond, finetuned: run.asked.append((embeddings, finetuned)) or pictures
        run.keep = Store(tmp_path).fetch
        return run

    return make


def test_those_of_photographs_are_found_by_the_next_run_and_mapped_from_the_disk(run_of):
    sources.reconstructions(run_of(True), "both")
    again = run_of(True)
    found = sources.reconstructions(again, "both")
    assert not again.asked and _is_mapped(found.images) and found.heads == ("image", "caption")
    for name in ("images", "image_ids", "keys", "seed", "note"):
        assert np.array_equal(getattr(found, name), getattr(again.pictures, name))
    sources.reconstructions(again, "both", finetuned=False)
    assert again.asked == [("both", False)]


def test_those_of_the_simulated_world_are_made_once_for_each_run(run_of, tmp_path):
    run = run_of(False)
    assert sources.reconstructions(run, "img") is sources.reconstructions(run, "img")
    assert run.asked == [("img", True)] and not list(tmp_path.rglob("images.npy"))


def test_a_set_is_made_anew_where_its_generator_or_its_conditions_are_others():
    assert NEEDS["reconstructions"][0] == ("generator",) and "studies.sources:sources" in NEEDS["reconstructions"][1]


def _is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None
