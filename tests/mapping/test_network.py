import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mindreader.mapping import network as mapping
from mindreader.training.losses import blend
from mindreader.mapping.network import (FittedMapper, MappingConfig, ResidualMapper, fit_mapper, low_level_recipe,
                                        low_level_targets, targets)
from mindreader.records import Diverged, Embeddings, LayoutError, Trials

SEED = sum(map(ord, "mind reader"))
TINY = MappingConfig(hidden=8, fc_hidden=8, n_blocks=1, epochs=(2, 2), decay_every=2, batch=16, batch_contrastive=32)


def linear_brain(n_images=60, n_voxels=24, n_dims=8, repeats=2, noise=0.1, captions=1):
    """Trials whose betas are a planted linear function of their picture's embedding, and the embeddings."""
    rng = np.random.default_rng(SEED)
    latent = rng.normal(size=(n_images, n_dims)).astype(np.float32)
    ids = rng.permutation(10 * n_images)[:n_images]
    image_ids = np.tile(ids, repeats)
    plant = rng.normal(size=(n_dims, n_voxels)) / np.sqrt(n_dims)
    betas = np.tile(latent, (repeats, 1)) @ plant + noise * rng.normal(size=(n_images * repeats, n_voxels))
    n = len(image_ids)
    trials = Trials(betas.astype(np.float32), image_ids, np.arange(n), np.ones(n, int))
    vectors = np.repeat(latent, captions, 0) + (0.1 * rng.normal(size=(n_images * captions, n_dims)) if captions > 1 else 0)
    space = "image" if captions == 1 else "caption"
    keys = np.arange(n_images * captions) if captions > 1 else np.zeros(n_images, int)
    embeddings = Embeddings(vectors.astype(np.float32), np.repeat(ids, captions), keys, space, "clip")
    side = np.isin(image_ids, ids[: n_images * 3 // 4])
    return trials.take(side), trials.take(~side), embeddings


class Released(nn.Module):
    """The paper's rows 0 to 12, written as plainly as they are printed."""

    def __init__(self, padded, n_dims, hidden=64, fc=128, blocks=4):
        super().__init__()
        self.first = nn.Conv1d(1, hidden, 4, 2, 1)
        self.res = nn.ModuleList(nn.Sequential(
            nn.Conv1d(hidden, hidden, 3, padding=1), nn.ReLU(), nn.Conv1d(hidden, hidden, 3, padding=1), nn.ReLU(),
            nn.Conv1d(hidden, hidden, 1)) for _ in range(blocks))
        self.row6, self.row9 = nn.Conv1d(hidden, n_dims, 1), nn.Conv1d(padded // 2, fc, 1)
        self.row11, self.padded = nn.Conv1d(fc, 1, 1), padded

    def forward(self, x):
        left = (self.padded - x.shape[1]) // 2
        x = F.pad(x, (left, self.padded - x.shape[1] - left))[:, None]
        x = torch.relu(self.first(x))
        for block in self.res:
            x = torch.relu(block(x) + x)
        x = torch.relu(self.row6(x).transpose(1, 2))
        return self.row11(torch.relu(self.row9(x)))[:, 0]


def test_the_network_has_the_papers_number_of_parameters():
    network = ResidualMapper(15724, 512, pad_to=15744)
    assert sum(p.numel() for p in network.parameters()) == 1_156_929
    assert network.margins == (10, 10)


def test_the_fast_network_computes_what_the_released_layers_compute():
    fast, plain = ResidualMapper(37, 20, pad_to=42, hidden=16, fc_hidden=8), Released(42, 20, 16, 8)
    plain.load_state_dict(dict(zip(plain.state_dict(), fast.state_dict().values())))
    x = torch.randn(5, 37, generator=torch.Generator().manual_seed(SEED))
    assert torch.allclose(fast(x), plain(x), atol=1e-6)
    fast(x).square().sum().backward()
    plain(x).square().sum().backward()
    for a, b in zip(fast.parameters(), plain.parameters()):
        assert torch.allclose(a.grad, b.grad, atol=1e-4 * b.grad.abs().max().item() + 1e-7)


def test_two_strided_layers_quarter_the_positions():
    network = ResidualMapper(30, 6, n_layers=2, hidden=4, fc_hidden=3, sigmoid=True)
    out = network(torch.zeros(2, 30))
    assert network.positions.in_channels == 8 and out.shape == (2, 6) and (out > 0).all() and (out < 1).all()


def test_padding_too_small_is_refused():
    with pytest.raises(ValueError, match="pad_to=10 for 12 voxels"):
        ResidualMapper(12, 4, pad_to=10)


def test_targets_are_clipped_before_they_are_scaled():
    embeddings = Embeddings(np.array([[9, 1.5, 0]], np.float32), np.array([3]), np.array([0]), "image", "clip")
    assert np.allclose(targets(embeddings).vectors, [[0.5 ** 0.5, 0.5 ** 0.5, 0]])
    assert np.allclose(targets(embeddings, None).vectors[0, 0], 9 / np.hypot(9, 1.5))


def test_a_planted_linear_brain_is_recovered():
    train, val, embeddings = linear_brain(n_images=160, repeats=3)
    config = dataclasses.replace(TINY, hidden=16, fc_hidden=32, loss="mse+cos", epochs=(25,), decay_every=10,
                                 learning_rate=4e-3)
    predicted = fit_mapper(train, val, embeddings, config, seed=1).predict(val).unit()
    cosine = (predicted.vectors * targets(embeddings).at(val.image_ids)).sum(1)
    assert predicted.source == "fmri" and (predicted.keys == val.trial_ids).all()
    assert cosine.mean() > 0.8


def test_two_fits_of_one_seed_are_the_same_to_the_bit_and_seeds_differ():
    train, val, embeddings = linear_brain(captions=3)
    before = torch.random.get_rng_state()
    a, b, c = (fit_mapper(train, val, embeddings, TINY, seed=s) for s in (5, 5, 6))
    assert (a.predict(val).vectors == b.predict(val).vectors).all() and a.history.equals(b.history)
    assert not (a.predict(val).vectors == c.predict(val).vectors).any()
    assert (torch.random.get_rng_state() == before).all()


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path, killed_after):
    train, val, embeddings = linear_brain(captions=3)
    whole = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, decay_every=3), seed=5)

    def killing(iterable, **_):
        for i, item in enumerate(iterable):
            if i == killed_after:
                raise KeyboardInterrupt
            yield item

    arguments = dict(seed=5, checkpoint=tmp_path / "checkpoint.pt")
    with pytest.raises(KeyboardInterrupt):
        fit_mapper(train, val, embeddings, dataclasses.replace(TINY, decay_every=3), progress=killing, **arguments)
    resumed = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, decay_every=3), **arguments)
    assert (resumed.predict(val).vectors == whole.predict(val).vectors).all()
    assert resumed.history.equals(whole.history)


