"""Hubs are counted as a loop counts them, and a planted shrinkage makes them and is cured."""

import numpy as np
import pytest
from scipy.stats import binom

from mindreader.scoring import intervals, ranking
from mindreader.studies import hubs
from mindreader.records import Embeddings

SEED = sum(map(ord, "hubness"))


def plant(shrinkage, n_pictures=400, repeats=1, n_dims=64, noise=1.0):
    """True embeddings around a mean, unequally far from it; predictions keep `shrinkage` of what sets them apart."""
    rng = np.random.default_rng(SEED)
    mean = np.full(n_dims, 1.0)
    apart = rng.normal(size=(n_pictures, n_dims)) * rng.uniform(0.4, 1.2, (n_pictures, 1))
    ids = np.arange(n_pictures)
    truth = Embeddings(mean + apart, ids, ids * 0, "image", "clip")
    shown = np.repeat(ids, repeats)
    decoded = apart[shown] + noise * rng.normal(size=(len(shown), n_dims))
    predicted = Embeddings(mean + shrinkage * decoded, shown, rng.permutation(len(shown)), "image", "fmri")
    return predicted, truth


def halves(shrinkage, **changed):
    """Batches of the first 100 pictures of a plant, with the mean of the others."""
    predicted, truth = plant(shrinkage, **changed)
    scored = predicted.image_ids < 100
    middle = hubs.training_means(predicted.take(~scored), truth)
    return hubs.batches_by_similarity(predicted.take(scored), truth, middle, n=None)


def found(table, similarity, direction):
    return table[(table.similarity == similarity) & (table.metric == f"retrieval {direction}")].value.item()


# ── the plant ──
def test_shrinkage_makes_forward_lag_behind_backward_and_centring_cures_it():
    table = hubs.retrieval_by_similarity(halves(0.1, noise=2.0))
    lag = {name: found(table, name, "backward") - found(table, name, "forward") for name in hubs.SIMILARITIES}
    assert lag["raw"] > 0.25 and abs(lag["centred"]) < 0.1
    assert lag["centred"] < lag["CSLS"] < lag["raw"]         # CSLS takes half of a shared mean away
    assert found(table, "centred", "forward") > found(table, "raw", "forward") + 0.25


def test_without_shrinkage_forward_does_not_lag():
    table = hubs.retrieval_by_similarity(halves(1.0, noise=2.0))
    assert found(table, "raw", "forward") > found(table, "raw", "backward")
    assert found(table, "centred", "forward") < found(table, "raw", "forward") + 0.05


def test_shrinkage_shows_as_skewed_counts_hubs_and_orphans():
    table = hubs.hubness_by_similarity(halves(0.1, noise=2.0), n_bootstrap=200)
    table = table.set_index(["similarity", "direction", "metric"])
    for metric in ("skewness of N_10, forward", "share of orphans, forward", "share of hubs, forward"):
        raw, cured = table.loc[("raw", "forward", metric)], table.loc[("centred", "forward", metric)]
        assert raw.low > cured.value and raw.value > raw.chance
    assert ((table.low <= table.value) & (table.value <= table.high)).mean() > 0.9


# ── oracles ──
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_occurrences_are_those_of_a_loop(direction):
    batch, k = halves(0.3, repeats=2)["raw"], 4
    rows = [list(batch.image_ids).index(i) for i in dict.fromkeys(batch.image_ids)]
    counts = dict.fromkeys(rows, 0)
    for asking in rows:
        line = {c: batch.similarity[(asking, c) if direction == "backward" else (c, asking)] for c in rows}
        for c in sorted(line, key=line.get, reverse=True)[:k]:
            counts[c] += 1
    assert hubs.k_occurrences(batch, direction, k).tolist() == [counts[r] for r in rows]


def test_csls_is_its_formula_in_a_loop():
    batch, k = halves(0.3, repeats=2)["raw"], 3
    s, rows = batch.similarity, [list(batch.image_ids).index(i) for i in dict.fromkeys(batch.image_ids)]
    scaled = hubs.csls(batch, k)
    for i, j in [(0, 0), (5, 150), (199, 3)]:
        r = np.mean(sorted(s[i, c] for c in rows)[-k:])
        t = np.mean(sorted(s[c, j] for c in rows)[-k:])
        assert scaled.similarity[i, j] == pytest.approx(2 * s[i, j] - r - t)


