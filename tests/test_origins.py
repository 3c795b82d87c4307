"""Photographs and the networks of the simulated world: each stage, chapter and record keeps them apart, before it reads."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from published_networks import INCEPTION_FILE, RESNET_FILE

from mindreader import embedding, nsd, pipeline
from mindreader.companion import chapter
from mindreader.companion.ch02_mapping import ablation
from mindreader.companion.ch03_gan import finetuning
from mindreader.companion.ch06_encoding_cycle import cycle_scores, cycles_summary
from mindreader.core import Store, weights
from mindreader.experiments import experiment
from mindreader.records import LayoutError, Unfit
from mindreader.studies import held_out, mapping_grid


@pytest.fixture
def run_of(tiny_twin, tmp_path, monkeypatch):
    """Makes a pipeline of a subject called NSD's, from a tree with or without the twin's marker, that must not be read."""
    def make(marker=False, **overrides):
        root = tmp_path / f"nsd{marker}"
        if not root.is_dir():
            root.mkdir()
            for part in tiny_twin.iterdir():
                if part.is_dir() or marker:
                    (root / part.name).symlink_to(part)
        monkeypatch.setenv("MINDREADER_NSD", str(root))
        settings = {"subject": "subj01"} | {name.replace("__", "."): value for name, value in overrides.items()}
        return pipeline.Pipeline(experiment("smoke", settings), Store(tmp_path / "store"))

    monkeypatch.setattr(nsd, "load_subject", lambda *a, **k: pytest.fail("the subject was read"))
    return make


@pytest.fixture
def another_clip(monkeypatch):
    """As if the experiment's CLIP knew photographs."""
    monkeypatch.setattr(embedding, "is_of_simulated_world", lambda config: False)
    monkeypatch.setattr(embedding, "clip_checksum", lambda config: "x")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """As if the published networks' files were there; they must not be read."""
    for name in (INCEPTION_FILE, RESNET_FILE):
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path))
    return tmp_path


def refused(ask):
    """The network that was refused, after the form of the message is checked."""
    with pytest.raises(Unfit) as raised:
        ask()
    message = str(raised.value)
    assert isinstance(raised.value, LayoutError) and "\n" not in message and "trained on the simulated world, for subj01" in message
    assert " expected a network that knows photographs; " in message
    return message


def lacking(ask):
    """The sentence on a published network whose file is missing."""
    with pytest.raises(Unfit, match="found no weights of the .* expected .* there for photographs; nothing is downloaded") as raised:
        ask()
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("stage", pipeline.NEEDS)
def test_every_stage_refuses_the_little_clip_for_photographs_before_it_reads(run_of, published, stage):
    photographs, marked = run_of(), run_of(marker=True)
    twin = pipeline.Pipeline(experiment("smoke"), photographs.store)
    assert (photographs.shows_photographs, twin.shows_photographs) == (False, False)  # the variable names the marked tree now
    assert marked.key(stage, {})["weights"] == twin.key(stage, {})["weights"]
    photographs = run_of()
    assert photographs.shows_photographs
    if stage not in ("subject", "low level", "mapped low", "features"):
        assert "found embed.clip 'mini'" in refused(lambda: photographs.key(stage, {}))
        assert "override embed.clip" in refused(lambda: photographs.clip)
    else:
        assert photographs.key(stage, {})


@pytest.mark.parametrize("stage", pipeline.NEEDS)
def test_every_stage_refuses_a_shipped_generator_for_photographs_before_it_reads(run_of, another_clip, published, stage, tmp_path):
    (tmp_path / "mine").mkdir()
    for name in (weights.CARD, weights.FILE):  # a copy under another name is no other generator
        (tmp_path / "mine" / name).symlink_to(weights.part_folder("generator_lf") / name)
    for start in ("generator_lf", "generator_sup", "generator_ood", str(tmp_path / "mine")):
        run = run_of(start=start)
        if stage in ("generator", "reconstructions", "starting distance"):
            assert f"found the generator {start!r}" in refused(lambda run=run: run.key(stage, {}))
            assert "'none' to train one" in refused(lambda run=run: run.start)
        else:
            assert run.key(stage, {})
    assert run_of(start="none").key(stage, {})


def test_a_published_network_that_is_missing_is_named_where_it_is_used(run_of, another_clip, monkeypatch):
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)
    run = run_of(start="none", gan__low_level=True)
    assert INCEPTION_FILE in lacking(lambda: run.feature_net) == lacking(lambda: run.true_features) == run.missing("feature")
    assert RESNET_FILE in lacking(lambda: run.low_level) == lacking(lambda: run.aims("resnet")) == run.missing("low_level")
    assert lacking(lambda: run._helpers("seed", run.store.root)) == lacking(lambda: run.key("generator", {})) == run.missing("low_level")
    assert run.missing("embed") == "" and run_of(start="none").key("generator", {})     # without that loss none is asked for


def test_published_weights_are_in_the_keys_of_the_stages_that_use_them(run_of, another_clip, published):
    run, low = run_of(start="none"), run_of(start="none", gan__low_level=True)
    before = {stage: (run.key(stage, {}), low.key(stage, {})) for stage in pipeline.NEEDS}
    assert run.scored_by() == f"Inception v3 of FID, weights {run.weights_of('feature')[:8]}" and len(run.weights_of("feature")) == 64
    (published / INCEPTION_FILE).write_bytes(b"others")
    changed = {stage for stage in pipeline.NEEDS if run.key(stage, {}) != before[stage][0]}
    assert changed == {"features", "starting distance"}
    (published / RESNET_FILE).write_bytes(b"others")
    changed = {stage for stage in pipeline.NEEDS if run.key(stage, {}) != before[stage][0]} - changed
    assert changed >= {"low level", "mapped low"} and not changed & {"generator", "pseudo generator", "mapped"}
    assert {stage for stage in pipeline.NEEDS if low.key(stage, {}) != before[stage][1]} >= {"generator", "pseudo generator"}


