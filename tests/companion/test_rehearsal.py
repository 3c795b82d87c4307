"""A rehearsal: NSD's layout without its marker, weights in the published formats, chapters that run, and nothing that stays."""

import json
import mmap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindreader import core
from mindreader.checkpoints import PUBLISHED, import_file, open_checkpoint, recognise
from mindreader.companion.plots.common import ORIGIN_LABEL
from mindreader.companion.rehearsal import __main__ as command, chapters, folder, meter, published, sizes
from mindreader.core.weights import load_part
from mindreader.embedding import EmbedConfig, is_of_simulated_world, load_clip
from mindreader.experiments import experiment
from mindreader.generator import TrainedGan
from mindreader.nsd import MARKER
from mindreader.pipeline import Pipeline
from mindreader.twin import TwinConfig, write_twin

TINY = TwinConfig(n_voxels=40, n_sessions=1, trials_per_session=12)
TO_ITS_END = ("01_screening", "07_pretrained")  # a chapter that runs, and the one that is about the simulated subject alone


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """Exit status, folder and record of a cut that is kept."""
    at = tmp_path_factory.mktemp("rehearsed")
    before = _committed()
    status = command.main([*TO_ITS_END, "--cut", "--keep", "--folder", str(at), "--record", str(at / "record.csv")])
    assert _committed() == before
    return status, next(at.glob("rehearsal-*")), pd.read_csv(at / "record.csv", dtype={"name": str}, keep_default_na=False)


def _committed():
    """When the figures of these chapters were written, and which folders their runs at the preset have in this checkout."""
    places = [path for stem in TO_ITS_END for path in (core.FIGURES / stem).rglob("*")]
    runs = {path for stem in TO_ITS_END for path in (core.FIGURES / "runs").glob(f"{stem}__preset-paper__subject-subj01*")}
    return {path: path.stat().st_mtime_ns for path in places}, runs


def test_a_cut_of_every_kind_of_chapter_runs(rehearsed):
    status, _, record = rehearsed
    assert status == 0 and set(record.chapter) == set(TO_ITS_END)
    stages = record[record.kind == "stage"]
    assert {"embeddings"} <= set(stages.name) and (record.seconds > 0).all() and (record.memory_gb > 0.05).all()
    assert record[record.kind == "cell"].seconds.sum() > stages.seconds.sum()


def test_every_result_of_it_says_that_it_is_none(rehearsed):
    checkout = rehearsed[1] / "checkout"
    written = [path for path in checkout.glob("figures/runs/*/**/*.json") if "01_screening" in str(path)]
    assert {path.stem for path in written} == {"examples", "kept", "01_screening"}     # nothing was planted: no AUC
    assert {json.loads(path.read_text())["origin"] for path in written} == {"rehearsal"}
    assert not list(checkout.glob("figures/0*")) and "REHEARSAL" in ORIGIN_LABEL["rehearsal"]
    home = rehearsed[1] / "home"
    assert (home / "store" / "embeddings").is_dir() and (home / "weights" / sizes.GENERATOR).is_dir()


@pytest.fixture
def nsd(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_NSD", str(folder.write_folder(tmp_path / "nsd", TINY)))
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    return tmp_path / "nsd"


def test_its_folder_is_taken_for_photographs_and_labelled_as_a_rehearsal(nsd):
    run = Pipeline(experiment("smoke", {"subject": "subj01"}))
    assert run.shows_photographs and run.origin == "rehearsal" and not (nsd / MARKER).exists()
    assert not list(nsd.parent.glob("*.plant.npz"))


def test_its_trials_are_those_of_the_simulated_subject(nsd, tmp_path):
    write_twin(tmp_path / "twin", TINY, seed=0)
    files = [path.relative_to(nsd) for path in nsd.rglob("*.hdf5")]
    assert len(files) == 2 and all((nsd / file).read_bytes() == (tmp_path / "twin" / file).read_bytes() for file in files)


@pytest.mark.parametrize("name", [*sizes.EVALUATION, *sizes.METRICS])
def test_a_file_of_random_weights_is_known_for_what_it_is(tmp_path, name):
    path = published.write_network(tmp_path, name)
    kind = next(one.kind for one in PUBLISHED if one.name == name)
    with open_checkpoint(path) as checkpoint:
        assert recognise(checkpoint) == kind


def test_a_clip_of_random_weights_is_one_of_photographs(tmp_path):
    config = EmbedConfig(clip=f"local-dir:{published.write_clip_folder(tmp_path / 'clip', sizes.CUT.clip)}")
    clip = load_clip(config)
    assert not is_of_simulated_world(config) and clip.n_dims == 32
    assert np.isfinite(clip.texts(["a dog", "a bus"])).all()


def test_a_pickle_of_random_weights_becomes_a_generator_of_its_sizes(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    made, = import_file(published.write_generator(tmp_path / "x.pkl", sizes.CUT.generator))
    assert TrainedGan.from_part(*load_part(made.folder)).network == sizes.CUT.generator


def test_the_meter_counts_a_part_to_the_one_that_it_is_within(tmp_path):
    measured = meter.Meter(tmp_path / "parts.jsonl")
    measured.begin("cell", "outer")
    measured.begin("stage", "inner")
    held = mmap.mmap(-1, 2**27, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)     # from the system, and given back: malloc may keep what it has
    np.frombuffer(held, np.uint8).fill(1)
    time.sleep(0.05)
    held.close()
    measured.end()
    measured.begin("stage", "idle")
    measured.end()
    measured.end()
    inner, idle, outer = map(json.loads, (tmp_path / "parts.jsonl").read_text().splitlines())
    assert outer["memory"] >= inner["memory"] and outer["seconds"] >= inner["seconds"] >= 0.05
    if Path("/proc/self/clear_refs").exists():
        assert inner["memory"] > idle["memory"] + 2**26


def test_a_failed_chapter_gives_its_errors_but_not_what_only_follows_from_them():
    def cell(*errors):
        return {"outputs": [chapters.nbformat.v4.new_output("error", ename=name, evalue=value) for name, value in errors]}

    notebook = chapters.nbformat.v4.new_notebook(cells=[])
    notebook["cells"] = [cell(("Unfit", "\x1b[31mno network\x1b[0m")), cell(("NameError", "x")), cell(("ValueError", "y"))]
    assert chapters._errors(chapters.nbformat.from_dict(notebook)) == ["Unfit: no network", "ValueError: y"]


def test_what_was_made_is_removed_however_it_ends(tmp_path, monkeypatch):
    def stopped(at, size):
        (at / "half").write_text("x")
        raise KeyboardInterrupt

    monkeypatch.setattr(chapters, "prepare", stopped)
    with pytest.raises(KeyboardInterrupt):
        command.main(["--cut", "--folder", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_a_chapter_that_is_not_there_is_named(capsys):
    with pytest.raises(SystemExit):
        command.main(["99_nothing"])
    assert "no chapter '99_nothing'; there is 00_subject" in capsys.readouterr().err


def test_the_paper_s_shapes_are_not_cut():
    for size in (sizes.SHAPES, sizes.PROPORTION):
        run, paper = experiment("paper", size.settings), experiment("paper")
        assert (size.subject.n_voxels, run.data.image_size, size.generator) == (15724, 256, paper.gan.network)
        assert run.embed == paper.embed and size.clip is None and run.mapping.pad_to == paper.mapping.pad_to
    assert experiment("paper", sizes.PROPORTION.settings).gan.batch == experiment("paper").gan.batch
