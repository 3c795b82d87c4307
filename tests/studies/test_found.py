"""Things found again: retrieval takes the nearest picture, true maps are the annotations', a copy finds most."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg

from mindreader import evaluation
from mindreader.companion.chapter import start
from mindreader.core.weights import is_part
from mindreader.evaluation import CLASSES
from mindreader.records import SPACES
from mindreader.studies.found import changed, record as found


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


def test_recoloured_rows_have_the_other_covariance_and_move_least(rng):
    """Between Gaussians the squared movement is the Bures distance: trace(A + B - 2 (A^1/2 B A^1/2)^1/2)."""
    a, b = (np.cov((rng.standard_normal((50, 5)) @ rng.standard_normal((5, 5))).T) for _ in range(2))
    turn = changed.recolouring(a, b)
    assert np.allclose(turn.T @ a @ turn, b) and np.allclose(turn, turn.T)
    root = scipy.linalg.sqrtm(a).real
    bures = np.trace(a + b - 2 * scipy.linalg.sqrtm(root @ b @ root).real)
    assert np.isclose(np.trace((turn - np.eye(5)).T @ a @ (turn - np.eye(5))), bures)


def test_a_turned_vector_has_the_cosine_asked_for(rng):
    unit = rng.standard_normal((20, 6))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosine = rng.uniform(-1, 1, 20)
    found_there = changed.turned(unit, rng.standard_normal((20, 6)), cosine)
    assert np.allclose((found_there * unit).sum(1), cosine) and np.allclose(np.linalg.norm(found_there, axis=1), 1)


def test_changed_conditions_differ_from_the_truth_as_their_names_say(run):
    given = changed.changed_conditions(run, "both")
    brain, true = given[changed.BRAIN]["image"].unit(), given[changed.TRUE]["image"].unit()

    def cosine(name):
        return (given[name]["image"].unit().vectors * true.vectors).sum(1)

    for name, embeddings in given.items():
        assert all(np.array_equal(embeddings[space].image_ids, true.image_ids) for space in SPACES), name
    assert np.allclose(cosine(changed.RANDOM), (brain.vectors * true.vectors).sum(1), atol=1e-5)
    assert (cosine(changed.BETWEEN) > 0.5).mean() > 0.9 and (cosine(changed.BETWEEN) < 0.999).all()
    known = run.truth["image"].unit()
    training = known.at(run.split.train)
    nearest = given[changed.PICTURE]["image"].unit().vectors
    assert np.allclose((nearest @ training.T).max(1), 1, atol=1e-5)
    spread, narrow, real = (np.trace(np.cov(vectors.T)) for vectors in (given[changed.SPREAD]["image"].vectors, brain.vectors, training))
    assert abs(spread - real) < abs(narrow - real) / 2      # of the whole: single entries of 42 trials differ by chance


@pytest.mark.skipif(not is_part("segmenter"), reason="the segmenter is not shipped: python -m mindreader.pretraining segmenter")
def test_another_z_changes_less_of_what_is_there_than_another_picture(run):
    rows = found.draw_rows(run).set_index(["name", "metric"]).value
    assert set(rows.index.get_level_values(0)) == {changed.TRUE, changed.BRAIN}
    assert 1 >= rows[changed.TRUE, found.SAME_Z] > rows[changed.TRUE, found.SAME_OTHER] > 0


def test_the_committed_record_says_of_each_row_whether_it_is_of_a_class(run):
    table, _ = found.recorded(run)
    assert set(table.of) == {found.HELD_OUT, found.SUBJECT, found.CHANGED, found.DRAWS}
    assert {"", "all things", "dog"} <= set(table.category) and set(table.kind) == {"", "thing", "stuff"}
