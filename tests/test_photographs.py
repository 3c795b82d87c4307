"""All stages and scores of both kinds of subject: photographs by the published networks, the twin by the shipped ones.

Random weights in the published formats, a small tree without the marker that says simulated, and tiny budgets.
"""

import json
import shutil

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from published_networks import write_networks
from safetensors.torch import save_file

from mindreader import embedding, extractors, pipeline, scoring
from mindreader.companion import ch03_gan as report, plots
from mindreader.companion.ch06_encoding_cycle import cycle_scores
from mindreader.companion.chapter import Chapter
from mindreader.companion.rendering import LeftOut
from mindreader.core import Store, weights
from mindreader.experiments import experiment
from mindreader.records import Unfit
from mindreader.studies import generator_grid, mapping_grid
from mindreader.studies.sources import reconstruction_features

TINY = {"start": "none", "gan.kimg": 0.032, "gan.pseudo_kimg": 0.032, "gan.tick_kimg": 0.016, "gan.batch": 4, "gan.network.channel_base": 512,
        "gan.network.channel_max": 16, "gan.network.z_dim": 16, "gan.network.w_dim": 16, "mapping.epochs": [1, 1], "gan.low_level": True,
        "evaluate.n_bootstrap": 3, "data.max_sessions": 1, "evaluate.n_retrieval": 10, "grid.n_pictures": 6, "encoder.epochs": 1}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder of published networks, and in it an open_clip model that knows no simulated world."""
    folder = write_networks(tmp_path_factory.mktemp("published"))
    model = {"embed_dim": 24, "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 16, "patch_size": 16},
             "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}}
    torch.manual_seed(3)
    (folder / "clip").mkdir()
    save_file(open_clip.CLIP(**model).state_dict(), folder / "clip" / "open_clip_model.safetensors")
    (folder / "clip" / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": {"size": 32}}))
    return folder


@pytest.fixture(scope="module")
def photographs(tiny_twin, tmp_path_factory):
    """The tiny twin's tree without its marker."""
    root = tmp_path_factory.mktemp("photographs")
    for part in tiny_twin.iterdir():
        if part.is_dir():
            (root / part.name).symlink_to(part)
    return root


@pytest.fixture(scope="module")
def make(published, photographs, tmp_path_factory):
    """A pipeline of either kind of subject."""
    patch, home = pytest.MonkeyPatch(), tmp_path_factory.mktemp("home")
    patch.setenv("MINDREADER_HOME", str(home))
    patch.setenv("MINDREADER_NSD", str(photographs))
    patch.setenv("MINDREADER_WEIGHTS", str(published))

    def of(kind, **more):
        settings = TINY | more | ({"twin.n_voxels": 64, "twin.trials_per_session": 60} if kind == "twin" else
                                  {"subject": "subj01", "embed.clip": f"local-dir:{published / 'clip'}"})
        return pipeline.Pipeline(experiment("smoke", settings), Store(home / "store"))

    yield of
    patch.undo()


@pytest.fixture(scope="module", params=["photographs", "twin"])
def run(make, request):
    return make(request.param)


def by_published(run):
    return run.experiment.subject == "subj01"


def test_every_stage_runs_and_its_key_has_the_weights_of_its_own_kind(run):
    assert run.shows_photographs == by_published(run) == (run.origin != "twin")
    ids = run.subject.stimuli.ids
    widths = {"features": (run.true_features, 2048, 256), "low level": (run.low_level, 256, 256)}
    for stage, (made, wide, small) in widths.items():
        assert made.vectors.shape == (len(ids), wide if by_published(run) else small) and run.store.has(stage, run.key(stage, {}))
    assert run.decoded("resnet").vectors.shape[1] == 256 and np.isfinite(run.decoded("resnet").vectors).all()
    generated = run.generator("both")
    assert len(generated.history) and "low_level" in "".join(generated.history.columns)
    for part, stage in (("feature", "features"), ("resnet", "low level"), ("resnet", "generator")):
        used = run.key(stage, {})["weights"][part]
        assert (used == weights.part_checksum(part)) != by_published(run) and used == run.weights_of(part)
    assert (run.key("embeddings", {})["weights"]["clip"] == weights.part_checksum("clip")) != by_published(run)


