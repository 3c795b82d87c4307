"""retrieval: the released rule in a loop, what chance gives, and weights that are never chosen on the scored batch."""

import numpy as np
import pytest
from planted_embeddings import GUESS, SEED, TRUTH, mixed_up, near, embeddings

from mindreader.scoring import controls, forced_choice, ranking
from mindreader.records import Embeddings


def naive_hits(predicted, truth, direction):
    """The released rule in a loop: argmax, and the same picture counts."""
    t, p = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (truth.at(predicted.image_ids), predicted.vectors))
    s = t.astype(float) @ p.astype(float).T
    best = s.argmax(0) if direction == "forward" else s.argmax(1)
    return predicted.image_ids[best] == predicted.image_ids


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_retrieval_is_the_released_argmax_rule(direction):
    order = np.argsort(GUESS.keys)
    expected = naive_hits(GUESS.take(order), TRUTH, direction)
    won = ranking.hits(ranking.retrieval_batch(GUESS, TRUTH, n=None), direction)
    assert (won == expected).all() and 0 < won.mean() < 1


def test_forward_is_brain_to_picture_on_a_hand_made_case():
    similarity = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.3], [0.1, 0.75, 0.6]])       # [truth, prediction]
    batch = ranking.RetrievalBatch(similarity, np.array([1, 2, 3]), np.arange(3))
    assert list(ranking.hits(batch, "forward")) == [True, False, True]      # columns: 0.9 own, 0.8 of picture 1, 0.6 own
    assert list(ranking.hits(batch, "backward")) == [True, True, False]     # rows: 0.9 own, 0.7 own, 0.75 of picture 2


def test_another_showing_of_the_picture_is_a_hit_and_a_tie_is_a_miss():
    similarity = np.array([[0.5, 0.9, 0.1], [0.5, 0.2, 0.1], [0.5, 0.2, 0.3]])
    same = ranking.RetrievalBatch(similarity, np.array([4, 4, 5]), np.arange(3))
    assert list(ranking.hits(same, "backward")) == [True, True, False]
    assert list(ranking.hits(same, "forward")) == [False, True, True]


def test_the_headline_is_the_first_trials_in_trial_order():
    batch = ranking.retrieval_batch(mixed_up(GUESS), TRUTH, n=30)
    assert list(batch.keys) == list(range(30))
    table = ranking.retrieval(GUESS, TRUTH, direction="forward", n=30, name="us", origin="twin").iloc[0]
    assert table.hits == ranking.hits(batch, "forward").sum() and table.n == 30 and table.origin == "twin"
    assert table.low <= table.value <= table.high and table.wilson_low < table.value < table.wilson_high


def test_truth_against_itself_is_always_found():
    own = Embeddings(TRUTH.at(GUESS.image_ids), GUESS.image_ids, GUESS.keys, "image", "fmri")
    for direction in ("forward", "backward"):
        assert ranking.retrieval(own, TRUTH, direction=direction, n=80).value[0] == 1
    assert np.allclose(forced_choice.n_way(own, TRUTH, n_choices=5), 1)


def test_a_blind_guess_gives_chance_within_its_interval():
    truth, blind = embeddings(300, n_dims=8, source="clip"), embeddings(300, 3, n_dims=8, seed=3)
    for direction in ("forward", "backward"):
        batches = ranking.random_batches(blind, truth, n=300, n_draws=20)
        chance = np.mean([(b.image_ids[:, None] == b.image_ids).mean() for b in batches])
        assert abs(np.mean([ranking.hits(b, direction).mean() for b in batches]) - chance) < 0.006
    table = forced_choice.identification(blind, truth, n_choices=2, name="blind")
    assert table.low[0] < 0.5 < table.high[0] and table.chance[0] == 0.5


def test_chance_is_what_a_uniform_guess_scores():
    batch = ranking.retrieval_batch(GUESS, TRUTH, n=30)
    rng = np.random.default_rng(SEED)
    guesses = batch.image_ids[rng.integers(30, size=(4000, 30))]
    expected = (guesses == batch.image_ids).mean()
    assert np.isclose(ranking.score_batch(batch, "forward").chance[0], expected, atol=2e-3)


def test_shuffling_rows_changes_no_score():
    captions = embeddings(repeats=3, source="clip", space="caption")
    for truth in (TRUTH, captions):
        a = ranking.retrieval(GUESS, truth, direction="forward", n=50, seed=4)
        assert a.equals(ranking.retrieval(mixed_up(GUESS), mixed_up(truth), direction="forward", n=50, seed=4))
    for function in (forced_choice.identification, forced_choice.n_way_sampled):
        a, b = function(GUESS, TRUTH, n_choices=3), function(mixed_up(GUESS), mixed_up(TRUTH), n_choices=3)
        assert a.equals(b) if hasattr(a, "equals") else np.array_equal(a, b)


