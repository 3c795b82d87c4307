"""The loader against the files it reads: the same numbers by other libraries, and one sentence for each error."""

import json
import logging
import shutil
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools.coco import COCO
from scipy.io import loadmat, savemat

from mindreader.nsd import design, loader as nsd
from mindreader.nsd.loader import DataConfig, Layout, cluster_by_category, load_subject, split_images
from mindreader.records import LayoutError
from mindreader.nsd.regions import read_labels, read_mask
from mindreader.twin.subject import read_plant


@pytest.fixture
def layout(tiny_twin):
    return Layout(tiny_twin, "subj01")


def replace(path, write):
    path.unlink()
    write(path)


def rewrite_nifti(path, change):
    image = nib.load(path)
    volume = change(np.asarray(image.dataobj).copy())
    replace(path, lambda p: nib.save(nib.Nifti1Image(volume, image.affine), p))


def mask_of(layout):
    return nib.load(layout.roi / "nsdgeneral.nii.gz").get_fdata() > 0


# --- betas -----------------------------------------------------------------------------------------------------

def test_betas_are_those_that_were_planted_once_rounded_to_int16(tiny_twin):
    sample = read_plant(tiny_twin).sample
    betas = load_subject(tiny_twin, "subj01", DataConfig(zscore="none")).trials.betas[:len(sample)]
    np.testing.assert_allclose(betas, np.rint(300 * sample) / 300, rtol=0, atol=1e-5)


def test_voxels_are_in_c_order_over_z_y_x(layout, tiny_subject):
    mask = mask_of(layout)
    with h5py.File(layout.session(1)) as file:
        expected = file["betas"][7][mask.T] / 300
    np.testing.assert_allclose(nsd.read_betas(layout.session(1), mask, 120)[7], expected, rtol=1e-6)
    np.testing.assert_array_equal(tiny_subject.coords, np.argwhere(mask.T)[:, ::-1])


@pytest.mark.parametrize("end", ["nii.gz", "mat"])
def test_a_session_has_the_same_betas_in_hdf5_nifti_and_mat(layout, tmp_path, end):
    path, mask = tmp_path / f"betas_session01.{end}", mask_of(layout)
    if end == "mat":
        shutil.copy(layout.session(1), path)
    else:
        with h5py.File(layout.session(1)) as file:
            nib.save(nib.Nifti1Image(file["betas"][:].T, np.eye(4)), path)
    np.testing.assert_array_equal(nsd.read_betas(path, mask, 120), nsd.read_betas(layout.session(1), mask, 120))


def test_hdf5_is_taken_before_nifti_and_nifti_before_mat(copy):
    for end in ("nii.gz", "mat"):
        (copy.betas / f"betas_session01.{end}").touch()
    assert copy.session(1).name == "betas_session01.hdf5"
    copy.session(1).unlink()
    assert copy.session(1).name == "betas_session01.nii.gz"


def test_betas_are_standardised_within_each_session(tiny_subject):
    for session in (1, 2):
        betas = tiny_subject.trials.betas[tiny_subject.trials.sessions == session].astype(float)
        varies = betas.std(0) > 0
        np.testing.assert_allclose(betas[:, varies].mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(betas[:, varies].std(0), 1, atol=1e-5)


def test_a_voxel_that_is_zero_in_one_session_stays_zero_and_is_marked(tiny_subject):
    dead = ~tiny_subject.rois["valid"]
    assert dead.sum() == 1
    betas = tiny_subject.trials.betas[:, dead]
    assert np.isfinite(tiny_subject.trials.betas).all()
    assert (betas[tiny_subject.trials.sessions == 2] == 0).all() and betas[tiny_subject.trials.sessions == 1].std() > 0


def test_a_constant_that_floats_cannot_hold_exactly_still_counts_as_constant():
    z, valid = nsd.standardise(np.full((750, 1), 0.1, np.float32))
    assert not valid[0] and (z == 0).all()


def test_training_statistics_come_from_training_trials_only(tiny_twin):
    subject = load_subject(tiny_twin, "subj01", DataConfig(zscore="session-train", split="random"))
    first = subject.train.take(subject.train.sessions == 1).betas.astype(float)
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-5)
    assert np.abs(subject.trials.betas[subject.trials.sessions == 1].mean(0)).max() > 1e-3