def test_features_targets_and_losses_are_those_of_the_networks_of_its_kind(run):
    net, low, pixels = run.feature_net, run.low_level_net(), run.subject.stimuli.images[:2]
    kinds = (extractors.InceptionNet, extractors.ResNet50) if by_published(run) else (extractors.FeatureNet, extractors.LowLevelNet)
    assert (type(net), type(low)) == kinds
    np.testing.assert_allclose(run.true_features.vectors[:2], net.images(pixels), rtol=1e-3, atol=1e-4)
    raw = low.images(run.subject.stimuli.images)
    training = raw[np.isin(run.subject.stimuli.ids, run.split.train)]
    expected = np.clip((raw - training.min()) / (training.max() - training.min()), 0, 1)
    np.testing.assert_allclose(run.low_level.vectors, expected, atol=1e-4)


def test_each_score_says_which_network_made_it(run):
    far = report.distances(run, "both")
    table = report.identification(run, "both")
    grid = mapping_grid.starting_distance(run, "image", run.recipe("image"), 0)
    names = ["FID (Inception v3)", "KID (Inception v3)"] if by_published(run) else ["FD (twin features)", "KD (twin features)"]
    assert list(dict.fromkeys(far.metric)) == list(grid.metric) == names
    own = table[table.name == "both heads"]
    if by_published(run):
        stamp = f"Inception v3 of FID, weights {run.weights_of('feature')[:8]}"
        assert own.protocol.str.endswith(stamp).all() and own.protocol.str.startswith("nway/exact@1").all()
        assert (far.protocol == stamp).all() and (grid.protocol == stamp).all()
        clip = table[table.name.str.endswith(report.pictures.BY_CLIP)].protocol.iloc[0]
        assert "; CLIP local-dir, weights" in clip and "Inception" not in clip
    else:
        assert own.protocol.str.fullmatch(r"nway/exact@1( \(n_choices=5\))?").all() and "protocol" not in far
    real = run.validation(run.true_features)
    value = far.set_index(["name", "metric"]).value["brain", names[0]]
    assert value == pytest.approx(scoring.frechet_distance(reconstruction_features(run, "both"), real))


def test_whole_tables_of_chapter_03_are_made(run):
    sizes, gain, pairs = report.distances_by_size(run, "both"), report.finetuning_gain(run, "both"), report.conditions(run)
    kind = "FID" if by_published(run) else "FD"
    assert gain.metric.str.split(" ").str[0].tolist() == [kind, "KID" if by_published(run) else "KD"]
    assert [name for name in pairs if name.startswith(kind + " (")] and ("label" in sizes) == by_published(run)
    figure = plots.distances_over_size(sizes, origin=run.origin, labels=report.DISTANCES, title="")
    assert figure.axes[0].get_ylabel().startswith(kind + " (")
    values = report.distance_entries(report.distances(run, "both"), sizes, gain)
    assert values["fd"]["note"].startswith(kind + " (") and {"fd_gain", "kd_gain", "kd", "fd_limit_real"} <= set(values)
    line = generator_grid.train_row(run, generator_grid.Row("nothing pretrained", "both", "none")).lines
    assert scoring.plain_metric(line.metric.iloc[1]) == "FD" and line.metric.iloc[1].startswith(kind)
    assert line.protocol.iloc[1].startswith("Inception v3 of FID") == by_published(run)
    cycle = cycle_scores(run)
    cycle = cycle[cycle.note == ""]
    assert cycle.value.notna().all() and len(cycle) and cycle.protocol.str.contains("Inception v3 of FID").all() == by_published(run)


# ── a file is missing ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def without(make, monkeypatch, tmp_path):
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path))
    return make("photographs", **{"gan.low_level": False})


def chapter_of(run, root):
    """The same pipeline as a chapter presents it."""
    made = Chapter.__new__(Chapter)     # without reading the subject again
    vars(made).update(vars(run), name="03_gan", root=root)
    return made


