"""The whole pipeline at smoke size: stages found again, and keys that change when they must (see test_cold_runs)."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from closed_folders import read_only

from mindreader import pipeline
from mindreader.companion.ch01_screening import screening
from mindreader.companion.chapter import start
from mindreader.experiments import experiment
from mindreader.records import Diverged, LayoutError
from mindreader.core import Store, fingerprint

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "gan.kimg": 0.016}


def run_at(home, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(home))
    return pipeline.Pipeline(experiment("smoke", TINY))


def test_finished_stages_are_found_by_another_pipeline(tmp_path, monkeypatch):
    mapped = run_at(tmp_path, monkeypatch).mapped["image"]

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(pipeline.mapping, "fit_mapper", refuse)
    with read_only(tmp_path):   # a home on a read-only mount, or another user's
        again = run_at(tmp_path, monkeypatch).mapped["image"]
        assert np.array_equal(again.vectors, mapped.vectors)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A pipeline with a store of its own; the simulated subject is the tests'."""
    return pipeline.Pipeline(experiment("smoke", TINY), Store(tmp_path_factory.mktemp("store")))


def test_recipes_that_begin_alike_share_their_first_phase(run, monkeypatch):
    recipe, fits, fit = run.experiment.mapping, [], pipeline.mapping.fit_mapper
    alone = fit(run.subject.train, run.subject.validation, run.aims("caption"), recipe,
                seed=run.experiment.child_seed("mapping/caption"))

    def count(*given, **settings):
        fits.append((given[3].loss, given[3].auxiliary, given[3].epochs, settings["start"] is not None))
        return fit(*given, **settings)

    monkeypatch.setattr(pipeline.mapping, "fit_mapper", count)
    both = run.mapper("caption")
    run.mapper("caption", replace(recipe, loss="mse+cos"))
    run.mapper("caption", replace(recipe, loss="mse+cos", auxiliary="vicreg"))
    assert fits == [("mse+cos", "none", (1,), False), ("mse+cos then all", "none", (1, 1), True),
                    ("mse+cos", "vicreg", (1, 1), True)]
    for name, tensor in alone.network.state_dict().items():
        assert torch.equal(tensor, both.network.state_dict()[name]), name


def test_another_repeat_is_another_seed_and_keeps_the_first_ones_key(run):
    recipe = run.recipe("caption")
    assert fingerprint(run.mapper_key("caption", recipe)[1]) == fingerprint(run.key("mapped", {"space": "caption"}))
    again = run.mapper("caption", recipe, 1)
    assert not torch.equal(again.network.out.weight, run.mapper("caption").network.out.weight)
    mine = run.decoded("caption", recipe, 1)
    assert set(mine.image_ids) <= set(run.split.validation) and len(mine) == len(run.subject.validation)


def test_the_third_mapper_aims_at_the_low_level_net(run):
    fitted, embeddings = run.mapper("resnet"), run.low_level
    assert embeddings.vectors.min() >= 0 and embeddings.vectors.max() <= 1
    seen = run.training(embeddings).vectors
    assert (seen.min(), seen.max()) == (0, 1)
    assert fitted.config.sigmoid and fitted.space == "resnet" and fitted.network.channels.out_channels == embeddings.vectors.shape[1]
    assert 0 <= run.decoded("resnet").vectors.min() and run.decoded("resnet").vectors.max() <= 1


def test_a_training_that_diverged_is_remembered_and_not_tried_again(run, monkeypatch):
    wild = replace(run.experiment.mapping, loss="mse", epochs=(1,), learning_rate=1e30)
    with pytest.raises(Diverged, match="the loss '1 squared error' became .* step 2 of epoch 1"):
        run.decoded("caption", wild)

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(pipeline.mapping, "fit_mapper", refuse)
    with pytest.raises(Diverged, match="step 2 of epoch 1"):
        run.decoded("caption", wild)


@pytest.mark.parametrize("change, moves, stays", [
    ({"gan.kimg": 0.024}, {"generator"}, {"subject", "embeddings", "mapped", "encoder", "categories"}),
    ({"mapping.clamp": 1.0}, {"mapped", "generator", "categories", "mapped low"},
     {"embeddings", "captions", "encoder", "low level"}),
    ({"screen.threshold": 0.6}, {"captions", "mapped"}, {"embeddings", "encoder"}),
    ({"seed": 1}, {"subject", "embeddings", "mapped", "generator", "encoder"}, set()),
])
def test_a_setting_moves_the_stages_that_it_could_change(change, moves, stays):
    def keys(overrides):
        run = pipeline.Pipeline(experiment("smoke", overrides))
        return {stage: fingerprint(run.key(stage, {})) for stage in pipeline.NEEDS}

    usual, changed = keys({}), keys(change)
    moved = {stage for stage in usual if usual[stage] != changed[stage]}
    assert moves <= moved and not (stays & moved)


def test_the_paper_preset_says_what_is_missing_and_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.delenv("MINDREADER_NSD", raising=False)
    with pytest.raises(LayoutError, match="no NSD at .*MINDREADER_NSD.*access"):
        start("02_mapping", "paper")


def test_captions_numbered_within_each_picture_give_the_same_targets(run, tmp_path):
    """Some COCO-like files count the captions of each picture from 0; what was screened out must stay out."""
    coco = run.layout.coco
    content, counts = json.loads((coco / "captions_train2017.json").read_text()), Counter()
    for record in content["annotations"]:
        record["id"] = counts[record["image_id"]]
        counts[record["image_id"]] += 1
    (tmp_path / "captions_train2017.json").write_text(json.dumps(content))
    for stem in ("instances", "stuff"):
        (tmp_path / f"{stem}_train2017.json").symlink_to(coco / f"{stem}_train2017.json")
    again = pipeline.Pipeline(experiment("smoke", TINY | {"data.coco_folder": str(tmp_path)}), run.store)
    assert not again.subject.stimuli.captions.caption_id.is_unique and not run.caption_scores.kept.all()
    assert len(again.targets["caption"]) == run.caption_scores.kept.sum()
    np.testing.assert_array_equal(again.targets["caption"].vectors, run.targets["caption"].vectors)
    np.testing.assert_array_equal(again.truth["caption"].vectors, run.truth["caption"].vectors)


def test_what_needs_no_class_runs_without_their_files(run, tmp_path):
    (tmp_path / "captions_train2017.json").symlink_to(run.layout.coco / "captions_train2017.json")
    again = pipeline.Pipeline(experiment("smoke", TINY | {"data.coco_folder": str(tmp_path)}), run.store)
    np.testing.assert_array_equal(again.mapped["image"].vectors, run.mapped["image"].vectors)
    assert screening.screening_summary(again) == screening.screening_summary(run)
    assert len(again.stimuli.captions) == len(run.stimuli.captions)
    with pytest.raises(LayoutError, match="no instances_train2017.json in .*, or set data.coco_folder"):
        again.stimuli.annotations
