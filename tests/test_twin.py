"""The simulated subject: what was planted can be recovered, and what was written is whole or not there."""

import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from mindreader import brain as brain_module
from mindreader import twin
from mindreader.brain import FEATURES, Brain, Responses, channels, states
from mindreader.cortex import lay_out
from mindreader.drawing import paint_many
from mindreader.nsd import DataConfig, Layout, load_subject, split_images
from mindreader.regions import ATLASES
from mindreader.scenes import draw_scene, factors
from mindreader.session import attend, draw_noise, estimate_ncsnr, order_pictures, simulate_session
from mindreader.twin import TwinConfig, ensure_twin, is_complete, read_plant, write_twin

SMALL = TwinConfig(n_voxels=40, n_sessions=1, trials_per_session=12)     # 8 pictures
KINDS = {"face": "floc-faces", "body": "floc-bodies", "place": "floc-places", "word": "floc-words"}


@pytest.fixture(scope="module")
def small_brain():
    """(brain of 400 voxels, fitted to 150 pictures; its responses)."""
    brain = Brain(lay_out(400, 3), 3)
    scenes = [draw_scene(3, "subject", i) for i in range(150)]
    return brain, brain.fit(scenes, paint_many(3, "subject", range(150), processes=1))


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory):
    return write_twin(tmp_path_factory.mktemp("small") / "a", SMALL, seed=1)


def random_responses(rng, n_images=1500, n_voxels=150):
    """Two states for each picture, half of the time each, whose mean has variance 1."""
    mean = rng.standard_normal((n_images, n_voxels))
    mean = (mean - mean.mean(0)) / mean.std(0)
    shift = 0.4 * rng.standard_normal((n_images, n_voxels))
    values = np.stack([mean - shift, mean + shift], 1).reshape(-1, n_voxels).astype(np.float32)
    return Responses(values, np.repeat(np.arange(n_images), 2), np.tile([0, 1], n_images), np.full(2 * n_images, 0.5))


# --- the cortex ------------------------------------------------------------------------------------------------

def test_the_full_cortex_has_the_volume_and_the_regions_of_nsds_subject_1():
    cortex = lay_out(15724, 0)
    assert cortex.shape == (81, 104, 83) and len(cortex.coords) == 15724
    assert cortex.having("prf-visualrois", "V1v", "V1d").sum() == pytest.approx(1350, rel=0.02)
    assert cortex.having("prf-visualrois", "hV4").sum() == pytest.approx(687, rel=0.05)
    assert cortex.having("floc-faces", "FFA-1").sum() == pytest.approx(484, rel=0.05)


def test_label_volumes_follow_nsds_codes():
    cortex = lay_out(1024, 0)
    for atlas in ATLASES:
        whole, left, right = (cortex.volume(atlas, side) for side in ("", "lh", "rh"))
        assert whole.min() == -1 and (np.where(left != -1, left, right) == whole).all()
        assert not ((left != -1) & (right != -1)).any()
    faces = [cortex.volume("floc-faces", side) == 5 for side in ("lh", "rh")]
    assert not faces[0].any() and faces[1].any()          # aTL-faces is absent in one hemisphere


def test_a_cortex_too_small_is_refused():
    with pytest.raises(ValueError, match="got n_voxels 10, expected at least 40"):
        lay_out(10, 0)


# --- the brain -------------------------------------------------------------------------------------------------

