"""bottleneck: scikit-learn's principal components, and a plant of known rank whose curve has its elbow there."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mindreader import scores
from mindreader.bottleneck import Bottleneck
from mindreader.records import Embeddings


def points(vectors):
    return Embeddings(vectors.astype(np.float32), np.arange(len(vectors)), np.zeros(len(vectors), int), "image", "fmri")


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_squeezing_is_scikit_learns_projection(rng, rank):
    training, held_out = points(rng.standard_normal((50, 6)) @ np.diag([5, 4, 3, 2, 1, 0.5]) + 2), points(rng.random((9, 6)))
    pca = PCA(rank).fit(training.vectors)
    expected = pca.inverse_transform(pca.transform(held_out.vectors))
    assert Bottleneck.of(training).squeeze(held_out, rank).vectors == pytest.approx(expected, abs=1e-4)


def test_nothing_gets_through_rank_0_and_everything_through_the_largest(rng):
    training, held_out = points(rng.standard_normal((50, 6))), points(rng.random((9, 6)))
    neck = Bottleneck.of(training)
    assert neck.squeeze(held_out, 0).vectors == pytest.approx(np.tile(training.vectors.mean(0), (9, 1)), abs=1e-5)
    assert neck.squeeze(held_out, neck.max_rank).vectors == pytest.approx(held_out.vectors, abs=1e-5)
    with pytest.raises(ValueError, match="got rank 7, expected 0 to 6"):
        neck.squeeze(held_out, 7)


def test_readings_of_rank_four_need_four_directions(rng):
    signal = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 32))
    truth = points(signal + 0.3 * rng.standard_normal(signal.shape))
    neck = Bottleneck.of(points(signal[:150]))
    score = [scores.n_way(neck.squeeze(points(signal), r), truth, n_choices=2)[150:].mean() for r in (0, 1, 2, 4, 8)]
    assert score[0] < 0.6 < score[1] < score[2] < score[3] - 0.01
    assert score[4] == pytest.approx(score[3], abs=1e-3)


def test_one_reading_has_no_direction():
    with pytest.raises(ValueError, match="got 1 readings, expected at least two"):
        Bottleneck.of(points(np.ones((1, 3))))
