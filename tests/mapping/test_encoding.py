import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from torch import nn

from mindreader.mapping.baselines import fit_ridge
from mindreader.mapping.encoding import EncoderConfig, FittedEncoder, ResidualEncoder, cycle, fit_encoder, synthesize
from mindreader.mapping.network import targets
from mindreader.records import Diverged, Embeddings, LayoutError, Trials
from mindreader.scoring.voxels import encoding_accuracy

SEED = sum(map(ord, "mind reader"))
TINY = EncoderConfig(n_blocks=1, hidden=8, fc_hidden=16, epochs=3, batch=16)


def linear_brain(n_images=120, n_voxels=20, n_dims=12, noise=0.3, repeats=2):
    rng = np.random.default_rng(SEED)
    ids = rng.permutation(1000)[:n_images]
    vectors = rng.normal(size=(n_images, n_dims)).astype(np.float32)
    embeddings = targets(Embeddings(vectors, ids, np.zeros(n_images, int), "image", "clip"))
    plant = rng.normal(size=(n_dims, n_voxels))
    n = n_images * repeats
    betas = np.tile(embeddings.vectors, (repeats, 1)) @ plant + noise * rng.normal(size=(n, n_voxels))
    trials = Trials(betas.astype(np.float32), np.tile(ids, repeats), np.arange(n), np.ones(n, int))
    side = np.isin(trials.image_ids, ids[:90])
    return embeddings, trials.take(side), trials.take(~side)


class Plain(nn.Module):
    """The released encoder, row by row in one dimension."""

    def __init__(self, n_dims, n_voxels, hidden, fc):
        super().__init__()
        self.stem = nn.Conv1d(1, hidden, 1)
        self.block = nn.Sequential(nn.Conv1d(hidden, hidden, 3, padding=1), nn.ReLU(),
                                   nn.Conv1d(hidden, hidden, 3, padding=1), nn.ReLU(), nn.Conv1d(hidden, hidden, 1))
        self.rest = nn.Sequential(nn.ConvTranspose1d(hidden, hidden, 4, 2, 1), nn.ReLU(), nn.Conv1d(hidden, 1, 1))
        self.fc = nn.Sequential(nn.Conv1d(2 * n_dims, fc, 1), nn.Conv1d(fc, n_voxels, 1))

    def forward(self, x):
        x = self.stem(x[:, None])
        x = self.rest(self.block(x) + x)
        return self.fc(x.transpose(1, 2))[..., 0]


def test_the_fast_encoder_computes_what_the_released_layers_compute():
    fast, plain = ResidualEncoder(10, 7, n_blocks=1, hidden=6, fc_hidden=5), Plain(10, 7, 6, 5)
    plain.load_state_dict(dict(zip(plain.state_dict(), fast.state_dict().values())))
    x = torch.randn(4, 10, generator=torch.Generator().manual_seed(SEED))
    assert torch.allclose(fast(x), plain(x), atol=1e-6)
    fast(x).square().sum().backward()
    plain(x).square().sum().backward()
    assert all(torch.allclose(a.grad, b.grad, atol=1e-5) for a, b in zip(fast.parameters(), plain.parameters()))


def test_its_sizes_are_the_papers():
    encoder = ResidualEncoder(512, 15724)
    assert (encoder.positions.in_channels, encoder.positions.out_channels, encoder.out.out_channels) == (1024, 128, 15724)
    blocks, widen = 4 * 28_864, 64 * 64 * 4 + 64
    assert sum(p.numel() for p in encoder.parameters()) == 128 + blocks + widen + 65 + 1025 * 128 - 128 + 128 + 129 * 15724


def test_a_planted_linear_brain_is_encoded_and_the_cycle_returns_to_the_picture():
    embeddings, train, val = linear_brain()
    config = dataclasses.replace(TINY, epochs=40, learning_rate=4e-3, fc_hidden=32)
    encoder = fit_encoder(embeddings, train, val, config, seed=1)
    assert np.median(encoding_accuracy(encoder, embeddings, val)) > 0.6
    validation = embeddings.take(np.isin(embeddings.image_ids, val.image_ids))
    back = cycle(encoder, {"image": fit_ridge(train, embeddings, seed=1)}, validation)["image"]
    cosine = back.unit().vectors @ validation.vectors.T
    assert (back.image_ids == validation.image_ids).all() and (back.keys == validation.keys).all()
    assert (cosine.argmax(1) == np.arange(len(validation))).mean() > 0.8 and np.diag(cosine).mean() > 0.7


def test_accuracy_is_the_correlation_over_trials_of_each_voxel():
    embeddings, train, val = linear_brain()
    encoder = fit_encoder(embeddings, train, val, TINY, seed=1)
    predicted = encoder.predict(Embeddings(embeddings.at(val.image_ids), val.image_ids, val.trial_ids, "image", "clip"))
    expected = [pearsonr(a, b)[0] for a, b in zip(predicted.T, val.betas.T)]
    assert np.allclose(encoding_accuracy(encoder, embeddings, val), expected, atol=1e-5)


def test_synthetic_trials_follow_the_embeddings():
    embeddings, train, val = linear_brain()
    encoder = fit_encoder(embeddings, train, val, TINY, seed=1)
    trials = synthesize(encoder, embeddings)
    assert trials.betas.shape == (120, 20) and (trials.image_ids == embeddings.image_ids).all() and (trials.sessions == 0).all()


def test_a_killed_fit_goes_on_to_the_same_bits_and_files_keep_it(tmp_path):
    embeddings, train, val = linear_brain()
    whole = fit_encoder(embeddings, train, val, TINY, seed=2)

    def killing(iterable, **_):
        yield list(iterable)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_encoder(embeddings, train, val, TINY, seed=2, checkpoint=tmp_path / "c.pt", progress=killing)
    resumed = fit_encoder(embeddings, train, val, TINY, seed=2, checkpoint=tmp_path / "c.pt")
    resumed.save(tmp_path)
    again = FittedEncoder.load(tmp_path)
    for other in (resumed, again):
        assert np.array_equal(other.predict(embeddings), whole.predict(embeddings)) and other.history.equals(whole.history)
    assert again.config == TINY


def test_messages_name_what_is_wrong(tmp_path):
    embeddings, train, val = linear_brain()
    with pytest.raises(KeyError, match="has no embedding"):
        fit_encoder(embeddings.take(slice(0, 5)), train, val, TINY, seed=1)
    encoder = fit_encoder(embeddings, train, val, TINY, seed=1)
    with pytest.raises(KeyError, match="has no embedding"):
        encoding_accuracy(encoder, embeddings.take(slice(0, 5)), val)
    with pytest.raises(ValueError, match="embeddings of 3 dimensions, expected 12"):
        encoder.predict(Embeddings(embeddings.vectors[:, :3], embeddings.image_ids, embeddings.keys, "image", "clip"))
    with pytest.raises(LayoutError, match="no encoder.safetensors"):
        FittedEncoder.load(tmp_path)
    with pytest.raises(Diverged, match="squared error . cosine distance' became nan at step 1 of epoch 1"):
        fit_encoder(embeddings, train.replace(np.full_like(train.betas, np.nan)), val, TINY, seed=1)