def test_the_brain_never_sees_a_network():
    code = "import sys, mindreader.brain, mindreader.session; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_early_voxels_see_the_other_side_of_the_picture(small_brain):
    brain, _ = small_brain
    scene = draw_scene(3, "subject", 0)
    pixels = np.full((2, 64, 64, 3), 128, np.uint8)
    stripes = (np.indices((24, 20)).sum(0) // 2 % 2 * 255).astype(np.uint8)[..., None]
    pixels[0, 20:44, 4:24], pixels[1, 20:44, 40:60] = stripes, stripes      # left, right
    left, right = np.abs(brain.respond([scene] * 3, np.concatenate([pixels, pixels[:1] * 0 + 128])).expected()[:2]
                         - brain.respond([scene], np.full((1, 64, 64, 3), 128, np.uint8)).expected())
    v1 = brain.cortex.having("prf-visualrois", "V1v", "V1d")
    seen_right = brain.cortex.centre[:, 0] > 0.15
    assert right[v1 & seen_right].mean() > 3 * left[v1 & seen_right].mean()
    assert brain.cortex.right[tuple(brain.cortex.coords[v1 & seen_right].T)].mean() < 0.2


def test_receptive_fields_grow_along_the_hierarchy():
    cortex = lay_out(3000, 0)
    widths = [np.median(cortex.width[cortex.having("prf-visualrois", *names)])
              for names in (("V1v", "V1d"), ("V2v", "V2d"), ("V3v", "V3d"), ("hV4",))]
    assert (np.diff(widths) > 0).all()


def test_every_localiser_region_prefers_its_own_category_in_noisy_trials(small_brain):
    brain, fitted = small_brain
    shown = {kind: brain.respond([draw_scene(4, "subject", i, kind) for i in range(8)],
                                 paint_many(4, "subject", range(8), processes=1, kind=kind))
             for kind in (*KINDS, "object")}
    noise = draw_noise(brain.cortex, fitted.wandering(), median_ncsnr=0.36, stray=3.0, seed=3)
    trials = {kind: simulate_session(r, attend(r, np.arange(96) % 8, 0), noise, n, 3) for n, (kind, r) in
              enumerate(shown.items())}
    z = {kind: (psc - noise.base - offset) / (noise.size * gain) for kind, (psc, gain, offset) in trials.items()}
    for kind, atlas in KINDS.items():
        others = np.concatenate([v for k, v in z.items() if k != kind])
        spread = np.sqrt(z[kind].var(0, ddof=1) / len(z[kind]) + others.var(0, ddof=1) / len(others))
        t = (z[kind].mean(0) - others.mean(0)) / spread
        for label in ATLASES[atlas]:
            here = brain.cortex.having(atlas, label) & (noise.ncsnr > 0)
            assert not here.any() or np.median(t[here]) > 5, (label, np.median(t[here]))


def test_occipital_face_voxels_see_where_a_face_is_and_fusiform_ones_whose_it_is():
    brain = Brain(lay_out(1024, 0), 0)
    ofa, ffa = (brain.cortex.having("floc-faces", name) for name in ("OFA", "FFA-1"))
    where, who = ([FEATURES.index(f"{what}") for what in pair] for pair in
                  (("face left", "face right"), ("identity 0", "identity 1")))
    assert brain.far[where][:, ofa].mean() > 5 * np.abs(brain.far[where][:, ffa]).mean()
    assert brain.far[who][:, ffa].mean() > 5 * np.abs(brain.far[who][:, ofa]).mean()


def test_attention_strengthens_the_attended_thing_and_weakens_the_others():
    index = next(i for i in range(50) if len({t.category for t in draw_scene(0, "subject", i).things}) == 2)
    features, image, attended, probability = states([draw_scene(0, "subject", index)])
    things = draw_scene(0, "subject", index).things
    for choice in (0, 1):
        mine, other = (FEATURES.index(f"thing {things[c].name}") for c in (choice, 1 - choice))
        neutral, now = features[attended == -1][0], features[attended == choice][0]
        assert now[mine] > neutral[mine] and now[other] < neutral[other]
    assert probability.sum() == pytest.approx(1)


def test_responses_to_the_fitted_pictures_have_mean_0_and_sd_1(small_brain):
    expected = small_brain[1].expected()
    np.testing.assert_allclose(expected.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(expected.std(0), 1, atol=1e-3)


def test_voxels_answer_the_same_in_blocks_of_any_size(small_brain, monkeypatch):
    fitted, scenes = small_brain[1], [draw_scene(3, "subject", i) for i in range(150)]
    monkeypatch.setattr(brain_module, "_BLOCK", 37)
    again = Brain(lay_out(400, 3), 3).fit(scenes, paint_many(3, "subject", range(150), processes=1))
    np.testing.assert_allclose(again.values, fitted.values, atol=1e-4)
    np.testing.assert_allclose(again.wandering(), fitted.wandering(), atol=1e-5)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"got pictures of shape \(32, 32, 3\), expected \(64, 64, 3\)"):
        channels(np.zeros((1, 32, 32, 3), np.uint8))


# --- the experiment --------------------------------------------------------------------------------------------

def test_each_picture_comes_three_times_and_never_twice_in_a_row():
    order = order_pictures(2250, 6750, 0)
    assert (np.bincount(order) == 3).all() and (order[1:] != order[:-1]).all()
    sessions = np.sort(np.argsort(order, kind="stable").reshape(-1, 3) // 750, axis=1)
    same = (np.diff(sessions, axis=1) == 0).mean()
    assert 0.15 < same < 0.6                              # repeats both within and across sessions


@pytest.mark.parametrize("seed", range(3))
def test_the_full_size_has_the_counts_of_nsds_subject_1_and_the_papers_split(seed):
    config = TwinConfig(n_voxels=15724, n_sessions=37, trials_per_session=750)
    planned = order_pictures(config.n_pictures, config.n_trials, seed)
    shown = planned[:config.n_trials]
    assert (config.n_planned, config.n_pictures, len(planned), len(shown)) == (40, 10_000, 30_000, 27_750)
    assert (np.bincount(planned) == 3).all() and (planned[1:] != planned[:-1]).all()
    split = split_images(shown, "first_appearance")
    assert (len(np.unique(shown)), len(split.train), len(split.validation)) == (9841, 8364, 1477)
    assert np.isin(shown, split.train).sum() == pytest.approx(23_715, rel=0.005)       # the paper's training trials


@pytest.mark.parametrize("sessions, at_least", [(30, (9209, 7846, 5445)), (32, (9411, 8355, 6234))])
def test_repeats_are_spread_as_in_nsd(sessions, at_least):
    """NSD's Technical notes: pictures that came up once, twice and thrice for subjects who stopped early."""
    times = np.bincount(order_pictures(10_000, 27_750, 0)[:sessions * 750], minlength=10_000)
    assert [(times >= n).sum() for n in (1, 2, 3)] == pytest.approx(at_least, rel=0.01)


@pytest.mark.parametrize("config", [TwinConfig(), TwinConfig(128, 2, 180), TwinConfig(40, 1, 900), SMALL])
def test_withheld_sessions_keep_back_a_known_number_of_pictures(config):
    left = 1 - config.n_sessions / config.n_planned
    seen = [len(np.unique(order_pictures(config.n_pictures, config.n_trials, seed)[:config.n_trials]))
            for seed in range(3)]
    assert seen == [config.n_pictures - round(config.n_pictures * (0.2074 * left + 0.7926 * left**3))] * 3


def test_an_experiment_that_cannot_show_each_picture_is_refused():
    with pytest.raises(ValueError, match="got 7 trials that take place, expected from 8 to 24 for 8 pictures"):
        order_pictures(8, 7, 0)


def test_the_noise_ceiling_is_recovered_by_nsds_procedure(rng):
    responses, cortex = random_responses(rng), lay_out(150, 0)
    noise = draw_noise(cortex, responses.wandering(), median_ncsnr=0.36, stray=3.0, seed=0)
    order, sessions = order_pictures(1500, 4500, 0), np.repeat(np.arange(6), 750)
    rows = attend(responses, order, 0)
    betas = np.concatenate([simulate_session(responses, rows[sessions == s], noise, s, 0)[0] for s in range(6)])
    found = estimate_ncsnr(np.rint(300 * betas), order, sessions)
    assert np.corrcoef(found, noise.ncsnr)[0, 1] > 0.9
    assert np.median(noise.ncsnr) == pytest.approx(0.36, abs=0.03)
    assert np.median(found) == pytest.approx(np.median(noise.ncsnr), abs=0.04)
    assert noise.ncsnr.min() == 0 and noise.ncsnr.max() < 0.95


def test_the_parts_of_the_noise_add_up():
    noise = draw_noise(lay_out(500, 0), np.full(500, 0.3), median_ncsnr=0.36, stray=3.0, seed=0)
    parts = (noise.attention, noise.stray, noise.arousal, noise.drift, noise.own)
    np.testing.assert_allclose(sum(p**2 for p in parts), 1, atol=1e-9)


def test_ncsnr_is_nsds_formula_voxel_by_voxel(rng):
    image_ids, sessions = np.repeat(np.arange(20), 3), np.tile([1, 1, 2], 20)
    betas = rng.standard_normal((60, 4)) + rng.standard_normal((20, 4))[image_ids]
    betas[:, 3] = 0
    image_ids[-3:] = [19, 30, 31]                          # a picture with one trial does not count
    z = np.full((60, 4), np.nan)
    for s in (1, 2):
        here = betas[sessions == s, :3]
        z[sessions == s, :3] = (here - here.mean(0)) / here.std(0)
    v2 = np.mean([z[image_ids == i].var(0, ddof=1) for i in range(19)], axis=0)
    expected = np.sqrt(np.maximum(0, 1 - v2)) / np.sqrt(v2)
    np.testing.assert_allclose(estimate_ncsnr(betas * 300, image_ids, sessions), expected, rtol=1e-4)
    assert np.isnan(expected[3])


def test_attended_states_follow_their_probability(rng):
    responses = random_responses(rng, 3, 2)
    skewed = Responses(responses.values, responses.image, responses.attended, np.tile([0.25, 0.75], 3))
    shown = np.tile([0, 1, 2], 4000)
    rows = attend(skewed, shown, 0)
    np.testing.assert_array_equal(skewed.image[rows], shown)
    assert skewed.attended[rows].mean() == pytest.approx(0.75, abs=0.02)


# --- what is written -------------------------------------------------------------------------------------------

def test_the_design_has_nsds_keys_as_doubles_from_one(tiny_twin):
    mat = loadmat(Layout(tiny_twin, "subj01").expdesign)
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


def test_the_plant_tells_the_factors_of_every_picture(tiny_twin):
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


def test_scene_factors_can_be_read_from_betas_better_than_by_chance(tiny_twin, tiny_subject, rng):
    plant, trials = read_plant(tiny_twin), tiny_subject.trials
    names = ["indoor", "has_person", "horizon", "size", "things", "words", "face"]
    truth = plant.factors.loc[trials.image_ids, names].to_numpy(float)
    truth = (truth - truth.mean(0)) / truth.std(0)
    fold = trials.image_ids % 5

    def score(target):
        r = []
        for f in range(5):
            x, y = trials.betas[fold != f].astype(float), target[fold != f]
            weights = np.linalg.solve(x.T @ x + 300 * np.eye(x.shape[1]), x.T @ (y - y.mean(0)))
            r.append(np.mean((trials.betas[fold == f] @ weights) * target[fold == f]))
        return np.mean(r)

    images, inverse = np.unique(trials.image_ids, return_inverse=True)
    per_image = truth[np.unique(inverse, return_index=True)[1]]
    by_chance = [score(per_image[rng.permutation(len(images))][inverse]) for _ in range(40)]
    assert score(truth) > max(by_chance)


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
    left = tmp_path / ".a.part" / "nsddata"
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
