"""The simulated subject: what was planted can be recovered, and what was written is whole or not there."""

import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from closed_folders import read_only

from mindreader.core import files
from mindreader.twin import subject as twin
from mindreader.twin.brain import FEATURES
from mindreader.nsd.loader import DataConfig, Layout, load_subject
from mindreader.nsd.regions import ATLASES
from mindreader.world.sampling import draw_scene
from mindreader.world.scenes import factors
from mindreader.twin.session import estimate_ncsnr
from mindreader.twin.subject import TwinConfig, ensure_twin, is_complete, read_plant, write_twin

SMALL = TwinConfig(n_voxels=40, n_sessions=1, trials_per_session=12)     # 8 pictures


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory):
    return write_twin(tmp_path_factory.mktemp("small") / "a", SMALL, seed=1)


# --- what is written -------------------------------------------------------------------------------------------

def test_the_design_has_nsds_keys_as_doubles_from_one(tiny_twin):
    mat = loadmat(Layout(tiny_twin, "subj01").expdesign)
    assert mat["__header__"].strip() == b"MATLAB 5.0 MAT-file, a simulated subject"  # and not when it was written
    shapes = {"masterordering": (1, 360), "subjectim": (8, 120), "sharedix": (1, 12), "stimpattern": (3, 12, 75),
              "basiccnt": (3, 3)}
    assert {k: mat[k].shape for k in shapes} == shapes and mat["masterordering"].dtype == np.float64
    assert (mat["subjectim"][:, :12] == mat["sharedix"]).all() and (np.diff(mat["sharedix"]) > 0).all()
    assert (mat["stimpattern"].sum((1, 2)) == 120).all() and (np.arange(1, 4) @ mat["basiccnt"] == 120).all()


def test_the_tables_have_nsds_columns(tiny_twin):
    layout = Layout(tiny_twin, "subj01")
    header = layout.stim_info.read_text().splitlines()[0].split(",")
    assert len(header) == 41 and header[0] == "" and header[1:5] == ["cocoId", "cocoSplit", "cropBox", "loss"]
    log = pd.read_csv(layout.responses, sep="\t")
    assert log.shape == (240, 19) and list(log.columns[-2:]) == ["BUTTON", "MISSINGDATA"]
    assert log.groupby("SESSION").RUN.nunique().eq(12).all() and log.TRIAL.min() == 1
    again = log.duplicated("73KID").to_numpy()
    np.testing.assert_array_equal(log.ISOLD, again)


def test_betas_are_int16_with_one_chunk_per_voxel_and_zero_outside_the_brain(tiny_twin):
    layout = Layout(tiny_twin, "subj01")
    brain = nib.load(layout.func / "brainmask.nii.gz").get_fdata() > 0
    with h5py.File(layout.session(1)) as file:
        betas = file["betas"]
        assert betas.dtype == np.int16 and betas.chunks == (120, 1, 1, 1) and betas.shape == (120, *brain.T.shape)
        assert (betas[:][:, ~brain.T] == 0).all() and (betas[:][:, brain.T].std(0) > 0).all()
    assert layout.session(3) is None


def test_pictures_are_stored_as_nsd_stores_them(tiny_twin):
    with h5py.File(Layout(tiny_twin, "subj01").stimuli) as file:
        assert file["imgBrick"].shape == (120, 425, 425, 3) and file["imgBrick"].dtype == np.uint8


def test_every_atlas_has_its_three_volumes_and_a_table_of_its_labels(tiny_twin):
    layout = Layout(tiny_twin, "subj01")
    for atlas, names in {"nsdgeneral": ("nsdgeneral",), **ATLASES}.items():
        volumes = [nib.load(layout.roi / f"{side}{atlas}.nii.gz").get_fdata() for side in ("", "lh.", "rh.")]
        assert volumes[0].shape == nib.load(layout.func / "brainmask.nii.gz").shape
        assert {-1, 1} <= set(np.unique(volumes[0])) <= set(range(-1, len(names) + 1))
        np.testing.assert_array_equal(volumes[0], np.where(volumes[1] != -1, volumes[1], volumes[2]))
        table = next(f for f in (folder / f"{atlas}.mgz.ctab" for folder in layout.labels) if f.is_file())
        assert [line.split() for line in table.read_text().splitlines()] == [
            [str(i), name] for i, name in enumerate(("Unknown", *names))]


def test_ncsnr_is_estimated_from_the_written_betas(tiny_twin, tiny_subject):
    layout = Layout(tiny_twin, "subj01")
    volume = nib.load(layout.ncsnr).get_fdata()
    brain = nib.load(layout.func / "brainmask.nii.gz").get_fdata() > 0
    assert np.isnan(volume[~brain]).all() and np.isfinite(volume[brain]).all() and (volume[brain] == 0).any()
    trials = tiny_subject.trials
    again = estimate_ncsnr(np.where(tiny_subject.rois["valid"], trials.betas, 0), trials.image_ids, trials.sessions)
    valid = tiny_subject.rois["valid"]
    np.testing.assert_allclose(tiny_subject.ncsnr[valid], again[valid], atol=2e-3)