def test_a_checkpoint_of_another_run_or_a_broken_one_is_refused(tmp_path):
    train, val, embeddings = linear_brain()
    path = tmp_path / "checkpoint.pt"
    fit_mapper(train, val, embeddings, TINY, seed=1, checkpoint=path)
    with pytest.raises(ValueError, match="belongs to another run"):
        fit_mapper(train, val, embeddings, TINY, seed=2, checkpoint=path)
    path.write_bytes(b"half a file")
    with pytest.raises(LayoutError, match="cannot be read"):
        fit_mapper(train, val, embeddings, TINY, seed=1, checkpoint=path)


def test_the_kept_weights_are_those_of_the_lowest_validation_loss_of_the_last_phase():
    train, val, embeddings = linear_brain()
    fitted = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, epochs=(2, 6), learning_rate=3e-2), seed=1)
    last = fitted.history[fitted.history.phase == 2]
    predicted, truth = fitted.predict(val).vectors, targets(embeddings).at(val.image_ids)
    rows = torch.arange(len(val)).split(TINY.batch_contrastive)
    loss = sum(blend(torch.from_numpy(predicted[r]), torch.from_numpy(truth[r]), (0.2, 0.3, 0.5)).item() * len(r)
               for r in rows) / len(val)
    assert np.isclose(loss, last.validation_loss.min(), atol=1e-5)
    assert list(last.best) == list(last.validation_loss == last.validation_loss.cummin())


def test_phases_follow_the_losses_and_steps_shrink_every_decay():
    config = MappingConfig(epochs=(3, 2))
    assert [(p.batch, p.epochs) for p in config.phases] == [(32, 3), (128, 2)]
    train, val, embeddings = linear_brain()
    history = fit_mapper(train, val, embeddings, TINY, seed=1).history
    assert np.allclose(history.learning_rate, 4e-4) and list(history.phase) == [1, 1, 2, 2]
    longer = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, epochs=(3, 1)), seed=1).history
    assert np.allclose(longer.learning_rate, [4e-4, 4e-4, 3.2e-4, 4e-4])


