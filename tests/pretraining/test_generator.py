"""critic and generator: the frozen stages, the heads, and a recipe that keeps to its minutes and can be resumed."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import shutil
import time

import numpy as np
import open_clip
import pytest
import torch
from torch.nn import functional as F

from mindreader import training
from mindreader.extractors import load_resnet
from mindreader.pretraining import __main__ as command_line, generator as pretraining
from mindreader.pretraining.critic import (AdversarialState, augmented, content_distance, Critic, FrozenStages,
                                          Head, LEARNING_RATE, PictureNorm, PixelHead, SHIFT_PX)
from mindreader.embedding.clip import ClipEmbedder
from mindreader.pretraining.generator import ORIGINS, GeneratorRecipe, Sheet, Stage, pretrain_generator
from mindreader.generator.stylegan import StyleGanConfig
from mindreader.records import Diverged

STAGES = ("regression", "small", "large", "discriminator")
NETWORK = StyleGanConfig(resolution=32, z_dim=6, w_dim=8, condition_dim=16, channel_base=128, channel_max=8,
                         mapping_layers=2)


@pytest.fixture(scope="module")
def clip():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = open_clip.CLIP(
            16, {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
            {"context_length": 8, "vocab_size": 10, "width": 16, "heads": 2, "layers": 1})
    preprocess = {"size": 32, "mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    known = open_clip.transform.PreprocessCfg(**preprocess)
    open_clip.model.set_model_preprocess_cfg(module, dataclasses.asdict(known))
    return ClipEmbedder(module, lambda sentences: torch.ones(len(sentences), 8, dtype=torch.long))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(sum(map(ord, "mind reader")))
    return rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)


def recipe(kimg=0.008, minutes=1e3):
    """Stages that end after so many pictures, or minutes, whichever is first."""
    def shortened(stage):
        size = {"sketch_size": 16} if stage.config.sketch_size else {}
        return dataclasses.replace(stage, cooling=0.3, config=dataclasses.replace(
            stage.config, network=NETWORK, batch=4, kimg=kimg, tick_kimg=0.004, **size))

    base = GeneratorRecipe(minutes=minutes)
    return dataclasses.replace(base, **{name: shortened(stage) for name, stage in base.stages.items()})


def train(pictures, clip, folder, what, **options):
    return pretrain_generator(pictures, np.arange(16), clip.images(pictures[:16]), FrozenStages(clip), what, folder, **options)


def equal(a, b):
    return all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.fixture
def real():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def state(clip, pictures):
    """A training state of the second stage, with the shipped VICReg net beside the small CLIP."""
    start = pretraining._initial_networks(recipe().small.config, 0)
    first = torch.from_numpy(pictures[:8]).permute(0, 3, 1, 2).float() / 127.5 - 1
    return AdversarialState(recipe().small.config, start, FrozenStages(clip, load_resnet()), first, 0)


def test_frozen_stages_are_those_of_the_networks_themselves(clip, real):
    """Asked of the networks by hooks, in float32; the stages are computed in bfloat16 where that is fast."""
    seen, low_level = [], load_resnet()
    trunk, net = clip.module.visual, low_level.module
    watched = [trunk.act3, trunk.layer1, trunk.layer2, *net.stages[:3]]
    hooks = [module.register_forward_hook(lambda module, given, out: seen.append(out)) for module in watched]
    clip.encode_pictures(real)
    net(F.interpolate(real, (64, 64)))
    n_hooked, found = len(seen), FrozenStages(clip, low_level)(F.interpolate(real, (64, 64)))
    for hook in hooks:
        hook.remove()
    assert n_hooked == 6
    assert [tuple(x.shape[1:]) for x in found] == [(8, 32, 32), (32, 16, 16), (64, 8, 8), (24, 32, 32), (48, 16, 16), (96, 8, 8)]
    for own, its in zip(found[3:], seen[3:6]):
        assert F.cosine_similarity(own.float().flatten(1), its.flatten(1)).min() > 0.999
    for own, its in zip(FrozenStages(clip)(real), seen[:3]):
        assert F.cosine_similarity(own.float().flatten(1), its.flatten(1)).min() > 0.999


@pytest.mark.parametrize("stage", ["regression", "discriminator"])
def test_a_compiled_step_has_the_losses_of_one_that_is_not(clip, pictures, monkeypatch, stage):
    """Traced, but computed by torch's own operators, so that no compiler is needed; `test_compiling` asks a compiler."""
    monkeypatch.setattr(training.compiling, "BACKEND", "aot_eager")
    start, config = pretraining._initial_networks(recipe().small.config, 0), recipe().stages[stage].config
    real = torch.from_numpy(pictures[:4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    condition = F.normalize(torch.from_numpy(clip.images(pictures[:4])), dim=1)
    seen = []
    for compiler in (training.EAGER, training.Compiler(True)):
        state = pretraining._state(config, start, FrozenStages(clip, load_resnet()), real, 0, "cpu", compiler)
        for _ in range(2):
            state.train_step(real, (condition,))
            state.step += 1
        seen.append(state.sums)
    assert seen[1] == pytest.approx(seen[0], rel=0.02) and len(seen[0]) == {"regression": 1, "discriminator": 8}[stage]


def test_content_distance_is_zero_for_equal_pictures_and_counts_pixels_at_four_sizes(clip, real):
    frozen = FrozenStages(clip)
    assert content_distance(real, real, frozen).item() == 0
    generated = (real * 0.5).requires_grad_()
    sizes = [F.interpolate(generated - real, scale_factor=1 / k, mode="area") for k in (1, 2, 4, 8)]
    sizes = [s.detach().abs().mean().item() for s in sizes]
    maps = []
    for x, y in zip(frozen(generated), frozen(real)):
        x, y = (v.detach().float().numpy() for v in (x, y))
        x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
        maps.append(((x - y) ** 2).sum(1).mean())
    distance = content_distance(generated, real, frozen)
    assert distance.item() == pytest.approx(4 * np.mean(sizes) + np.mean(maps) / 2, rel=1e-3)
    distance.backward()
    assert generated.grad.abs().sum() > 0


def test_heads_classify_sixteen_places_of_every_stage_and_depend_on_the_condition(clip, real):
    frozen = FrozenStages(clip)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = Critic(frozen, real, 16)
    condition = F.normalize(torch.randn(4, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    logits, others = critic([real, *frozen(real)], condition, condition.roll(1, 0))
    assert [tuple(x.shape[1:]) for x in logits] == [(1, 4, 4)] * 4
    assert all((a - b).abs().max() > 0 for a, b in zip(logits, others))
    torch.testing.assert_close(critic.heads[0].mean.flatten(), real.mean((0, 2, 3)))
    assert all(not p.requires_grad for name, p in critic.named_parameters() if name.endswith("mixed.weight"))


def test_heads_have_fewer_channels_where_maps_are_larger_and_halve_them_to_four_pixels():
    head = Head(torch.zeros(5), torch.ones(5), 32, 7)
    assert [(m.in_channels, m.out_channels, m.stride[0]) for m in head.layers if isinstance(m, torch.nn.Conv2d)] == [
        (32, 48, 2), (48, 64, 2), (64, 96, 2), (96, 96, 1)]
    assert Head(torch.zeros(192), torch.ones(192), 8, 7).mixed.out_channels == 96
    assert head(torch.zeros(2, 5, 32, 32)).shape == (2, 96, 4, 4)
    pixels = PixelHead(torch.zeros(3), torch.ones(3), 64, 7)
    assert pixels(torch.zeros(2, 3, 64, 64)).shape == (2, 96, 4, 4)


def test_a_picture_is_normed_over_all_its_channels_and_places_as_by_a_group_norm_of_one_group():
    x = torch.randn(3, 16, 8, 8, generator=torch.Generator().manual_seed(2)).to(memory_format=torch.channels_last) * 5 + 2
    torch.testing.assert_close(PictureNorm()(x), F.group_norm(x, 1))


def test_a_heads_logit_is_linear_in_the_condition():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = Head(torch.zeros(5), torch.ones(5), 16, 7)
    places, c = head(torch.randn(2, 5, 16, 16)), torch.randn(2, 7)
    flat = head.logits(places, torch.zeros(2, 7))
    torch.testing.assert_close(head.logits(places, 2 * c) - flat, 2 * (head.logits(places, c) - flat))


def test_augmentation_shifts_each_picture_by_whole_pixels_and_only_rescales_its_colours(real):
    (moved,) = augmented((real,), torch.Generator().manual_seed(3))
    assert moved.shape == real.shape
    places, inner = set(), slice(SHIFT_PX, 32 - SHIFT_PX)
    for before, after in zip(real, moved):
        fits = {}
        for y in range(-SHIFT_PX, SHIFT_PX + 1):
            for x in range(-SHIFT_PX, SHIFT_PX + 1):
                here = before[:, inner.start + y:inner.stop + y, inner.start + x:inner.stop + x].reshape(3, -1)
                design = torch.cat([torch.eye(3) @ here, here.mean(0, keepdim=True), torch.ones(1, here.shape[1])])
                wanted = after[:, inner, inner].reshape(3, -1)
                answer = torch.linalg.lstsq(design.T, wanted.T).solution
                fits[y, x] = (design.T @ answer - wanted.T).abs().max().item()
        best = min(fits, key=fits.get)
        assert fits[best] < 1e-4 < sorted(fits.values())[1]
        places.add(best)
    assert len(places) > 1


def test_pictures_of_a_pair_are_augmented_alike_and_pairs_differently(real):
    one, other = augmented((real, real.flip(3)), torch.Generator().manual_seed(3))
    (alone,) = augmented((real,), torch.Generator().manual_seed(3))
    assert torch.equal(one, alone)
    same, twice = augmented((real[:1].expand(4, -1, -1, -1),) * 2, torch.Generator().manual_seed(3))
    assert torch.equal(same, twice) and all((same[0] - x).abs().max() > 0 for x in same[1:])
    assert other.shape == one.shape and (other - one).abs().max() > 0


def test_against_heads_no_picture_is_held_to_its_target(state, clip, pictures):
    real = torch.from_numpy(pictures[:4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    state.train_step(real, (torch.from_numpy(clip.images(pictures[:4])),))
    assert state.critic_optimizer.param_groups[0]["lr"] == LEARNING_RATE
    assert set(state.sums) == {"generator heads", "generator clip", "heads hinge"}


def test_a_step_teaches_the_heads_to_tell_real_from_generated_and_leaves_frozen_networks_alone(state, clip, pictures):
    frozen = [parameter.clone() for net in state.frozen.modules for parameter in net.parameters()]
    real = torch.from_numpy(pictures[:4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    embeddings = (torch.from_numpy(clip.images(pictures[:4])),)
    before = {name: parameter.clone() for name, parameter in state.generator.named_parameters()}
    hinges = []
    for _ in range(30):
        state.train_step(real, embeddings)
        hinges.append(float(state.sums.pop("heads hinge")))
    assert np.mean(hinges[-5:]) < np.mean(hinges[:5]) - 0.1
    assert all(torch.equal(a, b) for a, b in zip(
        frozen, (p for net in state.frozen.modules for p in net.parameters())))
    moved = {name for name, p in state.generator.named_parameters() if not torch.equal(p, before[name])}
    assert any(".b16." in name for name in moved) and not any(".b32." in name for name in moved)


def test_a_loss_that_is_not_finite_is_said_and_not_saved(state, tmp_path):
    state.sums, state.counts = {"generator heads": torch.tensor(torch.nan)}, {"generator heads": 1}
    with pytest.raises(Diverged, match="the generator's loss 'heads' is nan .*go on from the last checkpoint"):
        state.save(tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


def test_recipe_runs_all_stages_and_writes_samples(pictures, clip, tmp_path):
    shown = pictures[16:]
    sheet = Sheet(shown, clip.images(shown), clip.images(shown), tmp_path, every=0.0)
    trained = train(pictures, clip, tmp_path, recipe(), sheet=sheet)
    assert {p.name for p in tmp_path.glob("*.pt")} == {f"{stage}.pt" for stage in STAGES}
    assert [len(list(tmp_path.glob(f"{stage}-*.png"))) for stage in STAGES] == [2, 2, 2, 2]
    assert trained.network == NETWORK
    assert list(trained.history.stage.unique()) == list(STAGES)
    assert trained.generate(clip.images(pictures[:3]), seed=0).shape == (3, 32, 32, 3)


def test_only_later_stages_train_the_largest_layers_and_only_the_last_one_the_discriminator(pictures, clip, tmp_path):
    train(pictures, clip, tmp_path, recipe())
    start = pretraining._initial_networks(recipe().regression.config, 0).states
    for stage, whole in (("regression", False), ("small", False), ("large", True), ("discriminator", True)):
        after = torch.load(tmp_path / f"{stage}.pt", weights_only=True)
        moved = {name for name, tensor in after["generator"].items() if not torch.equal(tensor, start["G"][name])}
        assert any(".b16." in name for name in moved)
        assert any(".b32." in name for name in moved) == whole
        assert (not equal(start["D"], after["discriminator"])) == (stage == "discriminator")


def test_interrupted_recipe_goes_on_to_the_bit(pictures, clip, tmp_path):
    whole = train(pictures, clip, tmp_path / "a", recipe())
    short = recipe()
    short = dataclasses.replace(short, small=dataclasses.replace(short.small, config=dataclasses.replace(short.small.config, kimg=0.004)))
    train(pictures, clip, tmp_path / "b", short)
    for later in STAGES[2:]:
        (tmp_path / "b" / f"{later}.pt").unlink()  # as if stopped in the middle of the second stage
    resumed = train(pictures, clip, tmp_path / "b", recipe(), resume=True)
    assert equal(whole.states["G_ema"], resumed.states["G_ema"])


def test_heads_go_on_in_the_next_stage_where_pictures_have_the_same_size(pictures, clip, tmp_path, monkeypatch):
    """So the last stage, with the discriminator, begins with heads that know something; other sizes have other heads."""
    begun, ended, go = {}, {}, pretraining.run

    def run(state, *rest, checkpoint, **options):
        begun[checkpoint.stem] = {name: x.clone() for name, x in state.critic.state_dict().items()}
        trained = go(state, *rest, checkpoint=checkpoint, **options)
        ended[checkpoint.stem] = state.critic.state_dict()
        return trained

    monkeypatch.setattr(pretraining, "run", run)
    train(pictures, clip, tmp_path, recipe(), first="small")
    assert equal(ended["large"], begun["discriminator"]) and not equal(ended["discriminator"], begun["discriminator"])
    assert any(x.shape != begun["large"][name].shape for name, x in ended["small"].items() if name in begun["large"])


def test_a_stage_ends_when_its_minutes_are_over(pictures, clip, tmp_path, monkeypatch):
    """By a clock that goes on by a twentieth of a second whenever it is looked at, two to five times in a step."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks) / 20)
    trained = train(pictures, clip, tmp_path, recipe(kimg=1e6, minutes=0.1), first="small")
    seconds = trained.history.groupby("stage").seconds.max()
    for stage, share in (("small", 0.4), ("large", 0.4), ("discriminator", 0.1)):
        assert seconds[stage] == pytest.approx(6 * share / 0.9, abs=0.3)


def test_a_stage_cools_down_at_its_end():
    stage = Stage(GeneratorRecipe().small.config, 1.0, cooling=0.5)
    assert [stage.rate(share) for share in (0, 0.25, 0.5, 0.75, 1, 2)] == [1, 1, 1, 0.55, 0.1, 0.1]


def test_a_stage_that_goes_on_while_it_cools_has_the_rate_that_it_had(pictures, clip, tmp_path, monkeypatch):
    """Stopped when four fifths of its time are over; the rate is a function of the time, whatever the checkpoint says."""
    ticks, seen, step = itertools.count(), [], AdversarialState.train_step
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks) / 20)

    def stopped(state, *batch):
        spent = (state.seconds + time.monotonic() - state.started) / 6
        if not state.config.adversarial_weight:     # the stage "large"
            seen.append((spent, state.generator_optimizer.param_groups[0]["lr"], state.critic_optimizer.param_groups[0]["lr"]))
        if spent > 0.8 and not (tmp_path / "large.pt").exists():
            state.save(tmp_path / "large.pt")
            raise KeyboardInterrupt
        step(state, *batch)

    monkeypatch.setattr(AdversarialState, "train_step", stopped)
    what = recipe(kimg=1e6, minutes=0.1)
    what = dataclasses.replace(what, **{name: dataclasses.replace(stage, share=1.0 if name == "large" else 1e-9)
                                        for name, stage in what.stages.items()})
    with pytest.raises(KeyboardInterrupt):
        train(pictures, clip, tmp_path, what, first="large")
    n_before = len(seen)
    train(pictures, clip, tmp_path, what, first="large", resume=True)
    assert n_before > 20 and len(seen) > n_before + 2
    for spent, rate, of_heads in [each for each in seen if each[0] < 0.99]:
        factor = what.large.rate(spent)
        assert (rate, of_heads) == (pytest.approx(0.0025 * factor, abs=2e-4), pytest.approx(LEARNING_RATE * factor, abs=1e-4))


def test_a_pretrained_generator_goes_on_with_later_stages_only(pictures, clip, tmp_path):
    first = train(pictures, clip, tmp_path / "first", recipe())
    second = train(pictures, clip, tmp_path / "second", recipe(), start=first, first="large")
    assert list(second.history.stage.unique()) == ["large", "discriminator"]
    assert {p.name for p in (tmp_path / "second").glob("*.pt")} == {"large.pt", "discriminator.pt"}
    assert not equal(first.states["G"], second.states["G"])
    with pytest.raises(ValueError, match="'last', expected one of regression, small, large, discriminator"):
        train(pictures, clip, tmp_path, recipe(), first="last")


def test_a_gpu_gets_larger_batches_and_else_the_same_recipe():
    base, other = GeneratorRecipe(), GeneratorRecipe().on("cuda")
    assert base.on("cpu") == base and other != base
    for name, stage in base.stages.items():
        assert dataclasses.replace(other.stages[name].config, batch=stage.config.batch) == stage.config
    assert sum(stage.share for stage in base.stages.values()) == pytest.approx(1)


def test_a_generator_is_made_after_the_one_it_starts_from():
    made = list(ORIGINS)
    assert all(made.index(origin.start) < made.index(name) for name, origin in ORIGINS.items() if origin.start)


def test_supervised_generators_are_conditioned_on_both_specific_captions_of_each_picture(clip):
    class SmallWorld:
        pictures, train = np.zeros((3, 32, 32, 3), np.uint8), np.arange(2)
        captions = [[["a", "vague"], ["b", "specific"], ["c", "specific"]], [["d", "specific"], ["e", "specific"]]]

    class Texts:
        def texts(self, sentences):
            return np.array([[ord(s)] for s in sentences])

    rows, embeddings = pretraining._training_items(SmallWorld, Texts(), "caption")
    assert rows.tolist() == [0, 0, 1, 1] and embeddings[:, 0].tolist() == [ord(s) for s in "bcde"]


def test_the_out_of_domain_generator_is_not_trained_on_the_world_of_the_others():
    assert [origin.stream for origin in ORIGINS.values()] == ["world", "world", "watermark"]
    assert ORIGINS["generator_sup"].condition == "caption"
    assert not ORIGINS["generator_ood"].start  # another's weights come from that world
    assert sum(origin.share for origin in ORIGINS.values()) == pytest.approx(1)


def test_no_stage_uses_a_published_bug_or_drowns_the_embedding_in_noise():
    for config in (stage.config for stage in GeneratorRecipe().stages.values()):
        assert config.published_bugs == ()
        assert 0 <= config.noise_levels[0] < config.noise_levels[1] < 0.75


@pytest.mark.parametrize(("arguments", "settings"), [
    (["generator_ood"], {"minutes": None, "device": "cpu", "further": "", "first": ""}),
    (["generator_lf", "--further", "--minutes", "3"], {"minutes": 3.0, "further": "generator_lf"}),
    (["generator_lf", "--further", "generator_sup", "--first", "large"], {"further": "generator_sup", "first": "large"}),
    (["generators", "--device", "cuda"], {"device": "cuda"})])
def test_the_command_line_says_what_is_pretrained_and_from_where(arguments, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(pretraining, "pretrain", lambda part, **given: asked.append((part, given)) or {"bytes": 1})
    scored = []
    monkeypatch.setattr(pretraining, "score", lambda part, **given: scored.append(part) or {"scores": {}})
    command_line.main(arguments)
    assert [part for part, _ in asked] == scored == (list(ORIGINS) if arguments[0] == "generators" else arguments[:1])
    assert all(settings.items() <= given.items() for _, given in asked)


def test_scores_alone_of_a_part_that_is_no_generator_are_refused(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["clip", "--only", "score"])
    assert "--only score: found the part clip, whose scores are made with it, expected a generator" in capsys.readouterr().err


def test_a_generator_of_seconds_is_saved_with_a_card_that_says_how_it_was_made(monkeypatch, tmp_path):
    """All of `pretrain` on 300 scenes: from the shipped generator, by the last stage alone."""
    origin = dataclasses.replace(ORIGINS["generator_lf"], n_scenes=300, share=1.0)
    monkeypatch.setattr(pretraining, "ORIGINS", {"generator_lf": origin})
    monkeypatch.setattr(pretraining, "N_SCORED", 60)
    monkeypatch.setattr(pretraining, "load_world", functools.partial(pretraining.load_world, n_held_out=80))
    monkeypatch.setattr(pretraining, "reference_distances", functools.partial(pretraining.reference_distances, n_components=20))
    monkeypatch.setattr(pretraining.core, "home", lambda: tmp_path)
    kept = pretraining.weights.part_folder
    shutil.copytree(kept("generator_lf"), tmp_path / "generator_lf")
    monkeypatch.setattr(pretraining.weights, "part_folder", lambda name: tmp_path / name if name == "generator_lf" else kept(name))
    shipped = pretraining.weights.part_checksum("generator_lf")
    command = ["generator_lf", "--minutes", "0.05", "--threads", "1", "--further", "--first", "discriminator"]
    command_line.main([*command, "--only", "train"])
    made = (tmp_path / "generator_lf" / "weights.safetensors").read_bytes()
    card = pretraining.weights.load_card("generator_lf")
    assert "scores" not in card
    command_line.main([*command, "--only", "score"])
    trained, card = card, pretraining.weights.load_card("generator_lf")
    assert trained.items() <= card.items() and (tmp_path / "generator_lf" / "weights.safetensors").read_bytes() == made
    assert list(card["recipe"]) == ["discriminator"] and card["recipe"]["discriminator"]["kimg"] > 0 and card["minutes"] > 0
    assert card["start"] == {"generator_lf": shipped}
    image = card["scores"]["image embeddings"]
    assert image["n"] == 60 and image["2-way (twin features)"] > 0.8 and image["structure or surface"] > 3
    assert (tmp_path / "pretrain" / "generator_lf" / "discriminator.pt").is_file() and (tmp_path / "generator_lf" / "weights.safetensors").is_file()


# ── on a GPU, which is pretended here ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("stage", STAGES)
def test_no_step_waits_for_a_gpu(gpu, stage, clip, pictures, real):
    config = recipe().stages[stage].config
    frozen = FrozenStages(clip.on("cuda"), load_resnet().on("cuda"))
    state = pretraining._state(config, pretraining._initial_networks(config, 0), frozen, real.to("cuda"), 0, "cuda")
    conditions = (torch.from_numpy(clip.images(pictures[:4])),)
    state.train_step(real.to("cuda"), conditions)       # filters are sent in the first
    gpu.waits.clear()
    for state.step in (1, config.r1_every):
        state.train_step(real.cpu().pin_memory().to("cuda", non_blocking=True), conditions)
        state.update_average()
    assert gpu.waits == []


def test_on_a_gpu_all_stages_run_with_their_sheets_and_the_generator_comes_back_from_there(gpu, clip, pictures, tmp_path):
    there = clip.on("cuda")
    sheet = Sheet(pictures[:4], there.images(pictures[:4]), there.images(pictures[4:8]), tmp_path, every=0)
    trained = pretrain_generator(pictures, np.arange(16), there.images(pictures[:16]), FrozenStages(there), recipe(0.004), tmp_path,
                                 sheet=sheet, device="cuda")
    assert {path.name.partition("-")[0] for path in tmp_path.glob("*.png")} == {*STAGES} == {*trained.history.stage}
    assert {type(tensor) for state in trained.states.values() for tensor in state.values()} == {torch.Tensor}
