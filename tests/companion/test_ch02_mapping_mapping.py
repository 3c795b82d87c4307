"""Chapter 02's numbers on a subject with planted predictions: held to counting by hand and to what was planted."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from mindreader.companion.ch02_mapping import hubs, mapping, misses, splits, targets
from mindreader.core.store import Store
from mindreader.embedding import embed_pictures
from mindreader.extractors import PixelEmbedder
from mindreader.experiments import experiment
from mindreader.mapping.network import MappingConfig
from mindreader.nsd import loader as nsd
from mindreader.pipeline import Pipeline
from mindreader.records import Embeddings, Stimuli
from mindreader.scoring import ranking as retrieval

N = 24      # trials in a batch, of more than ten pictures
DEAD = 5    # a coordinate that is constant in the planted mapper's predictions


class Same:
    """A mapper that predicts the planted embeddings."""

    def __init__(self, embeddings):
        self.embeddings = embeddings

    def predict(self, trials):
        return self.embeddings.take(pd.Index(self.embeddings.keys).get_indexer(trials.trial_ids))


@pytest.fixture(scope="module")
def run(tiny_twin, tiny_subject, tmp_path_factory):
    """True embeddings are pixels; the mapper predicts them with noise, ridge regression with less."""
    run = Pipeline(experiment("smoke", {"evaluate.n_retrieval": N}), Store(tmp_path_factory.mktemp("store")))
    rng, trials = np.random.default_rng(3), tiny_subject.trials
    picture = embed_pictures(tiny_subject.stimuli, PixelEmbedder(4))
    captions = tiny_subject.stimuli.captions
    near = picture.at(captions.image_id) + 0.1 * rng.standard_normal((len(captions), 48))
    words = Embeddings(near.astype(np.float32), captions.image_id.to_numpy(), captions.caption_id.to_numpy(), "caption",
                       "clip")
    aims = {"image": picture, "caption": words}
    run.__dict__.update(subject=tiny_subject, layout=nsd.Layout(tiny_twin, "subj01"), clip=PixelEmbedder(4),
                        embeddings=aims, targets=aims)

    def decoded(space, noise, dead):
        vectors = run.truth[space].at(trials.image_ids) + noise * rng.standard_normal((len(trials), 48))
        vectors[:, DEAD] = 0.5 if dead else vectors[:, DEAD]
        return Embeddings(vectors.astype(np.float32), trials.image_ids, trials.trial_ids, space, "fmri")

    run.__dict__.update(mapped={space: decoded(space, 0.15, True) for space in aims},
                        ridge={space: decoded(space, 0.1, False) for space in aims},
                        mlp={space: decoded(space, 0.1, False) for space in aims})
    return run


@pytest.fixture(scope="module")
def found(run):
    return hubs.similarities(run)


# ── retrieval ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_score_has_its_controls_and_its_protocol(run):
    table = mapping.strips(mapping.retrieval_with_controls(run))
    assert set(table.group) == {"mappers", "baselines", "controls"}
    assert table.protocol.str.startswith("retrieval/mindreader-").all()
    by = table[table.direction == "forward"].set_index("name")
    assert not by.index.duplicated().any() and len(by) == len(table) / 2
    assert by.control.sum() == 5 and (by.group[by.control] == "controls").all()
    assert by.value["shuffled brain"] < by.value["image mapper"] < by.value["true caption embedding"] + 1e-9
    assert by.value["ridge regression, image"] > by.value["mean embedding"]


def test_means_of_more_repeats_are_of_the_same_pictures_and_find_more(run, monkeypatch):
    monkeypatch.setattr(mapping, "FEWEST", 3)
    table = mapping.retrieval_by_repeats(run)
    assert table.n.nunique() == 1 and set(table.group) == {"mapper", "ridge regression"}
    most = table.n_repeats.max()
    shown = pd.Series(run.subject.validation.image_ids).value_counts()
    assert table.n.iloc[0] == min(N, (shown >= most).sum()) and most >= 2
    value = table.groupby("n_repeats").value.mean()
    assert value[most] >= value[1] and set(table.name) >= {"one repeat", f"mean of {most}"}


def test_one_set_of_predictions_has_a_row_for_each_name_that_retrieval_has(run):
    table = mapping.retrieval_by_protocol(run)
    assert table.groupby("name").protocol.nunique().to_dict() == dict.fromkeys(
        ("mapper", "ridge regression"), len(mapping.RETRIEVALS))
    first = retrieval.retrieval(run.validation(run.ridge["image"]), run.truth["image"], direction="forward", n=N)
    mine = table[(table.name == "ridge regression") & table.protocol.str.startswith("retrieval/mindreader-forward@1")]
    assert mine.value.item() == first.value.item()


# ── hubs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_repeat_of_each_picture_is_counted_as_by_hand(run, found):
    embeddings, truth = run.validation(run.ridge["image"]), run.truth["image"]
    order = np.argsort(embeddings.keys)
    first = order[np.sort(np.unique(embeddings.image_ids[order], return_index=True)[1])][:N]
    ids = embeddings.image_ids[first]
    nearness = cosine_similarity(embeddings.vectors[first], truth.at(ids))
    expected = {way: (nearness.argmax(axis) == range(len(ids))).mean() for way, axis in zip(retrieval.DIRECTIONS, (1, 0))}
    rows = found[(found.decoder == "ridge regression") & (found.space == "image") & (found.similarity == "raw")
                 & (found.trials == hubs.TRIALS[1])]
    assert rows.set_index("direction").value.to_dict() == pytest.approx(expected)
    assert rows.protocol.str.startswith("retrieval/one-repeat-").all() and (rows.chance == 1 / len(ids)).all()


def test_every_decoder_is_scored_under_every_similarity_in_both_batches(found):
    assert len(found) == 2 * 2 * 2 * 3 * 2
    assert not found.duplicated(["space", "decoder", "trials", "similarity", "direction"]).any()


def test_each_prediction_has_ten_nearest_pictures(run):
    curves = hubs.occurrence_curves(run)
    n = min(N, len(run.split.validation))
    assert (curves.groupby(["decoder", "similarity"])["count"].sum() == 10 * n).all()
    assert (curves.groupby(["decoder", "similarity"])["count"].diff().dropna() <= 0).all()


# ── misses ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("direction", retrieval.DIRECTIONS)
def test_what_is_found_instead_is_nearer_than_the_right_one(run, direction):
    pairs = misses.miss_pairs(run)
    instead = pairs[(pairs.panel == direction) & (pairs.pair == "found instead")]
    embeddings = run.validation(run.mapped["image"])
    chosen = np.argsort(embeddings.keys)[:N]
    ids = embeddings.image_ids[chosen]
    nearness = cosine_similarity(embeddings.vectors[chosen], run.truth["image"].at(ids))
    nearness = nearness if direction == "forward" else nearness.T
    expected = [(i, ids[row.argmax()]) for i, row in zip(ids, nearness) if ids[row.argmax()] != i]
    assert expected and list(zip(instead.image_id, instead.found)) == expected


def test_controls_of_misses_are_no_pair_of_a_picture_with_itself_and_the_second_has_the_same_hubs(run):
    pairs = misses.miss_pairs(run)
    assert (pairs.image_id != pairs.found).all() and list(dict.fromkeys(pairs.pair)) == list(misses.PAIRS)
    counts = {pair: Counter(part.found) for pair, part in pairs[pairs.panel == "forward"].groupby("pair")}
    assert not counts["found for another"] - counts["found instead"]
    row = pairs.iloc[0]
    shows = run.subject.stimuli.annotations.query("kind == 'thing'").groupby("image_id").category.agg(set)
    assert row.shares == bool(shows.get(row.image_id, set()) & shows.get(row.found, set()))


def test_the_rest_of_a_row_of_misses_is_blank(run):
    columns = misses.retrieval_misses(run, n=2, k=40)
    assert len(columns) == 41 and (columns["nearer 40"] == 255).all() and not (columns["nearer 1"] == 255).all()


# ── mapped beside true ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_coordinate_s_correlation_is_numpy_s_and_a_constant_one_counts_as_0(run):
    each, mean = targets.dimension_correlations(run)
    embeddings = run.validation(run.mapped["image"])
    true = run.truth["image"].at(embeddings.image_ids)
    mine = each[(each.space == "image") & (each.decoder == "mapper")].set_index("dimension").value
    assert mine[0] == pytest.approx(np.corrcoef(embeddings.vectors[:, 0], true[:, 0])[0, 1], abs=1e-5) and mine[DEAD] == 0
    row = mean.set_index("name").loc["mapper, image"]
    assert row.constant == 1 and row.value == pytest.approx(mine.mean(), abs=1e-6) and row.low < row.value < row.high
    assert mean.set_index("name").constant["ridge regression, image"] == 0


def test_nearness_is_the_mean_cosine_to_the_own_picture_and_its_chance_to_all_others(run):
    row = targets.nearness_to_both(run).set_index(["name", "metric"]).loc[("caption mapper", "cosine to image")]
    embeddings, truth = run.validation(run.mapped["caption"]), run.validation(run.truth["image"])
    cosines = cosine_similarity(embeddings.vectors, truth.vectors)
    own = embeddings.image_ids[:, None] == truth.image_ids
    assert row.value == pytest.approx(cosines[own].mean(), abs=1e-5)
    assert row.chance == pytest.approx(cosines[~own].mean(), abs=1e-5)


def test_a_target_is_nearer_to_itself_however_it_is_changed_than_to_another(run):
    pairs = targets.target_pairs(run)
    mean = pairs.groupby(["panel", "pair"]).cosine.mean().unstack()
    assert list(dict.fromkeys(pairs.panel)) == list(dict.fromkeys(targets.target_profiles(run).panel))
    assert (mean[targets.OWN] > mean[targets.OTHER]).all() and pairs.cosine.abs().max() < 1 + 1e-5
    assert mean.loc["clamp", targets.OWN] == pytest.approx(1, abs=1e-5)     # pixels hold nothing beyond the clamp


def test_without_a_clamp_nothing_is_cut(run):
    each, mean = targets.dimension_correlations(run)
    bare = Pipeline(experiment("smoke", {"mapping.clamp": None}), run.store)
    bare.__dict__.update(subject=run.subject, embeddings=run.embeddings, targets=run.targets, mapped=run.mapped)
    values = targets.targets_summary(bare, targets.target_pairs(run), mean, targets.nearness_to_both(run))
    assert values["cut_image"]["ours"] == 0 and values["constant_image"]["ours"] == 1
    assert MappingConfig().clamp is not None and values["r_ridge_image"]["ours"] > values["r_shuffled_image"]["ours"]


# ── splits ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_splits_are_compared_on_equally_many_pictures_one_repeat_each(run):
    table = splits.splits(run)
    assert table.n.nunique() == 1 and set(table.name) == {*splits.SPLITS, splits.APART, splits.IN_TRAINING}
    assert table.protocol.str.startswith("retrieval/one-repeat-").all() and (table.chance == 1 / table.n).all()
    assert table.equals(splits.splits(run))                     # found again, not fitted again


def test_held_out_categories_enter_training_by_the_other_half_and_no_picture_is_decoded_after_training_on_it(run, monkeypatch):
    fitted, split, planted = [], run.split, run.ridge["image"]

    def decoded(run, trials, train, validation):
        fitted.append((set(train), set(validation)))
        return planted.take(np.isin(planted.image_ids, validation))

    monkeypatch.setattr(splits, "_decoded", decoded)
    embeddings = splits._categories_in_training(run, split)
    assert set(embeddings.image_ids) == set(split.validation) and len(fitted) == 2
    for train, validation in fitted:
        assert not train & validation and len(train) == len(split.train)
        assert train & set(split.validation) == set(split.validation) - validation


def test_a_planted_leak_is_found(run):
    run.mapper = lambda space: Same(run.mapped[space])
    clean = splits.leaks(run)
    assert (clean.found == 0).all()
    stimuli, leaky = run.subject.stimuli, Pipeline(run.experiment, run.store)
    pictures = stimuli.images.copy()
    rows = pd.Index(stimuli.ids)
    pictures[rows.get_loc(run.split.validation[0])] = pictures[rows.get_loc(run.split.train[0])]
    subject = type(run.subject)(**{**vars(run.subject), "stimuli": Stimuli(stimuli.ids, pictures, stimuli.captions,
                                                                        stimuli.annotations)})
    leaky.__dict__.update(subject=subject, mapper=run.mapper)
    assert splits.leaks(leaky).found.tolist() == [0, 0, 1, 0]