def test_voxels_outside_the_cortex_are_never_chosen(layout):
    volume = nib.load(layout.roi / "nsdgeneral.nii.gz").get_fdata()
    assert set(np.unique(volume)) == {-1, 0, 1}
    assert (volume[read_mask(layout, "nsdgeneral")] == 1).all()


# --- trials ----------------------------------------------------------------------------------------------------

def test_ids_count_from_one_on_disk_and_from_zero_in_memory(layout, tiny_subject):
    log = pd.read_csv(layout.responses, sep="\t")
    mat = loadmat(layout.expdesign)
    np.testing.assert_array_equal(log["73KID"] - 1, tiny_subject.trials.image_ids)
    np.testing.assert_array_equal(log["SESSION"], tiny_subject.trials.sessions)
    assert mat["masterordering"].min() == 1 and mat["subjectim"].min() == 1 and tiny_subject.trials.trial_ids[0] == 0


def test_unsigned_ids_do_not_wrap(copy):
    content = {k: v.astype(np.uint16) for k, v in loadmat(copy.expdesign).items() if k[0] != "_"}
    expected = design.trial_table(copy)
    replace(copy.expdesign, lambda p: savemat(p, content))
    pd.testing.assert_frame_equal(design.trial_table(copy), expected)


def test_a_missing_session_is_skipped_and_trials_keep_their_number(copy, tiny_subject):
    copy.session(1).unlink()
    trials = load_subject(copy.root, "subj01").trials
    np.testing.assert_array_equal(trials.trial_ids, np.arange(120, 240))
    np.testing.assert_array_equal(trials.image_ids, tiny_subject.trials.image_ids[120:])
    np.testing.assert_array_equal(trials.betas, tiny_subject.trials.betas[120:])


def test_max_sessions_takes_the_first_ones(tiny_twin):
    subject = load_subject(tiny_twin, "subj01", DataConfig(max_sessions=1))
    assert set(subject.trials.sessions) == {1}
    assert set(subject.stimuli.ids) == set(subject.trials.image_ids)


# --- split -----------------------------------------------------------------------------------------------------

def test_the_first_images_shown_train_in_the_papers_numbers():
    shown = np.concatenate([np.random.default_rng(0).permutation(9841) + 5, np.full(100, 7)])
    split = split_images(shown, "first_appearance")
    assert (len(split.train), len(split.validation)) == (8364, 1477)
    np.testing.assert_array_equal(split.train, shown[:8364])


def test_shared_images_validate_and_random_is_seeded():
    shown = np.arange(100)[::-1]
    assert set(split_images(shown, "shared1000", shared=np.array([3, 5, 400])).validation) == {3, 5}
    one, other = (split_images(shown, "random", seed=s).validation for s in (1, 2))
    assert len(one) == 15 and set(one) != set(other)
    np.testing.assert_array_equal(one, split_images(shown, "random", seed=1).validation)


def test_the_shared_images_of_the_subject_are_the_designs(tiny_twin):
    subject = load_subject(tiny_twin, "subj01", DataConfig(split="shared1000"))
    listed = np.loadtxt(tiny_twin / "nsddata" / "stimuli" / "nsd" / "shared1000.tsv", dtype=int) - 1
    assert set(subject.split.validation) == set(listed) & set(subject.trials.image_ids)


# --- regions ---------------------------------------------------------------------------------------------------

def test_whole_clusters_validate_as_near_to_the_fraction_as_they_come():
    shown = np.random.default_rng(0).permutation(np.repeat(np.arange(100), 3))
    clusters = pd.Series(np.repeat([7, 8, 9, 10], [50, 20, 20, 10]), np.arange(100))
    for seed in range(20):
        split = split_images(shown, "clusters", fraction=0.3, clusters=clusters, seed=seed)
        held_out = set(clusters.loc[split.validation])
        assert held_out.isdisjoint(clusters.loc[split.train]) and 0 < len(split.train) < 100
        assert len(split.train) + len(split.validation) == 100
        assert abs(len(split.validation) - 30) <= 20  # of the four sizes, no more than one could do better
    again = split_images(shown, "clusters", fraction=0.3, clusters=clusters, seed=19)
    np.testing.assert_array_equal(split.validation, again.validation)


