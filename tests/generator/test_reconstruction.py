import numpy as np
import pytest

from mindreader.generator.reconstruction import interpolate, reconstruct
from mindreader.records import Embeddings, Trials

SEED = sum(map(ord, "mind reader"))


class ShowConditions:
    """A generator whose picture shows its conditions and its noise: pixel = first + second condition, and the draw."""

    def generate(self, image_embeddings, caption_embeddings, *, seed, n_draws=1):
        n = len(image_embeddings)
        self.asked = (image_embeddings, caption_embeddings, seed, n_draws)
        level = image_embeddings[:, :1] + (0 if caption_embeddings is None else caption_embeddings[:, 1:2])
        noise = np.random.default_rng(seed).integers(0, 9, (n, n_draws))
        images = np.broadcast_to((100 * level + noise)[..., None, None, None], (n, n_draws, 4, 4, 3)).astype(np.uint8)
        return images if n_draws > 1 else images[:, 0]


def brain(n=6, n_voxels=10):
    rng = np.random.default_rng(SEED)
    return Trials(rng.normal(size=(n, n_voxels)).astype(np.float32), np.arange(n) // 2, np.arange(n) + 50, np.ones(n, int))


def embeddings(space="image", n=6):
    vectors = np.abs(np.random.default_rng(SEED + len(space)).normal(size=(n, 3))).astype(np.float32)
    return Embeddings(vectors, np.arange(n) // 2, np.arange(n) + 50, space, "fmri")


def test_two_heads_are_joined_by_trial_and_scaled():
    generator, image, caption = ShowConditions(), embeddings(), embeddings("caption")
    made = reconstruct({"image": image, "caption": caption.take(np.array([3, 1, 5, 0, 2, 4]))}, generator, seed=4)
    assert np.array_equal(generator.asked[1], caption.unit().vectors) and np.array_equal(generator.asked[0], image.unit().vectors)
    assert made.heads == ("image", "caption") and made.images.shape == (6, 1, 4, 4, 3) and made.seed == 4
    assert (made.keys == image.keys).all() and (made.image_ids == image.image_ids).all()


@pytest.mark.parametrize("head", ["image", "caption"])
def test_one_head_is_the_generators_only_condition(head):
    generator = ShowConditions()
    made = reconstruct({"image": embeddings(), "caption": embeddings("caption")}, generator, heads=(head,), n_draws=3)
    assert np.array_equal(generator.asked[0], embeddings(head).unit().vectors) and generator.asked[1] is None
    assert made.heads == (head,) and made.images.shape[1] == 3


def test_the_same_seed_gives_the_same_and_panels_share_their_noise():
    generator, p = ShowConditions(), {"image": embeddings()}
    a, b, c = (reconstruct(p, generator, n_draws=2, seed=s).images for s in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    doubled = reconstruct({"image": Embeddings(2 * embeddings().vectors, *(getattr(embeddings(), f) for f in (
        "image_ids", "keys", "space", "source")))}, generator, n_draws=2, seed=1).images
    assert np.array_equal(a, doubled)


def test_reconstruct_names_what_does_not_fit():
    with pytest.raises(ValueError, match="got embeddings for image, expected image and caption"):
        reconstruct({"image": embeddings()}, ShowConditions(), heads=("image", "caption"))
    with pytest.raises(ValueError, match="got embeddings for no head"):
        reconstruct({}, ShowConditions())
    with pytest.raises(ValueError, match="caption head holds 5 rows, 5 of them among the 6"):
        reconstruct({"image": embeddings(), "caption": embeddings("caption").take(slice(0, 5))}, ShowConditions())

    class Wrong:
        def generate(self, image_embeddings, caption_embeddings, *, seed):
            return np.zeros((1, 4, 4, 3))

    with pytest.raises(ValueError, match="float64 pictures of shape \\(1, 1, 4, 4, 3\\), expected uint8 \\(6, 1"):
        reconstruct({"image": embeddings()}, Wrong())


def test_interpolation_is_straight_and_keeps_both_ends():
    trials = brain()
    line = interpolate(trials.take([0]), trials.take([5]), 5)
    assert np.array_equal(line.betas[0], trials.betas[0]) and np.array_equal(line.betas[-1], trials.betas[5])
    assert np.allclose(line.betas[2], (trials.betas[0] + trials.betas[5]) / 2, atol=1e-6)
    assert np.allclose(np.diff(line.betas, axis=0), (trials.betas[5] - trials.betas[0]) / 4, atol=1e-6)
    assert list(line.image_ids) == [0, 0, 0, 2, 2] and list(line.trial_ids) == list(range(5))
    with pytest.raises(ValueError, match="got 2 and 1 trials"):
        interpolate(trials.take([0, 1]), trials.take([2]), 5)