def test_each_section_says_what_is_missing_and_the_rest_goes_on(without, tmp_path):
    run = chapter_of(without, tmp_path)
    for asked in (lambda: run.true_features, lambda: run.low_level, lambda: run.key("features", {})):
        with pytest.raises(Unfit, match="found no weights of the"):
            asked()
    table = report.identification(run, "both")
    parts = [table, report.two_way(table), report.table_6(table), report.distances(run, "both"), report.distances_by_size(run, "both"),
             report.finetuning_gain(run, "both"), report.conditions(run), report.extremes(run, "both")[0]]
    assert {type(part) for part in parts} == {LeftOut} and len(set(parts)) == 1 and "pt_inception" in parts[0]
    assert run.table(report.table_6(table), "table_6") == parts[0]
    figure = plots.scores_with_controls(report.two_way(table), origin=run.origin, xlabel="", title="", chance=0.5)
    assert run.show(figure, "two_way", data=table) == parts[0]
    assert report.identification_entries(run, "both", table) == {} == report.distance_entries(*[table] * 3)
    assert not list(tmp_path.rglob("*.csv"))
    numbers = pd.DataFrame({"name": ["brain"], "metric": "PixCorr", "value": 0.1, "low": 0.0, "high": 0.2, "chance": np.nan,
                            "better": "higher", "n": 9, "origin": "nsd"})
    numbers = pd.concat([numbers.assign(name=name) for name in report.contribution.ORDER])
    by_source = report.scores_by_source(run, "both", numbers)
    assert set(by_source.metric) == {report.contribution.CLIP, "PixCorr"} and by_source.value.notna().all()
    share, curve = report.brain_share(by_source), report.bottleneck_curve(run, "both")
    assert not curve["where"].str.contains("generator").any() and len(curve)
    assert plots.score_panels(by_source, share, origin="nsd", title="")
    assert {"share_clip", "eight_pixcorr"} == set(report.contribution_entries(share, by_source, curve, numbers))
    browsed = report.browse(run, "both")
    assert browsed.table["2-way, CLIP of the loss"].is_monotonic_increasing and "2-way" not in browsed.table
    assert report.sample_columns(run, "both", n=2)["from the brain"].shape[0] == 2
    cycle = cycle_scores(run)
    assert cycle.value.isna().all() and cycle.note.str.startswith("not computed: found no weights of the Inception v3 of FID").all()


def test_tables_3_and_4_go_on_without_their_distances_and_the_third_mapper(without):
    image, third = (next(row for row in mapping_grid.TABLE4 if row.mapper == mapper) for mapper in ("f_mi", "f_res"))
    lines = mapping_grid.run_grid(without, [image, third], 1)
    assert lines[lines.mapper == "f_mi"].value.notna().all() and lines[lines.mapper == "f_mi"].note.str.contains("pt_inception").all()
    assert lines[lines.mapper == "f_res"].note.str.startswith("not computed: found no weights of the ResNet-50 of VICReg").all()


def test_a_file_that_comes_later_is_used_and_chunks_of_a_killed_run_are_found(without, published, tmp_path, monkeypatch):
    assert without.missing("feature")
    shutil.copy(published / "resnet50.pth", tmp_path)
    assert without.missing("low_level") == "" and without.missing("feature")
    monkeypatch.setattr(embedding.frozen, "CHUNK", 1)
    net, asked, pictures = without.low_level_net("last"), [], without.subject.stimuli
    net.batch, images = 16, net.images

    def dying(pixels):
        asked.append(len(pixels))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return images(pixels)

    net.images = dying
    with pytest.raises(KeyboardInterrupt):
        embedding.embed_pictures(pictures, net, kept=tmp_path)
    done = embedding.embed_pictures(pictures, net, kept=tmp_path)
    assert asked[:2] == [16, 16] and sum(asked[2:]) == len(pictures.ids) - 16 > 16
    np.testing.assert_array_equal(done.vectors, images(pictures.images))