def test_pictures_with_the_same_categories_fall_into_one_cluster(tiny_twin, tiny_subject):
    clusters = cluster_by_category(tiny_subject.stimuli, 8)
    categories = tiny_subject.stimuli.annotations.groupby("image_id").category.agg(lambda c: tuple(sorted(c)))
    together = pd.DataFrame({"categories": categories, "cluster": clusters}).groupby("categories").cluster.nunique()
    assert clusters.nunique() == 8 and together.max() == 1
    subject = load_subject(tiny_twin, "subj01", DataConfig(split="clusters", n_clusters=8))
    assert set(clusters.loc[subject.split.validation]).isdisjoint(clusters.loc[subject.split.train])
    assert set(subject.split.validation) | set(subject.split.train) == set(tiny_subject.stimuli.ids)


def test_regions_bear_nsds_names_and_fit_together(tiny_subject):
    rois = tiny_subject.rois
    np.testing.assert_array_equal(rois["V1"], rois["V1v"] | rois["V1d"])
    faces = ("OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces")
    np.testing.assert_array_equal(rois["floc-faces"], np.logical_or.reduce([rois[f] for f in faces]))
    assert rois["streams/early"][rois["V1"]].all() and (rois["lh"] ^ rois["rh"]).all()


def test_both_hemispheres_make_the_whole(copy):
    whole = read_mask(copy, "floc-bodies")
    (copy.roi / "floc-bodies.nii.gz").unlink()
    np.testing.assert_array_equal(read_mask(copy, "floc-bodies"), whole)


def test_an_absent_label_is_an_empty_region_and_a_warning(tiny_twin, caplog):
    with caplog.at_level(logging.WARNING):
        subject = load_subject(tiny_twin, "subj01")
    assert not subject.rois["mTL-faces"].any() and "mTL-faces" in caplog.text


def test_label_tables_come_from_the_subject_then_fsaverage_then_built_in(copy):
    own, average = (folder / "streams.mgz.ctab" for folder in copy.labels)
    assert average.read_text().splitlines()[1].endswith("\t ") and read_labels(copy, "streams")[5] == "ventral"
    own.write_text("0 Unknown\n\n# a comment\n1 mine\t0 255 0 0 \t\n")
    assert read_labels(copy, "streams") == {1: "mine"}
    own.unlink(), average.unlink()
    assert read_labels(copy, "streams")[7] == "parietal"


@pytest.mark.parametrize("roi, name", [("V1", "V1"), ("FFA-1", "FFA-1"), ("streams/ventral", "streams/ventral"),
                                       ("floc-words", "floc-words")])
def test_a_region_can_be_read_alone(tiny_twin, tiny_subject, roi, name):
    alone = load_subject(tiny_twin, "subj01", DataConfig(roi=roi))
    np.testing.assert_array_equal(alone.trials.betas, tiny_subject.trials.betas[:, tiny_subject.rois[name]])
    np.testing.assert_array_equal(alone.ncsnr, tiny_subject.ncsnr[tiny_subject.rois[name]])


# --- pictures, captions, classes -------------------------------------------------------------------------------

