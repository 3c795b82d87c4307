import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from mindreader.embedding.screening import ScreenConfig, keep_embeddings, keep_matching, score_captions
from mindreader.records import Embeddings, Stimuli

SEED = sum(map(ord, "mind reader"))
SCALE = 100.0


def stimuli_and_embeddings(n_images=30, n_captions=5, spread=0.03):
    rng = np.random.default_rng(SEED)
    ids = rng.permutation(500)[:n_images]
    image = rng.normal(size=(n_images, 16)).astype(np.float32)
    text = np.repeat(image, n_captions, 0) + spread * 8 * rng.normal(size=(n_images * n_captions, 16)).astype(np.float32)
    table = pd.DataFrame({"image_id": np.repeat(ids, n_captions), "caption_id": 1000 + np.arange(len(text)),
                          "caption": [f"sentence {i}" for i in range(len(text))]})
    stimuli = Stimuli(ids, np.zeros((n_images, 2, 2, 3), np.uint8), table,
                      pd.DataFrame({"image_id": ids, "category": "dog", "kind": "thing"}))
    return (stimuli, Embeddings(image, ids, np.zeros(n_images, int), "image", "clip"),
            Embeddings(text, table.image_id.to_numpy(), table.caption_id.to_numpy(), "caption", "clip"))


def test_probabilities_are_clips_softmax_over_the_pictures_own_captions():
    stimuli, image, text = stimuli_and_embeddings()
    table = score_captions(stimuli, image, text, logit_scale=SCALE)
    cosine = (np.repeat(image.unit().vectors, 5, 0).astype(float) * text.unit().vectors).sum(1)
    expected = softmax(SCALE * cosine.reshape(-1, 5), axis=1)
    assert np.allclose(table.probability, expected.ravel()) and np.allclose(table.similarity, cosine)
    assert (table.kept.to_numpy().reshape(-1, 5) == (expected > 0.5 * expected.max(1, keepdims=True))).all()


def test_the_rule_is_a_margin_of_ln_2_over_the_scale():
    stimuli, image, text = stimuli_and_embeddings()
    table = score_captions(stimuli, image, text, logit_scale=SCALE)
    margin = table.groupby("image_id").similarity.transform("max") - table.similarity
    assert (table.kept == (margin < np.log(2) / SCALE)).all()
    assert table.kept.any() and not table.kept.all()


def test_three_hand_made_captions():
    stimuli, image, _ = stimuli_and_embeddings(n_images=1, n_captions=3)
    angles = np.arccos(np.clip([0.9, 0.9 - 0.0069, 0.9 - 0.0070], -1, 1))           # ln 2 / 100 = 0.00693
    image = Embeddings(np.array([[5, 0]], np.float32), image.image_ids, image.keys, "image", "clip")
    text = Embeddings(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32),
                      stimuli.captions.image_id.to_numpy(), stimuli.captions.caption_id.to_numpy(), "caption", "clip")
    assert list(score_captions(stimuli, image, text, logit_scale=SCALE).kept) == [True, True, False]


def test_all_captions_may_be_kept_and_the_best_always_is():
    stimuli, image, text = stimuli_and_embeddings(spread=1e-4)
    assert score_captions(stimuli, image, text, logit_scale=SCALE).kept.all()
    stimuli, image, text = stimuli_and_embeddings()
    for threshold, most in ((0.0, 5), (1.0, 1)):
        table = score_captions(stimuli, image, text, logit_scale=SCALE, config=ScreenConfig(threshold))
        assert (table.groupby("image_id").kept.sum() == most).all()
    assert (table.loc[table.kept, "similarity"].to_numpy() == table.groupby("image_id").similarity.max()[stimuli.ids]).all()


def test_captions_are_joined_by_id():
    stimuli, image, text = stimuli_and_embeddings()
    order = np.random.default_rng(SEED).permutation(len(text))
    shuffled = score_captions(stimuli, image.take(order[order < len(image)]), text.take(order), logit_scale=SCALE)
    assert shuffled.equals(score_captions(stimuli, image, text, logit_scale=SCALE))


def test_keeping_leaves_pictures_and_drops_captions():
    stimuli, image, text = stimuli_and_embeddings()
    table = score_captions(stimuli, image, text, logit_scale=SCALE)
    kept = keep_matching(stimuli, table.sample(frac=1, random_state=1))
    assert list(kept.captions.caption_id) == list(table.caption_id[table.kept])
    assert set(kept.captions.image_id) == set(stimuli.ids) and len(kept.ids) == len(stimuli.ids)


def test_messages_name_what_is_missing():
    stimuli, image, text = stimuli_and_embeddings()
    with pytest.raises(ValueError, match=f"caption 1000 of image {stimuli.ids[0]} has no embedding"):
        score_captions(stimuli, image, text.take(slice(1, None)), logit_scale=SCALE)
    with pytest.raises(KeyError, match="has no embedding"):
        score_captions(stimuli, image.take(slice(1, None)), text, logit_scale=SCALE)
    with pytest.raises(ValueError, match="threshold 2, expected 0"):
        ScreenConfig(2)


def test_ids_that_are_unique_within_a_picture_only_keep_the_same_captions():
    stimuli, image, text = stimuli_and_embeddings()
    counted = stimuli.captions.assign(caption_id=stimuli.captions.caption_id % 5)
    table, again = (score_captions(stimuli.with_captions(captions), image,
                                   Embeddings(text.vectors, text.image_ids, captions.caption_id.to_numpy(), "caption", "clip"),
                                   logit_scale=SCALE) for captions in (stimuli.captions, counted))
    assert (table.kept == again.kept).all() and 0 < table.kept.sum() < len(table)
    within = Embeddings(text.vectors, text.image_ids, counted.caption_id.to_numpy(), "caption", "clip")
    assert list(keep_matching(stimuli.with_captions(counted), again).captions.caption) == list(
        keep_matching(stimuli, table).captions.caption)
    np.testing.assert_array_equal(keep_embeddings(within, again).vectors, text.vectors[table.kept])
    np.testing.assert_array_equal(keep_embeddings(text, table).vectors, text.vectors[table.kept])
