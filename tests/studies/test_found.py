"""Things found again: retrieval takes the nearest picture, true maps are the annotations', a copy finds most."""

from types import SimpleNamespace

import numpy as np
import pytest

from mindreader import evaluation
from mindreader.companion.chapter import start
from mindreader.core.weights import is_part
from mindreader.evaluation import CLASSES
from mindreader.studies.found import record as found


@pytest.fixture(scope="module")
def run():
    return start("07_pretrained", "smoke")


def test_the_nearest_picture_is_found_by_the_cosine_from_the_mean(rng):
    """Lengths and what all embeddings share say nothing; a triple loop agrees."""
    shared = 5 * rng.standard_normal(6)
    known = shared + rng.standard_normal((30, 6))
    pictures = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    run = SimpleNamespace(memo={"library": (pictures, known)})
    assert np.array_equal(found.retrieved(run, known * rng.uniform(0.5, 2, (30, 1))), pictures)
    other = shared + rng.standard_normal((7, 6))
    unit = known / np.linalg.norm(known, axis=1, keepdims=True)
    centre = unit.mean(0)

    def cosine(x, y):
        x, y = x / np.linalg.norm(x) - centre, y - centre
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    wanted = [max(range(30), key=lambda k: cosine(x, unit[k])) for x in other]
    assert found.retrieved(run, other)[:, 0, 0, 0].tolist() == wanted


def test_the_true_maps_of_stimuli_are_their_annotations(run):
    ids = run.subject.stimuli.ids[:12]
    maps, table = found.true_maps(run, ids), run.subject.stimuli.annotations
    assert maps.shape == (12, 32, 32)
    for image, classes in zip(ids, maps):
        names = set(table.category[table.image_id == image])
        assert {CLASSES[c] for c in np.unique(classes) if c < len(CLASSES)} <= names


@pytest.mark.skipif(not is_part("segmenter"), reason="the segmenter is not shipped: python -m mindreader.pretraining segmenter")
def test_a_picture_holds_more_of_itself_than_another_does(run):
    table = found.held_out_rows(run)
    means = table[(table.metric == "recall, class") & (table.category == "all things")].set_index("name").value
    assert means[found.ITSELF] > means["another picture's embedding"] + 0.2
    assert found.RETRIEVED.format(found.library_size(run)) in means and set(table.of) == {found.HELD_OUT}
    assert evaluation.load_segmenter().module.training is False