def test_centred_is_the_cosine_of_differences_from_the_training_mean():
    predicted, truth = plant(0.3, repeats=2)
    scored = predicted.image_ids < 100
    training, true = predicted.take(~scored), truth.take(truth.image_ids >= 100)
    left = training.take(np.arange(len(training)) != 5)      # one picture with a repeat less: it counts as much
    middle = hubs.training_means(left, truth)
    mean = np.mean([left.vectors[left.image_ids == i].mean(0) for i in np.unique(left.image_ids)], 0)
    assert np.allclose(middle.predicted, mean, atol=1e-6) and np.allclose(middle.truth, true.vectors.mean(0), atol=1e-6)
    batch = hubs.batches_by_similarity(predicted.take(scored), truth, middle, n=50)["centred"]
    row = {key: i for i, key in enumerate(predicted.keys)}
    p, t = predicted.vectors[row[batch.keys[7]]] - middle.predicted, truth.at([batch.image_ids[3]])[0] - middle.truth
    assert batch.similarity[3, 7] == pytest.approx(p @ t / np.linalg.norm(p) / np.linalg.norm(t), abs=1e-5)


def test_random_neighbours_reach_the_chance_level():
    rng, rows = np.random.default_rng(SEED), []
    for i in range(40):
        batch = ranking.RetrievalBatch(rng.normal(size=(60, 60)), np.arange(60), np.arange(60))
        rows.append(hubs.hubness(batch, "forward", k=5, n_bootstrap=2).value.to_numpy())
    chance = hubs.hubness(batch, "forward", k=5, n_bootstrap=2).chance.to_numpy()
    assert np.allclose(np.mean(rows, 0), chance, atol=4 * np.std(rows, 0).max() / np.sqrt(40))
    assert chance[2] == pytest.approx((1 - 5 / 60) ** 60) and chance[1] == pytest.approx(1 - binom.cdf(24, 60, 5 / 60))


def test_a_mean_hub_takes_every_place():
    similarity = np.eye(12) * 0.1
    similarity[0] = 1.0                                      # true embedding 0 is nearest to each prediction
    batch = ranking.RetrievalBatch(similarity, np.arange(12), np.arange(12))
    assert hubs.k_occurrences(batch, "forward", 1).tolist() == [12] + [0] * 11
    table = hubs.hubness(batch, "forward", k=1, n_bootstrap=5)
    assert table.value.tolist() == pytest.approx([10 / np.sqrt(11), 1 / 12, 11 / 12])   # a spike of 1 in 12


# ── rows and refusals ──
def test_rows_say_which_similarity_was_used_and_the_raw_one_is_the_papers():
    batches = halves(0.3)
    table = hubs.retrieval_by_similarity(batches, name="us", origin="twin")
    assert list(table.protocol[:2]) == [f"retrieval/mindreader-{d}@1 (n=100)" for d in ("forward", "backward")]
    assert table.protocol[2] == "retrieval/mindreader-forward@1 (n=100, similarity=centred)"
    assert set(intervals.SCORE_COLUMNS) < set(table) and (table.origin == "twin").all() and len(table) == 6
    assert table.value[0] == ranking.hits(batches["raw"], "forward").mean()


def test_what_cannot_be_computed_is_said():
    predicted, truth = plant(0.3, n_pictures=30)
    with pytest.raises(ValueError, match="taken over 30 of the pictures to be scored, the first is image 0"):
        hubs.batches_by_similarity(predicted, truth, hubs.training_means(predicted, truth), n=None)
    batch = ranking.retrieval_batch(predicted, truth, n=None)
    with pytest.raises(ValueError, match="k=30 neighbours among 30 pictures, expected 1 to 29"):
        hubs.csls(batch, 30)
    with pytest.raises(ValueError, match="direction 'up'"):
        hubs.k_occurrences(batch, "up")