def test_a_caption_is_drawn_for_each_trial_by_seed():
    captions = embeddings(repeats=3, source="clip", space="caption")
    one, again, other = (ranking.retrieval_batch(GUESS, captions, n=80, seed=s).similarity for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_nearest_lists_pictures_nearest_first():
    ids = ranking.nearest_pictures(TRUTH, TRUTH, 3)
    cosine = TRUTH.unit().vectors @ TRUTH.unit().vectors.T
    assert (ids[:, 0] == TRUTH.image_ids).all()
    assert (ids == TRUTH.image_ids[np.argsort(-cosine, 1)[:, :3]]).all()
    with pytest.raises(ValueError, match="41 nearest pictures, got 40"):
        ranking.nearest_pictures(TRUTH, TRUTH, 41)


def test_retrieval_refuses_what_it_cannot_score():
    with pytest.raises(ValueError, match="got 80 trials, expected at least 300"):
        ranking.retrieval(GUESS, TRUTH, direction="forward")
    with pytest.raises(ValueError, match="got 80 trials, expected at least 300"):
        ranking.random_batches(GUESS, TRUTH)
    with pytest.raises(ValueError, match="direction 'up'"):
        ranking.retrieval(GUESS, TRUTH, direction="up", n=20)
    with pytest.raises(ValueError, match="image 273 has no true embedding among the 39"):
        ranking.retrieval(GUESS, TRUTH.take(slice(0, 39)), direction="forward", n=80)
    broken = Embeddings(np.full_like(GUESS.vectors, np.nan), GUESS.image_ids, GUESS.keys, "image", "fmri")
    with pytest.raises(ValueError, match="20 of 20 embeddings are not finite"):
        ranking.retrieval(broken, TRUTH, direction="forward", n=20)


def test_two_mappers_together_beat_each_alone_and_a_useless_one_gets_no_weight():
    truth = embeddings(120, n_dims=10, source="clip")
    a, b = (near(truth, 3, 1.3, seed=s) for s in (1, 2))
    b = Embeddings(b.vectors, a.image_ids, a.keys, "image", "fmri")
    noise = controls.shuffled(a, 1)
    both = ranking.combined_retrieval([a, b], [truth, truth], direction="forward", n=180)
    alone = [ranking.retrieval(p, truth, direction="forward", n=180).value[0] for p in (a, b)]
    assert both.value[0] > max(alone)
    batches = [ranking.retrieval_batch(p, truth, n=180, start=180) for p in (a, noise)]
    assert ranking.choose_weights(batches).values[0] >= 0.8


def test_weights_are_the_best_of_the_whole_grid():
    batches = [ranking.retrieval_batch(near(TRUTH, 2, 1.5, seed=SEED + 1), TRUTH, n=80) for _ in range(2)]
    batches[1] = ranking.RetrievalBatch(np.random.default_rng(1).normal(size=(80, 80)), batches[0].image_ids, batches[0].keys)
    won = {w: sum(ranking.hits(ranking.RetrievalBatch(w * batches[0].similarity + (1 - w) * batches[1].similarity,
                                           batches[0].image_ids, batches[0].keys), d).sum()
                  for d in ("forward", "backward")) for w in np.arange(21) / 20}
    assert won[ranking.choose_weights(batches).values[0]] == max(won.values())


def test_weights_chosen_on_the_scored_batch_are_refused():
    batches = [ranking.retrieval_batch(GUESS, TRUTH, n=40)] * 2
    weights = ranking.choose_weights(batches, step=0.5)
    with pytest.raises(ValueError, match="chosen on 40 of these trials"):
        ranking.combine(batches, weights)
    with pytest.raises(ValueError, match="got 1 batches for 2 weights"):
        ranking.combine([ranking.retrieval_batch(GUESS, TRUTH, n=40, start=40)], weights)
    with pytest.raises(ValueError, match="hold different trials"):
        ranking.choose_weights([batches[0], ranking.retrieval_batch(GUESS, TRUTH, n=40, start=40)], step=0.5)
    with pytest.raises(ValueError, match="expected more than 81"):
        ranking.combined_retrieval([GUESS, GUESS], [TRUTH, TRUTH], direction="forward", n=80)
