"""Each protocol is what its source does: 4 x 4 cases counted by hand, and how those with similar names differ."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import correlation

from mindreader.field import protocols
from mindreader.scoring import forced_choice, intervals, ranking
from mindreader.records import Embeddings

SEED = sum(map(ord, "protocols"))

# [picture, prediction]: how similar each prediction (column) is to each picture (row)
HAND = np.array([[0.60, 0.50, 0.10, 0.00],
                 [0.20, 0.40, 0.30, 0.10],
                 [0.10, 0.45, 0.35, 0.20],
                 [0.00, 0.30, 0.38, 0.50]])


def embeddings_with(similarity, *, centred=False):
    """Pictures and predictions, unit length, whose cosines (or correlations) are exactly `similarity`.

    Pictures are axes; a prediction's missing length lies along an axis of its own.
    """
    n = len(similarity)
    pictures = np.hstack([np.eye(n), np.zeros((n, n))])
    predictions = np.hstack([similarity.T, np.diag(np.sqrt(1 - (similarity ** 2).sum(0)))])
    if centred:                                                  # into the subspace whose coordinates sum to nothing
        full = np.linalg.qr(np.hstack([np.ones((2 * n + 1, 1)), np.eye(2 * n + 1)[:, 1:]]))[0]
        pictures, predictions = pictures @ full[:, 1:].T, predictions @ full[:, 1:].T
    ids, keys = np.arange(n) * 10, np.arange(n)
    return (Embeddings(predictions, ids, keys, "image", "fmri"), Embeddings(pictures, ids, keys * 0, "image", "clip"))


def cloud(n_pictures=12, repeats=2, n_dims=5, noise=1.0):
    rng = np.random.default_rng(SEED)
    ids = np.repeat(np.arange(n_pictures) * 3, repeats)
    truth = Embeddings(rng.normal(size=(n_pictures, n_dims)) + 0.7, np.arange(n_pictures) * 3,
                       np.zeros(n_pictures, int), "image", "clip")
    vectors = truth.at(ids) + noise * rng.normal(size=(len(ids), n_dims))
    return Embeddings(vectors, ids, rng.permutation(len(ids)), "image", "fmri"), truth


def mixed_up(embeddings):
    return embeddings.take(np.random.default_rng(SEED).permutation(len(embeddings)))


# ── by hand ──
@pytest.mark.parametrize("name, by_hand", [
    # forward looks down a column: 0.60 leads; 0.40 < 0.50; 0.35 < 0.38; 0.50 leads
    ("retrieval/mindreader-forward", [1, 0, 0, 1]),
    # backward looks along a row: 0.60 leads; 0.40 leads; 0.35 < 0.45; 0.50 leads
    ("retrieval/mindreader-backward", [1, 1, 0, 1]),
])
def test_retrieval_by_hand(name, by_hand):
    predicted, truth = embeddings_with(HAND)
    assert protocols.items(name, predicted, truth, n=4).values.tolist() == by_hand


def test_what_mindeye_calls_forward_is_picture_to_brain():
    predicted, truth = embeddings_with(HAND)
    forward, backward = (protocols.score_protocol(f"retrieval/mindeye-code-{d}", predicted, truth, n=4).value[0]
                         for d in ("forward", "backward"))
    assert (forward, backward) == (3 / 4, 2 / 4)
    ours = protocols.score_protocol("retrieval/mindreader-backward", predicted, truth, n=4).value[0]
    assert forward == ours


@pytest.mark.parametrize("name, by_hand", [
    # column by column, the share of the three others below the diagonal: 0.40 beats 0.30, 0.35 beats 0.10 and 0.30
    ("twoway/brain-diffuser", [3 / 3, 1 / 3, 2 / 3, 3 / 3]),
    # row by row: 0.35 beats 0.10 and 0.20, not 0.45
    ("twoway/sdr2023", [3 / 3, 3 / 3, 2 / 3, 3 / 3]),
    ("distance/effnet-swav", [0.40, 0.60, 0.65, 0.50]),
])
def test_pearson_protocols_by_hand(name, by_hand):
    predicted, truth = embeddings_with(HAND, centred=True)
    assert protocols.items(name, predicted, truth).values == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("n_choices, by_hand", [(2, [1, 1 / 3, 2 / 3, 1]), (3, [1, 0, 1 / 3, 1]), (4, [1, 0, 0, 1])])
def test_identification_by_hand(n_choices, by_hand):
    predicted, truth = embeddings_with(HAND)
    assert protocols.items("nway/exact", predicted, truth, n_choices=n_choices).values == pytest.approx(by_hand)
    drawn = protocols.items("nway/mindreader", predicted, truth, n_choices=n_choices, n_draws=3000, seed=1)
    assert drawn.values == pytest.approx(by_hand, abs=0.04)


@pytest.mark.parametrize("name", [n for n, p in protocols.PROTOCOLS.items() if p.better == "higher"])
def test_a_tie_never_wins(name):
    truth = embeddings_with(HAND)[1]
    same = Embeddings(np.ones_like(truth.vectors) + np.eye(4, 8)[0], truth.image_ids, truth.keys, "image", "fmri")
    flat = Embeddings(same.vectors, truth.image_ids, truth.keys, "image", "clip")
    sizes = {"n": 4} if "n" in protocols.protocol(name).settings else {}
    assert protocols.score_protocol(name, same, flat, **sizes).value[0] == 0


# ── traps ──
def test_repeats_within_a_batch_favour_backward_and_one_repeat_takes_that_away():
    rng, lag = np.random.default_rng(SEED), {"mindreader": [], "one-repeat": []}
    for _ in range(12):                                   # no hubs here: embeddings are spread evenly
        truth = Embeddings(rng.normal(size=(60, 20)), np.arange(60), np.zeros(60, int), "image", "clip")
        ids = np.repeat(np.arange(60), 3)
        decoded = truth.at(ids) + 2 * rng.normal(size=(180, 20))
        predicted = Embeddings(decoded, ids, rng.permutation(180), "image", "fmri")
        for rule, n in (("mindreader", 180), ("one-repeat", 60)):
            forward, backward = (protocols.items(f"retrieval/{rule}-{d}", predicted, truth, n=n).values.mean()
                                 for d in ("forward", "backward"))
            lag[rule].append(backward - forward)
    assert np.mean(lag["mindreader"]) > 0.1 and abs(np.mean(lag["one-repeat"])) < 0.04


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_truth_beats_noise_in_the_direction_that_the_entry_gives(name):
    noisy, truth = cloud(noise=3.0)
    exact = Embeddings(truth.at(noisy.image_ids), noisy.image_ids, noisy.keys, "image", "fmri")
    sizes = {"n": 12} if "n" in protocols.protocol(name).settings else {}
    best, worse = (protocols.score_protocol(name, p, truth, **sizes).iloc[0] for p in (exact, noisy))
    assert protocols.protocol(name).gain(best.value, worse.value) > 0.1
    assert best.better == protocols.protocol(name).better
    assert (best.value > best.chance) == (best.better == "higher")


def test_a_distance_falls_as_predictions_improve_and_is_scipys():
    close, truth = cloud(noise=0.3)
    far = cloud(noise=3.0)[0]
    values = protocols.items("distance/effnet-swav", close, truth).values
    expected = [correlation(a, b) for a, b in zip(close.vectors, truth.at(close.image_ids))]
    assert values == pytest.approx(expected, abs=1e-5)
    assert values.mean() < protocols.items("distance/effnet-swav", far, truth).values.mean()
    assert protocols.protocol("distance/effnet-swav").gain(0.4, 0.6) == pytest.approx(0.2)


def test_brain_diffusers_count_is_that_of_its_correlation_matrix():
    predicted, truth = cloud(repeats=1)
    r = np.corrcoef(truth.at(predicted.image_ids), predicted.vectors)[:12, 12:]
    expected = (r < np.diag(r)).sum(0) / 11
    assert protocols.items("twoway/brain-diffuser", predicted, truth).values == pytest.approx(expected)
    by_original = (r < np.diag(r)[:, None]).sum(1) / 11
    assert protocols.items("twoway/sdr2023", predicted, truth).values == pytest.approx(by_original)
    assert not np.allclose(expected, by_original)


def test_sdr_takes_the_mean_correlation_over_a_pictures_reconstructions():
    predicted, truth = cloud(repeats=3)
    pictures = truth.image_ids
    r = {(i, j): np.mean([np.corrcoef(truth.at([i])[0], v)[0, 1] for v in predicted.vectors[predicted.image_ids == j]])
         for i in pictures for j in pictures}
    expected = [np.mean([r[i, j] < r[i, i] for j in pictures if j != i]) for i in pictures]
    assert protocols.items("twoway/sdr2023", predicted, truth).values == pytest.approx(expected)


def test_mindeye_averages_repeats_and_mind_reader_does_not():
    predicted, truth = cloud(n_pictures=40, repeats=3)
    averaged = protocols.score_protocol("retrieval/mindeye-code-backward", predicted, truth, n=40, n_draws=2).iloc[0]
    single = protocols.score_protocol("retrieval/mindreader-forward-draws", predicted, truth, n=40, n_draws=30).iloc[0]
    assert averaged.value > single.value + 0.1
    by_hand = ranking.hits(ranking.retrieval_batch(predicted.per_image(), truth, n=None), "forward")
    assert (averaged.value, averaged.n, averaged.chance) == (pytest.approx(by_hand.mean()), 40, pytest.approx(1 / 40))


# ── rows ──
@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_blind_predictions_score_chance(name):
    truth = cloud(n_pictures=80, n_dims=12)[1]
    rng = np.random.default_rng(SEED)
    ids = np.repeat(truth.image_ids, 2)
    values, chances = [], []
    for _ in range(8):
        blind = Embeddings(rng.normal(size=(160, 12)), ids, np.arange(160), "image", "fmri")
        sizes = {"n": 40, "n_draws": 10} if "n_draws" in protocols.protocol(name).settings else {"n": 40}
        sizes = {k: v for k, v in sizes.items() if k in protocols.protocol(name).settings}
        row = protocols.score_protocol(name, blind, truth, n_bootstrap=2, **sizes).iloc[0]
        values.append(row.value)
        chances.append(row.chance)
    assert abs(np.mean(values) - np.mean(chances)) < 4 * np.std(values, ddof=1) / np.sqrt(8) + 1e-3


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_shuffling_rows_changes_no_score(name):
    predicted, truth = cloud()
    sizes = {"n": 10} if "n" in protocols.protocol(name).settings else {}
    rows = [protocols.score_protocol(name, p, t, n_bootstrap=50, **sizes)
            for p, t in ((predicted, truth), (mixed_up(predicted), mixed_up(truth)))]
    assert rows[0].value[0] == pytest.approx(rows[1].value[0]) and rows[0].chance[0] == pytest.approx(rows[1].chance[0])


def test_rows_of_scores_carry_the_stamp_of_the_protocol_that_gives_their_value():
    predicted, truth = cloud()
    rows = [ranking.retrieval(predicted, truth, direction=d, n=12) for d in ("forward", "backward")]
    rows += [forced_choice.identification(predicted, truth, n_choices=5)]
    for row in (r.iloc[0] for r in rows):
        name, _, inside = row.protocol.partition(" (")
        settings = {k: int(v) for k, v in (s.split("=") for s in inside.rstrip(")").split(", "))}
        again = protocols.score_protocol(name, predicted, truth, **settings).iloc[0]
        assert (again.value, again.chance) == pytest.approx((row.value, row.chance)) and again.protocol == row.protocol


def test_a_stamp_names_only_settings_that_are_not_the_published_ones():
    predicted, truth = cloud()
    assert protocols.score_protocol("nway/exact", predicted, truth).protocol[0] == "nway/exact@1"
    assert protocols.score_protocol("nway/exact@1", predicted, truth, n_choices=5).protocol[0] == "nway/exact@1 (n_choices=5)"
    assert protocols.score_protocol("nway/exact", predicted, truth, n_choices=5).metric[0] == "5-way identification"


def test_one_set_of_predictions_under_every_protocol():
    predicted, truth = cloud()
    wanted = {"n": 10, "n_choices": 3}
    table = pd.concat([protocols.score_protocol(name, predicted, truth, name="us", origin="twin", **{
        k: v for k, v in wanted.items() if k in entry.settings}) for name, entry in protocols.PROTOCOLS.items()])
    assert table.protocol.nunique() == len(protocols.PROTOCOLS) and not table.value.isna().any()
    assert {*intervals.SCORE_COLUMNS, "protocol", "better"} <= set(table)
    assert ((table.low <= table.value + 1e-9) & (table.value <= table.high + 1e-9)).all()


def test_every_protocol_says_how_it_differs():
    for entry in protocols.PROTOCOLS.values():
        assert all((entry.metric, entry.chance, entry.source, entry.differs)) and entry.better in ("higher", "lower")
    assert len({entry.stamp for entry in protocols.PROTOCOLS.values()}) == len(protocols.PROTOCOLS)


@pytest.mark.parametrize("call, message", [
    (("twoway/braindiffuser", {}), "got protocol 'twoway/braindiffuser', .* twoway/brain-diffuser@1"),
    (("nway/exact@2", {}), "got protocol 'nway/exact@2', .* nway/exact@1"),
    (("zzz", {}), "got protocol 'zzz'"),
    (("nway/exact", {"n": 3}), "nway/exact@1 has no setting 'n', expected n_choices"),
    (("twoway/sdr2023", {"n": 3}), "has no setting 'n', expected none at all"),
    (("retrieval/mindeye-code-forward", {}), "got 12 trials, expected at least 300"),
])
def test_what_cannot_be_scored_is_said_in_a_sentence(call, message):
    name, settings = call
    with pytest.raises(ValueError, match=message):
        protocols.score_protocol(name, *cloud(), **settings)