def test_pictures_are_pillows_bicubic_reduction_of_their_row(layout, tiny_subject):
    for row in (0, 50):
        with h5py.File(layout.stimuli) as file:
            whole = Image.fromarray(file["imgBrick"][tiny_subject.stimuli.ids[row]])
        expected = np.asarray(whole.resize((64, 64), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(tiny_subject.stimuli.images[row], expected)


def test_captions_lose_stray_white_space(copy, tiny_subject):
    path = copy.coco / "captions_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["caption"] = "  A dog\n on   the grass. "
    replace(path, lambda p: p.write_text(json.dumps(content, indent=1)))
    captions = load_subject(copy.root, "subj01").stimuli.captions
    assert captions.caption[captions.caption_id == content["annotations"][0]["id"]].item() == "A dog on the grass."
    assert captions.groupby("image_id").size().eq(5).all() and captions.caption_id.is_unique


@pytest.mark.parametrize("kind, stem", [("thing", "instances"), ("stuff", "stuff")])
def test_classes_are_those_that_pycocotools_finds(layout, tiny_subject, kind, stem):
    coco, info = COCO(layout.coco / f"{stem}_train2017.json"), pd.read_csv(layout.stim_info)
    table = tiny_subject.stimuli.annotations
    for image in tiny_subject.stimuli.ids[:40]:
        found = {a["category_id"] for a in coco.loadAnns(coco.getAnnIds(info.cocoId[image])) if a["category_id"] != 183}
        ours = set(table.category[(table.image_id == image) & (table.kind == kind)])
        assert ours == {c["name"] for c in coco.loadCats(found)}


# --- the folder ------------------------------------------------------------------------------------------------

def test_the_origin_is_written_at_the_root(copy):
    assert load_subject(copy.root, "subj01").origin == "twin"
    copy.marker.unlink()
    assert load_subject(copy.root, "subj01").origin == "nsd"


def test_the_cache_gives_the_same_numbers_and_nothing_is_written_below_the_root(copy, tmp_path, tiny_subject):
    before = {p: p.stat().st_mtime_ns for p in copy.root.rglob("*")}
    for _ in range(2):
        subject = load_subject(copy.root, "subj01", cache=tmp_path / "cache")
        np.testing.assert_array_equal(subject.trials.betas, tiny_subject.trials.betas)
        np.testing.assert_array_equal(subject.stimuli.images, tiny_subject.stimuli.images)
        pd.testing.assert_frame_equal(subject.stimuli.captions, tiny_subject.stimuli.captions)
        pd.testing.assert_frame_equal(subject.stimuli.annotations, tiny_subject.stimuli.annotations)
    assert isinstance(subject.trials.betas, np.memmap) and len(list((tmp_path / "cache").iterdir())) == 5
    assert before == {p: p.stat().st_mtime_ns for p in copy.root.rglob("*")}


def test_the_kept_betas_are_mapped_and_neither_read_nor_copied_when_they_are_found_again(copy, tmp_path, monkeypatch):
    first = load_subject(copy.root, "subj01", cache=tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob("subj01-betas-*.npy")
    np.load(path, mmap_mode="r+")[:] = 7                 # whoever reads it to find out which voxels vary is misled
    monkeypatch.setattr(nsd, "read_betas", lambda *_: pytest.fail("read a session again"))
    again = load_subject(copy.root, "subj01", cache=tmp_path / "cache")
    assert first.rois["valid"].any()
    np.testing.assert_array_equal(again.rois["valid"], first.rois["valid"])
    for trials in (again.trials, again.trials.take(slice(100, 200)), again.trials.take(slice(None))):
        assert isinstance(trials.betas, np.memmap) and Path(trials.betas.filename) == path
        assert not trials.betas.flags.owndata and not trials.betas.flags.writeable and (trials.betas == 7).all()


def test_the_cache_notices_that_a_file_changed(copy, tmp_path):
    load_subject(copy.root, "subj01", cache=tmp_path / "cache")
    content = nsd.read_betas(copy.session(2), np.ones(mask_of(copy).shape, bool), 120)
    stored = (content[::-1] * 300).astype(np.int16).reshape(120, *mask_of(copy).T.shape)
    replace(copy.session(2), lambda p: h5py.File(p, "w").create_dataset("betas", data=stored).file.close())
    fresh, kept = load_subject(copy.root, "subj01"), load_subject(copy.root, "subj01", cache=tmp_path / "cache")
    np.testing.assert_array_equal(kept.trials.betas, fresh.trials.betas)


def test_kept_captions_and_classes_give_way_to_other_settings_files_and_missing_ones(copy, tmp_path, monkeypatch):
    def tables(annotations="image", cache=tmp_path / "cache"):
        stimuli = load_subject(copy.root, "subj01", DataConfig(annotations=annotations), cache=cache).stimuli
        return stimuli.captions, stimuli.annotations

    def same(a, b):
        return all(x.equals(y) for x, y in zip(a, b, strict=True))

    whole, crop = tables(), tables("crop")
    assert same(crop, tables("crop", cache=None)) and same(whole, tables())
    assert len(list((tmp_path / "cache").glob("subj01-classes-*"))) == 2       # though the twin's pictures are not cropped
    path = copy.coco / "captions_train2017.json"
    content = json.loads(path.read_text())
    for record in content["annotations"]:
        record["caption"] = 'Says "1 Ω" / 2024-01-01'
    replace(path, lambda p: p.write_text(json.dumps(content)))
    other = tables()
    assert same(other, tables(cache=None)) and not other[0].equals(whole[0]) and other[1].equals(whole[1])
    monkeypatch.setattr(nsd, "read_captions", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(nsd, "read_classes", lambda *_: pytest.fail("read again"))
    assert same(other, tables())
    monkeypatch.undo()
    path.unlink()
    with pytest.raises(LayoutError, match="captions_train2017.json"):
        tables()


def test_progress_is_reported_for_every_session(tiny_twin):
    seen = []
    load_subject(tiny_twin, "subj01", progress=lambda items, desc, total: seen.append((desc, total)) or items)
    assert ("betas, session by session", 2) in seen


# --- bad input -------------------------------------------------------------------------------------------------

def cut_short(layout):
    data = layout.session(2).read_bytes()
    replace(layout.session(2), lambda p: p.write_bytes(data[:len(data) // 2]))


def without_design(layout):
    layout.expdesign.unlink()


def other_shape(layout):
    rewrite_nifti(layout.roi / "nsdgeneral.nii.gz", lambda v: v[1:])


def other_atlas_shape(layout):
    rewrite_nifti(layout.roi / "streams.nii.gz", lambda v: v[1:])


def empty_mask(layout):
    rewrite_nifti(layout.roi / "nsdgeneral.nii.gz", lambda v: np.minimum(v, 0))


def broken_mask(layout):
    replace(layout.roi / "nsdgeneral.nii.gz", lambda p: p.write_bytes(b"no volume"))


def not_a_number(layout):
    with h5py.File(layout.session(1)) as file:
        betas = file["betas"][:].T.astype(np.float32)
    betas[..., 5] = np.nan
    layout.session(1).unlink()
    nib.save(nib.Nifti1Image(betas, np.eye(4)), layout.betas / "betas_session01.nii.gz")


def log_off_by_one(layout):
    log = pd.read_csv(layout.responses, sep="\t")
    log["73KID"] -= 1
    replace(layout.responses, lambda p: log.to_csv(p, sep="\t", index=False))


def table_off_by_one(layout):
    info = pd.read_csv(layout.stim_info, index_col=0)
    info["subject1_rep0"] -= 1
    replace(layout.stim_info, info.to_csv)


def too_few_pictures(layout):
    shape = (50, 425, 425, 3)
    replace(layout.stimuli, lambda p: h5py.File(p, "w").create_dataset("imgBrick", shape, "u1").file.close())


def no_pictures(layout):
    layout.stimuli.unlink()


def pictures_cut_short(layout):
    data = layout.stimuli.read_bytes()
    replace(layout.stimuli, lambda p: p.write_bytes(data[:len(data) // 2]))


def picture_without_caption(layout):
    path = layout.coco / "captions_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"] = content["annotations"][5:]
    replace(path, lambda p: p.write_text(json.dumps(content)))


def captions_cut_short(layout):
    path = layout.coco / "captions_train2017.json"
    text = path.read_text()
    replace(path, lambda p: p.write_text(text[:len(text) // 2]))


def bad_label_table(layout):
    replace(layout.labels[0] / "floc-faces.mgz.ctab", lambda p: p.write_text("0 Unknown\nOFA\n"))


def no_session(layout):
    for n in (1, 2):
        layout.session(n).unlink()


def damaged_design(layout):
    replace(layout.expdesign, lambda p: p.write_bytes(b"MATLAB" * 40))


DAMAGE = {
    cut_short: r"betas_session02.hdf5 cannot be read .*expected betas of 120 trials.*download it again",
    without_design: r"no nsd_expdesign.mat in .*experiments.*use subject='twin01'",
    damaged_design: r"nsd_expdesign.mat cannot be read .*download it again",
    other_shape: r"holds betas of shape \(120, .*expected \(120, .*check that both are func1pt8mm",
    other_atlas_shape: r"streams.nii.gz has shape .*expected .*one resolution",
    empty_mask: r"marks no voxel as 'nsdgeneral', expected at least one; .*damaged",
    broken_mask: r"nsdgeneral.nii.gz cannot be read .*expected a complete NIfTI file",
    not_a_number: r"beta that is not a number \(trial 5, voxel 0 of the mask\), expected finite",
    log_off_by_one: r"responses.tsv logs another 73KID than the design \(first at trial 0 .*off by one",
    table_off_by_one: r"stim_info_merged.csv lists the image for other trials .*off by one",
    too_few_pictures: r"has 50 pictures, but picture \d+ .*expected 1-based ids",
    no_pictures: r"no nsd_stimuli.hdf5 in .*expected the pictures; download it",
    pictures_cut_short: r"nsd_stimuli.hdf5 cannot be read .*expected its dataset imgBrick; download it again",
    picture_without_caption: r"COCO picture 9 has no caption in .*expected at least one",
    captions_cut_short: r"captions_train2017.json cannot be read \(it is cut short, .*expected a complete JSON file",
    bad_label_table: r"line 2 of .*floc-faces.mgz.ctab reads 'OFA', expected an id and a name",
    no_session: r"no betas_session01.hdf5, .nii.gz or .mat.*expected at least one session; download some",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: d.__name__)
def test_damage_is_reported_in_one_sentence(copy, damage):
    damage(copy)
    with pytest.raises(LayoutError, match=DAMAGE[damage]) as caught:
        load_subject(copy.root, "subj01")
    assert "\n" not in str(caught.value)


def test_a_design_that_counts_from_zero_is_refused(copy):
    content = {k: v for k, v in loadmat(copy.expdesign).items() if k[0] != "_"}
    content["masterordering"] = content["masterordering"] - 1
    replace(copy.expdesign, lambda p: savemat(p, content))
    with pytest.raises(LayoutError, match="counts from 0 .*expected ids from 1"):
        design.trial_table(copy)


def test_a_missing_root_says_how_to_get_the_data(tmp_path):
    with pytest.raises(LayoutError, match=r"no NSD at .*; set MINDREADER_NSD or pass .*; access is given by"):
        load_subject(tmp_path / "nowhere", "subj01")


@pytest.mark.parametrize("change, message", [
    ({"roi": "FFA-9"}, r"got roi 'FFA-9', expected one of nsdgeneral, .*FFA-1.*streams/early"),
    ({"split": "half"}, r"got split 'half', expected one of first_appearance, random, shared1000, clusters"),
    ({"zscore": "yes"}, r"got zscore 'yes', expected one of session, session-train, none"),
    ({"annotations": "all"}, r"got annotations 'all', expected one of image, crop"),
    ({"validation_fraction": 1.5}, r"got validation_fraction 1.5, expected a number between 0 and 1"),
    ({"max_sessions": 0}, r"got max_sessions 0, expected at least 1"),
    ({"image_size": 2}, r"got image_size 2, expected at least 8"),
])
def test_settings_that_do_not_exist_are_refused(tiny_twin, change, message):
    with pytest.raises(ValueError, match=message):
        load_subject(tiny_twin, "subj01", DataConfig(**change))


def test_a_ninth_subject_is_refused(tiny_twin):
    with pytest.raises(ValueError, match="got subject 'subj09', expected subj01 to subj08"):
        load_subject(tiny_twin, "subj09")
