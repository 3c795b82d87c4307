import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mindreader.scoring import readout
from mindreader.scoring.readout import (CategoryConfig, at_trials, category_labels, category_auc, category_table,
                                        fit_categories)
from mindreader.records import Embeddings, Stimuli, Trials

SEED = sum(map(ord, "mind reader"))
SMALL = CategoryConfig(hidden_fmri=(32, 16), hidden_clip=(32, 16), epochs=30, learning_rate=2e-3)
NAMES = ("cat", "dog", "yeti", "grass", "sky")


def planted(n_images=450, n_dims=10):
    """Embeddings that determine the classes linearly but for noise; "yeti" is never there."""
    rng = np.random.default_rng(SEED)
    ids = rng.permutation(900)[:n_images]
    vectors = rng.normal(size=(n_images, n_dims)).astype(np.float32)
    there = vectors @ rng.normal(size=(n_dims, 5)) + rng.normal(size=(n_images, 5)) > [0.5, 0, 1e9, 0, 2]
    kinds = ["thing", "thing", "thing", "stuff", "stuff"]
    rows = [(ids[i], NAMES[c], kinds[c]) for i, c in np.argwhere(there)] + [(10_000, "yeti", "thing")]
    ids, vectors = np.append(ids, 10_000), np.append(vectors, vectors[:1], 0)
    table = pd.DataFrame(rows, columns=["image_id", "category", "kind"]).sample(frac=1, random_state=1)
    captions = pd.DataFrame({"image_id": ids, "caption_id": ids + 5, "caption": [f"picture {i}" for i in ids]})
    stimuli = Stimuli(ids, np.zeros((len(ids), 2, 2, 3), np.uint8), captions, table)
    return stimuli, Embeddings(vectors, ids, np.zeros(len(ids), int), "image", "clip")


def sides(embeddings, repeats=2, noise=0.5):
    ids = np.tile(embeddings.image_ids[:-1], repeats)
    rng = np.random.default_rng(SEED)
    betas = embeddings.at(ids) + noise * rng.normal(size=(len(ids), embeddings.vectors.shape[1]))
    trials = Trials(betas.astype(np.float32), ids, np.arange(len(ids)), np.ones(len(ids), int))
    side = np.isin(ids, embeddings.image_ids[:300])
    return trials.take(side), trials.take(~side)


def test_labels_say_which_classes_each_picture_holds():
    stimuli, _ = planted()
    truth = category_labels(stimuli)
    assert truth.names == NAMES and truth.kinds == ("thing",) * 3 + ("stuff",) * 2
    for image in stimuli.ids[:20]:
        held = set(stimuli.annotations.category[stimuli.annotations.image_id == image])
        assert {n for n, yes in zip(truth.names, truth.at([image])[0]) if yes} == held
    with pytest.raises(ValueError, match="image 5000 is not among"):
        truth.at([5000])


def test_planted_classes_are_classified_as_well_as_by_logistic_regression():
    stimuli, embeddings = planted()
    truth, (train, val) = category_labels(stimuli), sides(embeddings)
    fitted = fit_categories(train, val, truth, SMALL, kind="fmri", seed=1)
    table = category_auc({"fMRI": fitted.predict(val)}, val, truth).set_index("category").value
    labels, val_labels = truth.at(train.image_ids), truth.at(val.image_ids)
    oracle = {name: LogisticRegression().fit(train.betas, labels[:, i]).decision_function(val.betas)
              for i, name in enumerate(NAMES) if name in table.index}
    expected = np.mean([roc_auc_score(val_labels[:, NAMES.index(name)], scores) for name, scores in oracle.items()])
    assert table.mean() > expected - 0.03 > 0.8
    assert list(table.index) == ["cat", "dog", "grass", "sky"]


def test_the_table_has_the_papers_groups_with_spread_and_interval():
    stimuli, embeddings = planted()
    truth, (_, val) = category_labels(stimuli), sides(embeddings)
    logits = {"CLIP": 5 * truth.at(val.image_ids) + 0.0, "noise": np.random.default_rng(1).normal(size=(len(val), 5))}
    table = category_table(logits, val, truth, origin="twin", n_bootstrap=200).set_index(["name", "metric"])
    assert (table.loc["CLIP"].value == 1).all() and list(table.loc["CLIP"].n_classes) == [2, 2, 4]
    noise = table.loc["noise"]
    assert (noise.low < noise.value).all() and (noise.value < noise.high).all() and (noise.low < 0.5).all()
    auc = category_auc(logits, val, truth)
    expected = auc[auc.input == "noise"].value
    assert np.isclose(noise.loc["AUC overall", "value"], expected.mean())
    assert np.isclose(noise.loc["AUC overall", "sd"], expected.std())


