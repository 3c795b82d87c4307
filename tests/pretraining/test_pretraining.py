"""Pretraining: the world on disk, the training loop, CLIP and the small nets."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from torch import nn

from mindreader.pretraining import __main__ as pretrain, clip as pretrain_clip, nets as pretrain_nets
from mindreader.training import loop
from mindreader.world import corpus as world, rendering
from mindreader.embedding.clip import CompactTokenizer, EmbedConfig, load_clip
from mindreader.records import Diverged
from mindreader.world.sampling import draw_scene
from mindreader.world.scenes import factors


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("MINDREADER_HOME", str(folder))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def small_world(home):
    return world.load_world(80, n_held_out=32, processes=1)


# ── the world ────────────────────────────────────────────────────────────────────────────────────
def test_the_world_holds_its_scenes_in_order(small_world):
    for i in (0, 41):
        scene = draw_scene(0, "world", i)
        assert np.array_equal(small_world.pictures[i], rendering.render(scene))
        assert small_world.factors.iloc[i].to_dict() == pytest.approx(factors(scene))
        assert len(small_world.captions[i]) == 5
    assert len(small_world.train) == 48 and not set(small_world.train) & set(small_world.held_out)


def test_the_world_is_rendered_once(small_world, monkeypatch):
    monkeypatch.setattr(rendering, "render_many", None)
    again = world.load_world(80, n_held_out=32)
    assert again.path == small_world.path and again.captions == small_world.captions


def test_an_interrupted_rendering_is_resumed(home, monkeypatch):
    monkeypatch.setattr(world, "CHUNK", 4)
    real, asked = rendering.render_many, []

    def tired(seed, stream, rows, size, processes):
        asked.append(list(rows))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(seed, stream, rows, size, 1)

    monkeypatch.setattr(rendering, "render_many", tired)
    with pytest.raises(KeyboardInterrupt):
        world.load_world(12, n_held_out=2)
    whole = world.load_world(12, n_held_out=2)
    assert [a[0] for a in asked] == [0, 4, 8, 8]
    assert np.array_equal(whole.pictures, real(0, "world", range(12), 64, 1))
    assert [p for p in (home / "world").iterdir() if p.name.startswith(".") and p.suffix != ".lock"] == []


def test_a_world_without_training_scenes_is_refused():
    with pytest.raises(ValueError, match="expected 0 to 9"):
        world.load_world(10, n_held_out=10)


# ── the loop ─────────────────────────────────────────────────────────────────────────────────────
def _seconds_for_a_step(seconds, monkeypatch):
    """By the loop's clock; on a busy machine's own it would take fewer steps."""
    ticks = itertools.count(step=seconds)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))


def _line(seconds=0.15):
    """A line to fit, its loss, and a budget of so many seconds."""
    torch.manual_seed(1)
    line, x = nn.Linear(2, 1), torch.randn(50, 2)
    return line, lambda step: ((line(x) - x.sum(1, keepdim=True)).square().mean(), {"twice": 2 * step}), \
        loop.Budget(seconds / 60, 0.05, 0.0)


def test_the_loop_trains_and_records_its_curve(home, monkeypatch):
    _seconds_for_a_step(0.002, monkeypatch)
    line, loss_of, budget = _line(0.4)
    outcome = loop.pretrain("line", line, loss_of, budget)
    assert outcome["curve"][-1]["loss"] < 0.01 and outcome["steps"] >= outcome["curve"][-1]["step"] > 25
    assert outcome["curve"][0]["step"] == 25 and outcome["curve"][0]["twice"] == 48


def test_a_resumed_training_counts_what_was_done_before(home):
    line, loss_of, budget = _line()
    first = loop.pretrain("resumed", line, loss_of, budget)
    fresh, loss_of, _ = _line()
    again = loop.pretrain("resumed", fresh, loss_of, budget, resume=True)
    assert again["steps"] == first["steps"] and torch.equal(fresh.weight, line.weight)


def test_the_rate_rises_then_falls_to_zero():
    budget = loop.Budget(1, 0.1, 0.0, warm_up=0.1)
    assert budget.rate(0) == 0 and budget.rate(3) == pytest.approx(0.05)
    assert budget.rate(30) == pytest.approx(0.05) and budget.rate(60) == pytest.approx(0)
    assert max(budget.rate(s) for s in range(61)) <= 0.1


def test_a_loss_that_is_not_finite_stops_the_training(home):
    line, _, budget = _line()
    with pytest.raises(Diverged, match="loss of nan for the part 'bad' at step 0"):
        loop.pretrain("bad", line, lambda step: (line.weight.sum() * math.nan, {}), budget)


# ── CLIP ───────────────────────────────────────────────────────────────────────────────────────
def test_short_rows_give_open_clips_own_embeddings():
    model = open_clip.CLIP(8, dict(layers=[1, 1, 1, 1], width=8, image_size=64, head_width=64),
                           dict(context_length=30, vocab_size=50, width=16, heads=2, layers=2)).eval()
    sentences = ["a dog", "a red dog on a bed"]
    tokens = CompactTokenizer(CompactTokenizer.known(sentences), 30)(sentences)
    with torch.no_grad():
        short, whole = pretrain_clip.encode_short(model, tokens), model.encode_text(tokens)
    torch.testing.assert_close(short, whole, atol=1e-5, rtol=1e-4)


def test_views_for_clip_stay_near_the_picture_and_are_not_flipped(rng, small_world):
    pixels = np.array(small_world.pictures[:16])
    seen = pretrain_clip.augment(torch.from_numpy(pixels), rng)
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).reshape(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).reshape(1, 3, 1, 1)
    back = (seen * std + mean).permute(0, 2, 3, 1).numpy() * 255
    error, flipped = (np.abs(back - p).mean((1, 2, 3)) for p in (pixels, pixels[:, :, ::-1]))
    assert (error < flipped).mean() > 0.8


def test_prompts_name_only_what_is_there():
    row = {"has_dog": 1.0, "has_cat": 0.0, "has_wall-brick": 1.0, "has_grass": 0.0, "things": 1.0}
    prompts = [p for i in range(20) for p in pretrain_clip._prompts(row, np.random.default_rng(i))]
    words = ("dog", "cat", "brick wall", "grass")
    assert {w for p in prompts for w in words if w in p} == {"dog", "brick wall"}
    assert "a photo of a dog" in prompts
    assert pretrain_clip.category_prompts()["umbrella"] == "a photo of an umbrella"


def test_every_epoch_has_each_row_once():
    rows = [pretrain_clip._epoch_rows(step, 10, 40, 0) for step in range(8)]
    assert sorted(np.concatenate(rows[:4])) == sorted(np.concatenate(rows[4:])) == list(range(40))
    assert not np.array_equal(rows[0], rows[4])


def test_a_clip_of_a_second_is_saved_loads_and_is_scored(home, small_world, tmp_path, monkeypatch):
    _seconds_for_a_step(0.02, monkeypatch)
    recipe = pretrain_clip.ClipRecipe(minutes=1 / 60, batch=16, width=8, layers=(1, 1, 1, 1), text_layers=1,
                                      n_dims=16)
    card = pretrain_clip.pretrain_clip(small_world, tmp_path / "clip", recipe)
    clip = load_clip(EmbedConfig(clip=f"local-dir:{tmp_path / 'clip'}"))
    embeddings = clip.images(np.array(small_world.pictures[:48]))
    assert clip.n_dims == 16 and embeddings.std() == pytest.approx(pretrain_clip.RAW_STD, rel=0.05)
    assert card["scores"]["screening_auc"] > 0.3 and card["recipe"]["steps"] > 0 and card["seed"] == 0


# ── the small nets ──────────────────────────────────────────────────────────────────────────────
def test_right_predictions_of_the_factors_cost_less(small_world):
    targets = pretrain_nets.Targets(small_world.factors)
    truth = targets.of(small_world.factors.iloc[:8])
    right = torch.cat([truth[0] * 40 - 20, truth[1], *(30 * nn.functional.one_hot(t, n)
                                                      for t, n in zip(truth[2:], targets.sizes[2:]))], 1)
    assert float(targets.loss(right, truth)) < 1e-3 < float(targets.loss(0 * right, truth))


@pytest.mark.parametrize("part", ["feature", "resnet"])
def test_a_small_net_of_a_second_is_saved_with_its_scores(home, small_world, tmp_path, monkeypatch, part):
    monkeypatch.setattr("mindreader.core.paths.WEIGHTS", tmp_path)
    monkeypatch.setattr(pretrain_nets, f"{part.upper()}_RECIPE", pretrain_nets.NetRecipe(minutes=1 / 60, batch=16))
    monkeypatch.setattr(pretrain, "progress", None)
    card = pretrain.pretrain(part, small_world, seed=3)
    assert card["name"] == part and card["seed"] == 3 and (tmp_path / part / "weights.safetensors").is_file()
    assert all(math.isfinite(v) for v in card["scores"].values())


def test_unknown_parts_are_refused(small_world, capsys):
    with pytest.raises(ValueError, match="'brain', expected one of clip, feature, resnet"):
        pretrain.pretrain("brain", small_world)
    with pytest.raises(SystemExit):
        pretrain.main(["brain"])
    assert "invalid choice: 'brain'" in capsys.readouterr().err