@pytest.mark.parametrize("choice, expected", [("random", {0, 1, 2}), ("first", {0})])
def test_captions_are_drawn_as_asked(choice, expected):
    _, _, embeddings = linear_brain(captions=3)
    config = dataclasses.replace(TINY, caption_choice=choice)
    draw = mapping._TargetChoice(embeddings, config, None).for_images(embeddings.image_ids)
    drawn = draw(np.random.default_rng(SEED)).numpy()
    first = np.searchsorted(np.arange(0, len(embeddings), 3), np.arange(len(embeddings)), side="right") - 1
    which = [int(np.flatnonzero((targets(embeddings).vectors[3 * f:3 * f + 3] == d).all(1))[0]) for f, d in zip(first, drawn)]
    assert set(which) == expected


def test_the_average_of_captions_is_taken_before_clamping():
    embeddings = Embeddings(np.array([[4, 1], [0, 1]], np.float32), np.array([7, 7]), np.array([0, 1]), "caption", "clip")
    draw = mapping._TargetChoice(embeddings, MappingConfig(caption_choice="average"), None).for_images(np.array([7]))
    assert np.allclose(draw(np.random.default_rng(0)), np.array([[1.5, 1]]) / np.hypot(1.5, 1))


def test_augmented_embeddings_train_and_clean_ones_validate():
    train, val, embeddings = linear_brain()
    versions = np.stack([embeddings.vectors + 0.3, embeddings.vectors - 0.3])
    plain = fit_mapper(train, val, embeddings, TINY, seed=1)
    moved = fit_mapper(train, val, embeddings, TINY, seed=1, augmented=versions)
    same = fit_mapper(train, val, embeddings, TINY, seed=1, augmented=embeddings.vectors[None])
    off = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, augment=False), seed=1, augmented=versions)
    assert same.history.equals(plain.history) and off.history.equals(plain.history)
    assert not moved.history.equals(plain.history)
    with pytest.raises(ValueError, match="shape .* expected \\(n_versions, 60, 8\\)"):
        fit_mapper(train, val, embeddings, TINY, seed=1, augmented=embeddings.vectors)


def test_bfloat16_fits_the_same_to_its_precision(monkeypatch):
    monkeypatch.setattr("mindreader.training.precision.has_bfloat16", lambda kind: True)
    train, val, embeddings = linear_brain()
    full = fit_mapper(train, val, embeddings, TINY, seed=1).history.train_loss
    half = fit_mapper(train, val, embeddings, dataclasses.replace(TINY, dtype="bfloat16"), seed=1).history.train_loss
    assert np.allclose(full, half, rtol=0.02) and not np.array_equal(full, half)


def test_a_mapper_saved_and_loaded_predicts_the_same(tmp_path):
    train, val, embeddings = linear_brain()
    fitted = fit_mapper(train, val, embeddings, TINY, seed=1)
    fitted.save(tmp_path)
    again = FittedMapper.load(tmp_path)
    assert (again.predict(val, batch=7).vectors.shape == fitted.predict(val).vectors.shape)
    assert (again.predict(val).vectors == fitted.predict(val).vectors).all()
    assert again.config == fitted.config and again.space == "image" and again.history.equals(fitted.history)
    (tmp_path / "mapper.json").unlink()
    with pytest.raises(LayoutError, match="no mapper.json"):
        FittedMapper.load(tmp_path)


@pytest.mark.parametrize("sizes, batch", [((1024, 256), 256), ((15724, 512), 33)])
def test_as_many_trials_are_decoded_at_once_as_memory_allows(monkeypatch, sizes, batch):
    asked = []
    monkeypatch.setattr(mapping, "in_batches", lambda of, inputs, batch: asked.append(batch) or np.zeros((len(inputs), sizes[1]), np.float32))
    mapper = MappingConfig().network(*sizes)
    trials = Trials(np.zeros((2, sizes[0]), np.float32), *np.arange(4).reshape(2, 2), np.zeros(2, int))
    FittedMapper(mapper, MappingConfig(), "image", None).predict(trials)
    assert asked == [batch]


def test_a_loss_that_is_not_finite_is_named_with_its_step():
    train, val, embeddings = linear_brain()
    broken = train.betas.copy()
    broken[:] = np.inf
    with pytest.raises(Diverged, match="0.4 squared error . 0.6 cosine distance' became nan at step 1 of epoch 1"):
        fit_mapper(train.replace(broken), val, embeddings, TINY, seed=1)
    with pytest.raises(Diverged, match="0.4 squared error . 0.6 cosine distance' "):
        fit_mapper(train.replace(broken), val, embeddings, dataclasses.replace(TINY, dtype="bfloat16"), seed=1)


