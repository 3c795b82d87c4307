"""Chapter 07's numbers: on held-out scenes, with decoders and shares that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mindreader.pretraining import evaluation
from mindreader.companion.chapter import start
from mindreader.world.mentions import FACTORS
from mindreader.core import Covers, record
from mindreader.core.params import ParameterError
from mindreader.companion.ch07_pretrained import generators, held_out, interpolation, shipped_clip
from mindreader.world.rendering import render
from mindreader.core.weights import load_card

SMALL = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "evaluate.n_retrieval": 20, "evaluate.n_bootstrap": 20}
# 100 held-out scenes, 67 of them for the generators


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINDREADER_HOME", str(tmp_path_factory.mktemp("home")))
        yield start("07_pretrained", "smoke", overrides=SMALL)


def test_scenes_are_those_after_the_last_that_clip_was_trained_on(run):
    data, scenes = load_card("clip")["data"], held_out.held_out(run)
    assert len(scenes) == 100 and data["world"].startswith("world-")
    seen = held_out.trained_on(run)
    assert len(seen) == held_out.sizes(run).training
    assert not {s.seed for s in seen.scenes} & {s.seed for s in scenes.scenes}
    assert np.array_equal(scenes.pictures[3], render(scenes.scenes[3]))
    assert held_out.out_of_domain(run).scenes[0].stream == "watermark"


def test_more_scenes_than_were_held_out_are_refused(run):
    with pytest.raises(ValueError, match="asked for 99999 scenes, expected at most the"):
        held_out.held_out(run, n=99999)


def test_a_real_subject_is_refused(run, monkeypatch):
    monkeypatch.setattr(type(run), "origin", "nsd")
    with pytest.raises(ParameterError, match="expected subject='twin01'"):
        held_out.only_simulated(run)


def test_specific_sentences_find_their_picture_and_vague_ones_do_not(run):
    table = shipped_clip.top1(run)
    there = table[table.direction == "picture to sentence"].set_index("name")
    assert there.low["specific sentence"] > 0.5
    assert there.value["specific sentence"] > there.value["partial sentence"] > there.value["vague sentence"]
    assert (there.chance == 1 / 20).all()


def test_classes_are_found_by_name(run):
    table = shipped_clip.zero_shot(run)
    assert table.value.is_monotonic_decreasing and table.value.mean() > 0.8
    assert table.value.mean() == pytest.approx(shipped_clip.mean_zero_shot(run).value[0])
    assert set(table.kind) == {"things", "stuff"}


def test_a_decoder_finds_what_was_planted_and_nothing_in_noise(rng):
    labels = rng.random(400) < 0.5
    labels = np.stack([labels, ~labels], 1)
    seen = rng.standard_normal((400, 20))
    table = {name: auc(shipped_clip._cross_validated(x, labels, 0), labels) for name, x in
             {"noise": seen, "planted": seen + 2.0 * labels[:, :1]}.items()}
    assert abs(table["noise"] - 0.5) < 0.08 and table["planted"] > 0.95


def test_a_decoder_without_information_is_at_chance_and_not_below(rng):
    labels = (np.arange(60) % 3 == 0)[:, None]
    found = [auc(shipped_clip._cross_validated(rng.standard_normal((60, 3)), labels, seed), labels)
             for seed in range(30)]
    assert abs(np.mean(found) - 0.5) < 0.05


def auc(guessed, labels):
    present, absent = (guessed[:, 0][labels[:, 0] == there] for there in (True, False))
    return (present[:, None] > absent).mean()


def test_what_captions_mention_is_decoded_better_from_clip_than_from_pixels(run):
    table = shipped_clip.forgotten(run)
    assert set(table.name) == {factor.name for factor in FACTORS}
    assert (table.low <= table.value).all() and (table.value <= table.high).all()
    ground = table[table.name == "ground"].set_index("input").value
    assert ground[shipped_clip.CLIP] > ground[shipped_clip.PIXELS]


def test_generators_are_scored_on_held_out_scenes_from_both_embeddings(run):
    table = generators.generator_scores(run)
    assert {"language-free"} <= set(table.generator) and set(table.condition) == {"picture", "caption"}
    ours = table[(table.generator == "language-free") & (table.condition == "picture")].set_index("metric")
    assert ours.value["2-way (twin features)"] > 0.8 and (ours.n == held_out.sizes(run).scored).all()
    wide = generators.generator_table(run).set_index("name")
    gaussian = wide.filter(like="Gaussian", axis=0)
    assert gaussian["FD / Gaussian's"].tolist() == [1.0]
    assert wide["FD / Gaussian's"][evaluation.REAL_SET] < 0.7


def test_the_critic_is_flattered_by_fog_and_the_net_outside_is_not(run):
    table = generators.evaluation_networks(run)
    fog = table[(table.name == "flattered fog") & (table.ways > 2)].set_index("network").value
    assert fog["CLIP, inside the loss"] > fog["feature net, outside"] + 0.3
    mean = table[(table.name == "mean picture") & (table.ways == 2)]
    assert (mean.value - 0.5).abs().max() < 0.1


def test_real_pictures_of_both_worlds_are_told_apart(run):
    table = generators.taken_out_of_domain(run).set_index("name")
    assert table.value["real, other world"] > table.value["real, our world"] + 0.5
    assert "language-free generator" in table.index


def test_content_follows_the_embedding_and_starts_at_zero(run):
    table = interpolation.content_along(run)
    along = table[table.name == interpolation.ALONG].set_index("share").value
    assert along[0.0] == 0 and along.is_monotonic_increasing and along[1.0] > 0.3
    across = table[table.name == interpolation.ACROSS].value
    assert across.nunique() == 1 and across.iloc[0] < along[1.0]


def test_share_of_z_is_none_for_equal_draws_and_all_for_equal_pictures(run, rng):
    of_condition = np.repeat(rng.standard_normal((30, 1, 5)), 4, 1)
    of_z = rng.standard_normal((30, 4, 5))
    assert interpolation._share(of_condition, run)[0] == pytest.approx(0, abs=1e-9)
    assert interpolation._share(of_z, run)[0] == pytest.approx(1, abs=0.1)
    value, low, high = interpolation._share(of_condition + of_z, run)
    assert low < value < high and value == pytest.approx(0.5, abs=0.12)


def test_every_number_of_the_chapter_has_its_count(run):
    values = shipped_clip.clip_summary(run) | generators.generator_summary(run) | interpolation.condition_summary(run)
    for key in ("top1_captions", "zero_shot", "sun_clip", "sun_pixels", "lf_way_2", "lf_fd_ratio", "fog_top1_by_clip",
                "fog_top1_by_net", "walk_whole", "walk_z", "z_detail", "taken_lf"):
        assert np.isfinite(values[key]["ours"]) and values[key]["n"] > 0, key


def test_intervals_cover_shipped_networks_or_what_was_fitted_on_top(run, tmp_path):
    values = shipped_clip.clip_summary(run) | generators.generator_summary(run) | interpolation.condition_summary(run)
    assert record("07", {"origin": "twin", "preset": "smoke", "values": values}, root=tmp_path)
    covers = {key: values[key]["covers"] for key in ("zero_shot", "lf_way_2", "sun_pixels", "taken_lf", "walk_z")}
    assert [*covers.values()] == [Covers.PICTURES_ONE_TRAINING] * 2 + [Covers.PICTURES_ONE_FIT] * 2 + [Covers.PAIRS_ONE_TRAINING]


def test_grids_have_as_many_rows_in_each_column(run):
    for columns, n in ((generators.truths_and_generated(run, 4), 4), (generators.evaluated_columns(run, 3), 3),
                       (generators.other_world(run, 3), 3), (interpolation.walk(run, 3, 4), 3),
                       (interpolation.draws(run, 3, 2), 3)):
        assert {len(pictures) for pictures in columns.values()} == {n}
        assert all(pictures.dtype == np.uint8 for pictures in columns.values())


def test_blurring_keeps_what_sixteen_pixels_hold():
    flat = np.full((2, 64, 64, 3), 90, np.uint8)
    assert np.array_equal(interpolation._blurred(flat), flat)
    fine = flat + (np.indices((64, 64)).sum(0) % 2 * 20).astype(np.uint8)[None, :, :, None]
    assert np.ptp(interpolation._blurred(fine)[:, 8:-8, 8:-8]) == 0