def test_grades_are_in_the_plant_and_in_no_coco_file(tiny_twin, tiny_subject):
    grades = read_plant(tiny_twin).captions
    assert set(grades.groupby("image_id").grade.apply(sorted).map(" ".join)) == {"off partial specific specific vague"}
    assert set(tiny_subject.stimuli.captions.caption_id) <= set(grades.caption_id)
    content = json.loads((Layout(tiny_twin, "subj01").coco / "captions_train2017.json").read_text())
    assert set(content["annotations"][0]) == {"image_id", "id", "caption"}


def test_the_plant_has_the_factors_of_every_picture(tiny_twin):
    plant = read_plant(tiny_twin)
    for image in (0, 77):
        expected = factors(draw_scene(7, "subject", image))
        assert plant.factors.loc[image].to_dict() == pytest.approx(expected)
    assert plant.expected.shape == (120, 96) and list(plant.far.index) == list(FEATURES)


def test_session_offsets_are_recovered_from_the_betas(tiny_twin):
    plant, subject = read_plant(tiny_twin), load_subject(tiny_twin, "subj01", DataConfig(zscore="none"))
    means = [subject.trials.betas[subject.trials.sessions == s][:, subject.rois["valid"]].mean(0) for s in (1, 2)]
    planted = (plant.offset[0] - plant.offset[1])[subject.rois["valid"]]
    assert np.corrcoef(means[0] - means[1], planted)[0, 1] > 0.8


# --- whole or not there ----------------------------------------------------------------------------------------

def test_the_same_seed_gives_the_same_bytes_and_another_does_not(small_tree, tmp_path):
    again, other = write_twin(tmp_path / "b", SMALL, seed=1), write_twin(tmp_path / "c", SMALL, seed=2)
    name = Layout(small_tree, "subj01").session(1).relative_to(small_tree)
    betas = [h5py.File(root / name)["betas"][:] for root in (small_tree, again, other)]
    np.testing.assert_array_equal(betas[0], betas[1])
    assert (betas[0] != betas[2]).any()
    np.testing.assert_array_equal(read_plant(small_tree).expected, read_plant(again).expected)


def test_a_twin_that_is_there_is_not_made_again(small_tree):
    before = {p: p.stat().st_mtime_ns for p in small_tree.rglob("*")}
    assert write_twin(small_tree, SMALL, seed=1) == small_tree
    assert before == {p: p.stat().st_mtime_ns for p in small_tree.rglob("*")}


@pytest.mark.parametrize("what", ["marker", "no json", "session", "cut", "plant", "cut plant"])
def test_a_half_written_twin_is_completed_and_what_is_not_ours_stays(small_tree, tmp_path, what):
    root = tmp_path / "a"
    shutil.copytree(small_tree, root)
    shutil.copy(twin._plant_path(small_tree), twin._plant_path(root))
    session, note, plant = Layout(root, "subj01").session(1), root / "nsddata" / "my notes.txt", twin._plant_path(root)
    note.write_text("mine")
    expected = h5py.File(session)["betas"][:]
    {"marker": (root / "SIMULATED.json").unlink, "session": session.unlink, "plant": plant.unlink,
     "no json": lambda: (root / "SIMULATED.json").write_text("{"),
     "cut": lambda: session.write_bytes(session.read_bytes()[:500]),
     "cut plant": lambda: plant.write_bytes(plant.read_bytes()[:-1])}[what]()
    assert not is_complete(root, SMALL, seed=1)
    write_twin(root, SMALL, seed=1)
    np.testing.assert_array_equal(h5py.File(session)["betas"][:], expected)
    assert is_complete(root, SMALL, seed=1) and note.read_text() == "mine"