def test_classes_of_the_same_name_but_another_kind_are_kept_apart():
    stimuli, _ = planted()
    more = pd.DataFrame({"image_id": stimuli.ids[:9], "category": "sky", "kind": "thing"})
    truth = category_labels(dataclasses.replace(stimuli, annotations=pd.concat([stimuli.annotations, more])))
    columns = [i for i, name in enumerate(truth.names) if name == "sky"]
    assert [truth.kinds[i] for i in columns] == ["thing", "stuff"]
    assert list(truth.labels[:, columns[0]]) == [True] * 9 + [False] * (len(stimuli.ids) - 9)


def test_two_fits_of_one_seed_agree_to_the_bit():
    stimuli, embeddings = planted()
    truth, (train, val) = category_labels(stimuli), sides(embeddings)
    config = dataclasses.replace(SMALL, epochs=2)
    a, b, c = (fit_categories(train, val, truth, config, kind="fmri", seed=s).predict(val) for s in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("kind, widths", [("fmri", (2048, 512)), ("clip", (384, 256)), ("resnet", (512, 256))])
def test_hidden_sizes_are_the_papers(kind, widths):
    stimuli, embeddings = planted()
    truth, (train, val) = category_labels(stimuli), sides(embeddings)
    fitted = fit_categories(train, val, truth, CategoryConfig(epochs=0), kind=kind, seed=1)
    assert tuple(layer.out_features for layer in fitted.network[::2]) == (*widths, 5)


def test_embeddings_repeat_for_each_trial():
    _, embeddings = planted()
    train, _ = sides(embeddings)
    shown = at_trials(embeddings, train)
    assert (shown.keys == train.trial_ids).all() and np.array_equal(shown.vectors, embeddings.at(train.image_ids))


def planted_classes(n=120):
    rng = np.random.default_rng(SEED)
    labels = rng.random((n, 4)) < [0.5, 0.1, 0.0, 1.0]
    return labels, np.round(rng.normal(size=(n, 4)) + labels, 1)                 # rounded, so that there are ties


def test_auc_is_scikit_learns_and_classes_without_both_labels_are_named():
    labels, values = planted_classes()
    table, dropped = readout.auc_by_class(labels, values, ["cat", "dog", "yeti", "air"])
    assert np.allclose(table.value, [roc_auc_score(labels[:, i], values[:, i]) for i in (0, 1)])
    assert list(table.category) == ["cat", "dog"] and dropped == ["yeti", "air"]
    assert list(table.n_present) == list(labels[:, :2].sum(0))


def test_weighted_auc_is_scikit_learns_with_sample_weights():
    labels, values = planted_classes()
    weights = np.random.default_rng(1).integers(0, 3, (5, len(labels))).astype(float)
    expected = [roc_auc_score(labels[:, 0], values[:, 0], sample_weight=w) for w in weights]
    assert np.allclose(readout.weighted_auc(labels[:, 0], values[:, 0], weights), expected)


def test_the_interval_of_mean_auc_holds_the_mean_and_a_constant_score_is_half():
    labels, values = planted_classes()
    table, _ = readout.auc_by_class(labels, values, list("abcd"))
    low, high = readout.mean_auc_interval(labels, values, np.arange(len(labels)) // 2, seed=1, n_bootstrap=200)
    assert low < table.value.mean() < high
    assert np.allclose(readout.auc_by_class(labels, np.zeros_like(values), list("abcd"))[0].value, 0.5)
    with pytest.raises(ValueError, match="3 names"):
        readout.auc_by_class(labels, values, list("abc"))


def test_messages_name_what_is_wrong():
    stimuli, embeddings = planted()
    truth, (train, val) = category_labels(stimuli), sides(embeddings)
    with pytest.raises(ValueError, match="kind 'eeg', expected one of fmri, clip, resnet"):
        fit_categories(train, val, truth, SMALL, kind="eeg", seed=1)
    one = val.take(slice(0, 1))
    with pytest.raises(ValueError, match="none of 5 classes"):
        category_table({"a": np.zeros((1, 5))}, one, truth)