def test_wrong_inputs_are_named():
    train, val, embeddings = linear_brain()
    with pytest.raises(ValueError, match="has no embedding among the 10 images"):
        fit_mapper(train, val, embeddings.take(slice(0, 10)), TINY, seed=1)
    with pytest.raises(ValueError, match="got trials of 3 voxels, expected 24"):
        fit_mapper(train, val, embeddings, TINY, seed=1).predict(val.replace(val.betas[:, :3]))
    with pytest.raises(ValueError, match="has 2 phases, got epochs=\\(3,\\)"):
        fit_mapper(train, val, embeddings, dataclasses.replace(TINY, epochs=(3,)), seed=1)
    with pytest.raises(ValueError, match="got no rows"):
        fit_mapper(train, val, embeddings, TINY, seed=1).predict(val.take(slice(0, 0)))


@pytest.mark.parametrize("wrong, allowed", [({"loss": "l1"}, "mse"), ({"caption_choice": "best"}, "random"),
                                            ({"dtype": "int8"}, "bfloat16"), ({"auxiliary": "gans"}, "none, gan, vicreg")])
def test_a_setting_that_does_not_exist_is_refused_with_those_that_do(wrong, allowed):
    with pytest.raises(ValueError, match=allowed):
        MappingConfig(**wrong)


# ── Table 3: every row, tiny ─────────────────────────────────────────────────────────────────────
ONE = {"loss": "mse+cos", "epochs": (1,)}
ROWS = {
    "base": ONE, "no threshold": ONE | {"clamp": None}, "no augmentation": ONE | {"augment": False},
    "fixed caption": ONE | {"caption_choice": "first"}, "average caption": ONE | {"caption_choice": "average"},
    **{loss: {"loss": loss, "epochs": (1,)} for loss in ("mse", "cos", "contrastive", "all")},
    "mse+cos then all": {"loss": "mse+cos then all", "epochs": (1, 1)},
    "auxiliary gan": ONE | {"auxiliary": "gan"},
    "auxiliary vicreg": {"loss": "mse+cos", "auxiliary": "vicreg", "epochs": (1, 1)},
}


def fitted_row(changes, captions, **how):
    train, val, embeddings = linear_brain(captions=captions)
    far = Embeddings(3 * embeddings.vectors, embeddings.image_ids, embeddings.keys, embeddings.space, "clip")  # so that clamping matters
    augmented = np.stack([far.vectors, far.vectors[:, ::-1]]) if captions == 1 else None
    return fit_mapper(train, val, far, dataclasses.replace(TINY, **changes), seed=1, augmented=augmented, **how)


@pytest.fixture(scope="module", params=[1, 3], ids=["image", "caption"])
def table3(request):
    names = [name for name in ROWS if name.split()[-1] != ("caption" if request.param == 1 else "augmentation")]
    return {name: fitted_row(ROWS[name], request.param) for name in names}


def test_every_row_of_table_3_trains_and_is_another_network(table3):
    weights = {name: torch.cat([p.flatten() for p in fitted.network.parameters()]) for name, fitted in table3.items()}
    assert all(w.isfinite().all() for w in weights.values())
    assert all(np.isfinite(fitted.history.validation_loss).all() for fitted in table3.values())
    for i, a in enumerate(weights):
        for b in list(weights)[:i]:
            assert not torch.equal(weights[a], weights[b]), f"rows {a!r} and {b!r} are the same network"


def test_an_auxiliary_network_changes_the_steps_but_its_term_is_not_in_the_history(table3):
    base, adversarial = table3["base"].history, table3["auxiliary gan"].history
    assert len(base) == len(adversarial) == 1 and not base.equals(adversarial)
    assert np.allclose(base.train_loss, adversarial.train_loss, rtol=0.1), "the discriminator's term (about .7) was counted"


def test_a_discriminator_of_no_weight_leaves_the_bits_and_of_little_weight_moves_little(table3):
    captions = 3 if "average caption" in table3 else 1
    base, whole = table3["base"].history.validation_loss[0], table3["auxiliary gan"].history.validation_loss[0]
    none, little = (fitted_row(ROWS["auxiliary gan"] | {"auxiliary_weight": w}, captions).history.validation_loss[0]
                    for w in (0.0, 1e-3))
    assert none == base and 0 < abs(little - base) < abs(whole - base)


@pytest.mark.parametrize("changes, expected", [
    ({"loss": "mse+cos then all", "epochs": (2, 1), "auxiliary": "gan"}, [(16, True), (32, True)]),
    ({"loss": "mse+cos", "epochs": (2, 1), "auxiliary": "vicreg"}, [(16, False), (32, True)]),
    ({"loss": "mse+cos", "epochs": (2,)}, [(16, False)])])