def test_another_device_is_in_the_keys_of_what_it_computes(tmp_path):
    run = pipeline.Pipeline(experiment("smoke"), Store(tmp_path))
    before = {stage: run.key(stage, {}) for stage in pipeline.NEEDS}
    run.experiment = experiment("smoke", {"device": "cuda"})
    assert all(run.key(stage, {}) != before[stage] for stage in pipeline.NEEDS)


def test_the_checksum_of_a_users_clip_is_in_the_key(run_of, another_clip, monkeypatch):
    run = run_of(start="none")
    before = run.key("embeddings", {})
    monkeypatch.setattr(embedding, "clip_checksum", lambda config: "y")
    assert before["weights"] == {"clip": "x"} and run.key("embeddings", {}) != before


def test_the_twin_meets_no_refusal(tmp_path):
    run = pipeline.Pipeline(experiment("smoke"), Store(tmp_path))
    run.check_networks(("embed", "start"))
    assert all(run.key(stage, {}) for stage in pipeline.NEEDS) and run.clip.n_dims
    assert (run.feature_net.space, run.low_level_net().space, run.scored_by()) == ("twin features", "resnet low", "")
    assert run.weights_of("feature") == weights.part_checksum("feature")


CHAPTERS = ("00_subject", "01_screening", "02_mapping", "03_gan", "04_microstimulation", "05_category_auc", "06_encoding_cycle",
            "07_pretrained")


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapter_says_at_once_which_network_to_give(run_of, monkeypatch, name, request):
    run_of()
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: SimpleNamespace(origin="nsd")))
    if name in ("00_subject", "07_pretrained"):  # one leaves CLIP out, the other is about the simulated subject only
        assert chapter.start(name, "smoke", subject="subj01").origin == "nsd"
        return
    assert "found embed.clip 'mini'" in refused(lambda: chapter.start(name, "smoke", subject="subj01"))
    request.getfixturevalue("another_clip")
    if name in ("03_gan", "04_microstimulation", "06_encoding_cycle"):
        assert "found the generator 'generator_lf'" in refused(lambda: chapter.start(name, "smoke", subject="subj01"))
    assert chapter.start(name, "smoke", subject="subj01", overrides={"start": "none"}).origin == "nsd"


def test_the_simulated_subjects_record_is_never_shown_as_nsds():
    run = SimpleNamespace(origin="nsd", experiment=experiment("smoke", {"subject": "subj02"}))
    why = "Left out: the committed record is the simulated subject's, and this run is about subj02; another ablation"
    grid, trained, (splits, source) = ablation.fitted(run), finetuning.finetuned(run), held_out.recorded(run)
    assert not len(grid.scores) and not grid.hits and grid.note.startswith(why)
    assert not len(trained.scores) and trained.source.startswith(why) and not len(finetuning.table_1(trained))
    assert splits.empty and source.startswith(why)


def test_what_no_network_fits_is_left_out_of_a_grid_and_the_rest_goes_on(monkeypatch):
    run = SimpleNamespace(origin="nsd", shows_photographs=True, experiment=experiment("smoke", {"subject": "subj01"}),
                          missing=lambda *names: "no network" if "feature" in names else "")
    row = next(row for row in mapping_grid.TABLE4 if row.mapper == "f_res")
    monkeypatch.setattr(mapping_grid, "row_key", lambda *a: "key")
    monkeypatch.setattr(mapping_grid, "row_batch", lambda *a: (_ for _ in ()).throw(Unfit("no network")))
    lines = mapping_grid.row_scores(run, row, 0)
    assert lines.value.isna().all() and (lines.note == "not computed: no network").all() and (lines.n == 0).all()
    assert mapping_grid.hits(run, [row], 1) == {}
    batch = SimpleNamespace()
    one = pd.DataFrame({"name": ["x"], "metric": ["retrieval forward"], "value": [0.5], "protocol": ["p"]})
    monkeypatch.setattr(mapping_grid, "row_batch", lambda *a: (batch, ""))
    monkeypatch.setattr(mapping_grid.scoring, "score_batch", lambda *a, **k: one)
    monkeypatch.setattr(mapping_grid, "_crowding", lambda *a: {"skewness": np.nan, "blind_skewness": np.nan})
    monkeypatch.setattr(mapping_grid, "starting_distance", lambda *a: pytest.fail("a network of the simulated world scored photographs"))
    lines = mapping_grid.row_scores(run, next(row for row in mapping_grid.TABLE3 if row.mapper == "f_mi"), 0)
    assert (lines.note == "distances not computed: no network").all() and (lines.value == 0.5).all()


def test_trainings_that_cannot_be_scored_are_left_out_with_the_reason(monkeypatch):
    run = SimpleNamespace(origin="nsd", experiment=experiment("smoke", {"subject": "subj01"}))
    reason = Unfit("no network")

    def fail(*_):
        raise reason

    monkeypatch.setattr(finetuning.generator_grid, "train_rows", fail)
    monkeypatch.setattr(held_out, "held_out_scores", fail)
    assert finetuning.finetuned(run, "tables").source == "Left out: no network" == held_out.recorded(run, "all")[1]


def test_the_cycle_goes_on_without_an_evaluation_network(run_of, another_clip, monkeypatch):
    run = run_of(start="none")
    monkeypatch.setattr(type(run), "origin", "nsd")
    table = cycle_scores(run)
    assert table.value.isna().all() and (table.n == 0).all() and table.note.str.startswith("not computed: found no weights of the Inception v3").all()
    assert cycles_summary(table) == {}