def test_what_a_killed_run_left_does_not_matter(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".{files._machine()}-{gone.pid}-012345.a" / "nsddata"
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    assert is_complete(write_twin(tmp_path / "a", SMALL, seed=1), SMALL, seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.lock", "a", "a.plant.npz"]


def test_another_seed_or_size_or_code_lives_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(twin, "write_twin", lambda root, *_, **__: root)
    folders = [ensure_twin(tmp_path, SMALL, seed=1), ensure_twin(tmp_path, SMALL, seed=2),
               ensure_twin(tmp_path, TwinConfig(41, 1, 12), seed=1)]
    monkeypatch.setattr(twin, "VERSION", 99)
    folders.append(ensure_twin(tmp_path, SMALL, seed=1))
    assert len(set(folders)) == 4


@pytest.mark.parametrize("what", ["seed", "size", "version"])
def test_another_twin_is_neither_reused_nor_written_over(small_tree, monkeypatch, what):
    config, seed = (replace(SMALL, n_voxels=41) if what == "size" else SMALL), (5 if what == "seed" else 1)
    if what == "version":
        monkeypatch.setattr(twin, "VERSION", 99)
    before = {p: p.stat().st_mtime_ns for p in small_tree.rglob("*")}
    assert not is_complete(small_tree, config, seed=seed)
    with pytest.raises(ValueError, match="holds the simulated subject .* expected .* choose another folder"):
        write_twin(small_tree, config, seed=seed)
    assert before == {p: p.stat().st_mtime_ns for p in small_tree.rglob("*")}


def test_a_folder_with_betas_of_others_is_left_as_it_is(tmp_path):
    betas = tmp_path / "nsd" / twin.Layout(write_twin(tmp_path / "a", SMALL, seed=1), "subj01").session(1).relative_to(
        tmp_path / "a")
    betas.parent.mkdir(parents=True)
    betas.write_bytes(b"measured in a person")
    with pytest.raises(ValueError, match="betas_session01.hdf5 is not of this simulated subject, .* left as it is"):
        write_twin(tmp_path / "nsd", SMALL, seed=1)
    assert betas.read_bytes() == b"measured in a person" and not (tmp_path / "nsd" / "SIMULATED.json").exists()
    assert not (tmp_path / "nsd" / "nsddata").exists()


def test_a_run_killed_while_files_move_leaves_a_labelled_tree_that_is_completed(tmp_path, monkeypatch):
    moved, replace_file = [], os.replace

    def killed(source, target):
        if len(moved) == 9:
            raise KeyboardInterrupt
        moved.append(target)
        replace_file(source, target)

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes").write_text("mine")   # so that files move one by one
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(twin.os, "replace", killed)
        write_twin(tmp_path / "a", SMALL, seed=1)
    assert (tmp_path / "a" / "SIMULATED.json").is_file() and not is_complete(tmp_path / "a", SMALL, seed=1)
    assert is_complete(write_twin(tmp_path / "a", SMALL, seed=1), SMALL, seed=1)


def test_a_full_disk_is_one_clear_sentence_and_nothing_is_lost(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(twin, "write_betas", full)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes").write_text("mine")
    with pytest.raises(OSError, match=r"the disk of .* is full, expected about 0.0 GB for the .*; free some space"):
        write_twin(tmp_path / "a", SMALL, seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.lock", "a"] and (tmp_path / "a" / "notes").is_file()


def test_two_makers_at_once_give_one_whole_twin(tmp_path):
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=ensure_twin, args=(tmp_path, SMALL), kwargs={"seed": 1}) for _ in range(2)]
    [p.start() for p in both], [p.join(600) for p in both]
    assert [p.exitcode for p in both] == [0, 0]
    root = ensure_twin(tmp_path, SMALL, seed=1)
    assert is_complete(root, SMALL, seed=1) and load_subject(root, "subj01").n_voxels == 40


@pytest.mark.parametrize("notes", [False, True])
def test_two_makers_whom_no_lock_holds_give_one_whole_twin(small_tree, tmp_path, monkeypatch, notes):
    """Both have made all of it before either puts it in its place."""
    both, make, root = threading.Barrier(2), twin._make, tmp_path / "a"
    if notes:
        root.mkdir()
        (root / "notes").write_text("mine")

    def make_together(*given):
        make(*given)
        both.wait(300)

    monkeypatch.setattr(twin, "locked", lambda path: nullcontext())
    monkeypatch.setattr(twin, "_make", make_together)
    failed = []

    def run():
        try:
            assert is_complete(write_twin(root, SMALL, seed=1), SMALL, seed=1)
        except BaseException as error:
            failed.append(error)

    runs = [threading.Thread(target=run) for _ in range(2)]
    [r.start() for r in runs], [r.join() for r in runs]
    assert failed == [] and is_complete(root, SMALL, seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.plant.npz"]
    assert (root / "notes").is_file() == notes
    session = Layout(small_tree, "subj01").session(1).relative_to(small_tree)
    assert (root / session).read_bytes() == (small_tree / session).read_bytes()


def test_a_twin_that_is_there_is_read_where_nothing_may_be_written(small_tree, tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.setattr(twin, "_code", lambda: "today's")
    root, cache = ensure_twin(tmp_path, SMALL, seed=1), tmp_path / "cache"
    kept = load_subject(root, "subj01", cache=cache).trials.betas
    with read_only(tmp_path):
        assert ensure_twin(tmp_path, SMALL, seed=1) == root
        np.testing.assert_array_equal(load_subject(root, "subj01", cache=cache).trials.betas, kept)
        again = load_subject(root, "subj01", DataConfig(zscore="none"), cache=cache)      # which nobody had asked for
        np.testing.assert_array_equal(again.trials.betas, load_subject(root, "subj01", DataConfig(zscore="none")).trials.betas)
        with pytest.raises(OSError, match="folder .*twins.* cannot be written, and the simulated subject has to be made there; set "
                                          "MINDREADER_HOME"):
            ensure_twin(tmp_path, SMALL, seed=2)


def test_real_data_has_no_plant(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the truth beside a simulated subject; real data has none"):
        read_plant(tmp_path / "nsd")


@pytest.mark.parametrize("change, message", [
    ({"trials_per_session": 100}, "got trials_per_session 100, expected a multiple of 3"),
    ({"n_sessions": 0}, "got n_sessions 0.* expected at least 1"),
])
def test_sizes_that_make_no_experiment_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TwinConfig(**change)