def test_phases_say_in_which_batches_and_whether_the_auxiliary_network_takes_part(changes, expected):
    assert [(p.batch, p.auxiliary) for p in dataclasses.replace(TINY, **changes).phases] == expected


# ── sharing phases between rows ──────────────────────────────────────────────────────────────────
FIRST = dataclasses.replace(TINY, loss="mse+cos", epochs=(3,))


@pytest.mark.parametrize("changes", [{"loss": "mse+cos then all"}, {"auxiliary": "vicreg"}], ids=["all", "vicreg"])
def test_a_fit_that_starts_from_its_first_phase_has_the_bits_of_both_in_one_go(tmp_path, changes):
    train, val, embeddings = linear_brain(captions=3)
    config = dataclasses.replace(FIRST, epochs=(3, 3), **changes)
    fit_mapper(train, val, embeddings, FIRST, seed=5).save(tmp_path)
    shared = FittedMapper.load(tmp_path)
    continued = fit_mapper(train, val, embeddings, config, seed=5, start=shared, checkpoint=tmp_path / "checkpoint.pt")
    whole = fit_mapper(train, val, embeddings, config, seed=5)
    assert (continued.predict(val).vectors == whole.predict(val).vectors).all()
    assert continued.history.equals(whole.history) and list(whole.history.phase) == [1, 1, 1, 2, 2, 2]
    with pytest.raises(ValueError, match="belongs to another run"):
        other = fit_mapper(train, val, embeddings, FIRST, seed=6)
        fit_mapper(train, val, embeddings, config, seed=5, start=other, checkpoint=tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("wrong", [{"epochs": (2, 1)}, {"clamp": None}, {"loss": "all", "epochs": (3,)},
                                   {"batch": 8}, {"auxiliary": "gan"}])
def test_a_start_of_another_recipe_is_refused(wrong):
    train, val, embeddings = linear_brain()
    start = fit_mapper(train, val, embeddings, dataclasses.replace(FIRST, epochs=(1,)), seed=5)
    config = dataclasses.replace(TINY, **{"epochs": (1, 1)} | wrong)
    with pytest.raises(ValueError, match="got a start for space 'image'.* expected the first phases of"):
        fit_mapper(train, val, embeddings, config, seed=5, start=start)


def test_a_start_of_other_voxels_is_refused():
    train, val, embeddings = linear_brain()
    start = fit_mapper(train, val, embeddings, dataclasses.replace(FIRST, epochs=(1,)), seed=5)
    fewer = train.replace(train.betas[:, :8]), val.replace(val.betas[:, :8])
    with pytest.raises(ValueError, match="got trials of 8 voxels, expected 24"):
        fit_mapper(*fewer, embeddings, dataclasses.replace(TINY, epochs=(1, 1)), seed=5, start=start)


# ── the low-level mapper ─────────────────────────────────────────────────────────────────────────
def test_low_level_targets_take_their_range_from_training_pictures_alone():
    vectors = np.array([[1, 3], [2, 2], [0, 4]], np.float32)
    embeddings = Embeddings(vectors, np.array([4, 9, 2]), np.zeros(3, int), "resnet low", "pixels")
    scaled = low_level_targets(embeddings, np.array([9, 4]))
    assert np.allclose(scaled.vectors, [[0, 1], [0.5, 0.5], [0, 1]])
    assert (scaled.image_ids == embeddings.image_ids).all() and scaled.space == "resnet low"
    moved = Embeddings(vectors * [[1], [1], [7]], embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)
    assert (low_level_targets(moved, np.array([9, 4])).vectors[:2] == scaled.vectors[:2]).all()


def test_a_low_level_mapper_predicts_within_its_range(tmp_path):
    train, val, embeddings = linear_brain(n_images=120)
    scaled = low_level_targets(embeddings, np.unique(train.image_ids))
    config = low_level_recipe(dataclasses.replace(TINY, epochs=(10, 9), learning_rate=1e-2, decay_every=10))
    assert (config.n_layers, config.fc_hidden, config.epochs, config.loss) == (2, 256, (10,), "mse+cos")
    fitted = fit_mapper(train, val, scaled, config, seed=1)
    predicted, truth = fitted.predict(val).vectors, scaled.at(val.image_ids)
    assert predicted.min() > 0 and predicted.max() < 1 and fitted.space == embeddings.space
    constant = ((truth - scaled.at(np.unique(train.image_ids)).mean(0)) ** 2).mean()
    assert ((predicted - truth) ** 2).mean() < 0.7 * constant
    fitted.save(tmp_path)
    assert (FittedMapper.load(tmp_path).predict(val).vectors == predicted).all()
