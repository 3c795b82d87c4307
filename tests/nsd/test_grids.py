"""Every volume that the mask indexes lies where the mask does, and holds what its name says."""

import logging

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from mindreader.nsd.loader import DataConfig, load_subject
from mindreader.nsd.regions import read_mask
from mindreader.records import LayoutError

VOLUMES = ("ncsnr", "streams", "floc-words", "lh.nsdgeneral")


def path_of(layout, name):
    return layout.ncsnr if name == "ncsnr" else layout.roi / f"{name}.nii.gz"


def rewrite(path, values=lambda v: v, affine=lambda a: a, form=nib.Nifti1Image, header=lambda h: None):
    image = nib.load(path)
    new = form(values(np.asarray(image.dataobj).copy()), affine(image.affine.copy()))
    header(new)
    path.unlink()
    nib.save(new, path)


def twice_as_fine(volume):
    return volume.repeat(2, 0).repeat(2, 1).repeat(2, 2)


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("change, message", [
    ({"values": twice_as_fine}, "has shape .*expected .* like the mask .*func1pt8mm"),
    ({"values": lambda v: v[1:]}, "has shape .*expected .* like the mask"),
    ({"affine": lambda a: a + np.eye(4, k=3) * 1.8}, "lies elsewhere, by its affine .*expected that of the mask"),
    ({"affine": lambda a: a @ np.diag([-1, 1, 1, 1])}, "lies elsewhere"),
    ({"affine": lambda a: a @ np.diag([0.5, 0.5, 0.5, 1])}, "lies elsewhere"),
    ({"values": lambda v: np.stack([v, v], -1)}, "has shape"),
    ({"values": lambda v: v.astype(np.complex64)}, "holds complex64, expected one plain number"),
])
def test_a_volume_of_another_grid_is_refused(small, name, change, message):
    rewrite(path_of(small, name), **change)
    with pytest.raises(LayoutError, match=f"{name}.nii.gz {message}"):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("name", [*VOLUMES, "nsdgeneral"])
@pytest.mark.parametrize("change", [
    {"values": lambda v: v.astype(np.float64)}, {"values": lambda v: v[..., None]}, {"form": nib.Nifti2Image},
    {"affine": lambda a: a + 1e-5 * (np.arange(4) < 3)[:, None]},
    {"header": lambda image: (image.set_qform(image.affine, 1), image.set_sform(None, 0))},
    {"header": lambda image: (image.set_qform(None, 0), image.set_sform(None, 0))},
])
def test_the_same_values_in_another_form_are_the_same(small, smallest_subject, name, change):
    rewrite(path_of(small, name), **change)
    subject = load_subject(small.root, "subj01")
    np.testing.assert_array_equal(subject.ncsnr, smallest_subject.ncsnr)
    assert subject.rois.keys() == smallest_subject.rois.keys()
    assert all((subject.rois[r] == smallest_subject.rois[r]).all() for r in subject.rois)


@pytest.mark.parametrize("value, shown", [(np.nan, "nan"), (np.inf, "inf"), (2.4, "2.4"), (40, "40"), (65537, "65537"), (-3, "-3")])
def test_a_label_that_is_none_is_refused(small, value, shown):
    rewrite(small.roi / "streams.nii.gz", lambda v: np.where(v == 5, value, v).astype(np.float64))
    with pytest.raises(LayoutError, match=rf"streams.nii.gz has {shown} in \d+ voxels, expected -1 .*labels from 1 to 7"):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("value, shown", [(np.inf, "inf"), (-0.5, "-0.5"), (150, "150")])
def test_an_ncsnr_that_is_none_is_refused(small, value, shown):
    rewrite(small.ncsnr, lambda v: np.where(np.isfinite(v), value, v).astype(np.float32))
    with pytest.raises(LayoutError, match=rf"ncsnr.nii.gz has {shown} for 40 voxels of the mask, expected a signal-to-noise"):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("change", [lambda p: p.unlink(), lambda p: rewrite(p, lambda v: v * np.nan)])
def test_without_an_ncsnr_a_warning_says_that_no_ceiling_is_known(small, smallest_subject, caplog, change):
    change(small.ncsnr)
    with caplog.at_level(logging.WARNING):
        subject = load_subject(small.root, "subj01")
    assert np.isnan(subject.ncsnr).all() and len(subject.ncsnr) == smallest_subject.n_voxels
    assert "noise ceilings are not known" in caplog.text and "ncsnr.nii.gz" in caplog.text and "download it" in caplog.text


def test_betas_in_nifti_lie_where_the_mask_does(small, smallest_subject):
    with h5py.File(small.session(1)) as file:
        betas = file["betas"][:].T
    small.session(1).unlink()
    path, affine = small.betas / "betas_session01.nii.gz", nib.load(small.ncsnr).affine
    nib.save(nib.Nifti1Image(betas, affine), path)
    np.testing.assert_array_equal(load_subject(small.root, "subj01").trials.betas, smallest_subject.trials.betas)
    nib.save(nib.Nifti1Image(betas, affine + np.eye(4, k=3)), path)
    with pytest.raises(LayoutError, match="betas_session01.nii.gz lies elsewhere"):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("kind", ["i4", ">i2", "f4", "f8"])
def test_betas_of_another_type_are_the_same_if_they_are_nsds(small, smallest_subject, kind):
    with h5py.File(small.session(1)) as file:
        betas = file["betas"][:]
    for content, message in ((betas.astype(kind), ""), (betas.astype("f4") / 300, "expected whole numbers from -32768 to 32767"),
                             (betas.astype("i4") + 70000, "expected whole numbers from -32768 to 32767"),
                             (betas.view("u2"), "expected whole numbers"), (betas.astype("S8"), "expected numbers as NSD")):
        small.session(1).unlink()
        with h5py.File(small.betas / "betas_session01.hdf5", "w") as file:
            file["betas"] = content
        if message:
            with pytest.raises(LayoutError, match=message):
                load_subject(small.root, "subj01")
        else:
            np.testing.assert_array_equal(load_subject(small.root, "subj01").trials.betas, smallest_subject.trials.betas)


def test_what_does_not_fit_is_known_before_any_session_is_read(small, monkeypatch):
    from mindreader.nsd import loader

    monkeypatch.setattr(loader, "read_betas", lambda *_: pytest.fail("read a session"))
    with h5py.File(small.session(2)) as file:
        betas = file["betas"][:-1]
    small.session(2).unlink()
    with h5py.File(small.betas / "betas_session02.hdf5", "w") as file:
        file["betas"] = betas
    with pytest.raises(LayoutError, match=r"betas_session02.hdf5 holds betas of shape \(23"):
        load_subject(small.root, "subj01")


# --- ids -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key, change, message", [
    ("masterordering", lambda a: np.where(a == 3, np.nan, a.astype(float)), "has nan in 'masterordering', expected whole numbers"),
    ("subjectim", lambda a: a + 0.5, "has .* in 'subjectim', expected whole numbers"),
    ("subjectim", lambda a: a[:0], "expected a matrix of numbers"),
    ("subjectim", lambda a: a.astype(complex), "has complex128 .*expected a matrix of numbers"),
    ("masterordering", lambda a: "words", "expected a matrix of numbers"),
    ("sharedix", lambda a: a + 1, r"shared pictures .*are not the same .*off by one"),
    ("sharedix", lambda a: a[:, :-1], "shared pictures .*expected the same"),
])
def test_ids_of_the_design_that_are_none_are_refused(small, key, change, message):
    content = {k: v for k, v in loadmat(small.expdesign).items() if k[0] != "_"}
    small.expdesign.unlink()
    savemat(small.expdesign, content | {key: change(content[key])})
    with pytest.raises(LayoutError, match=f"nsd_expdesign.mat .*{message}"):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("column, value, message", [
    ("cocoId", "", "has 'nan' as cocoId in row 3 "), ("nsdId", "4.5", "has '4.5' as nsdId in row 3"),
    ("nsdId", "3", "has the nsdId 3 twice"), ("cocoSplit", "test2017", "has 'test2017' as cocoSplit of picture 2, expected train2017"),
    ("subject1_rep2", "x", "has 'x' as subject1_rep2 in row 3"),
])
def test_ids_of_the_table_of_stimuli_that_are_none_are_refused(small, column, value, message):
    info = pd.read_csv(small.stim_info, dtype=str)
    info.iloc[2, info.columns.get_loc(column)] = value
    small.stim_info.unlink()
    info.to_csv(small.stim_info, index=False)
    with pytest.raises(LayoutError, match=message):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("column, value, message", [("SESSION", "", "as SESSION in row 1"), ("SESSION", "0", "'0' as SESSION in row 1"),
                                                    ("73KID", "x", "'x' as 73KID in row 1")])
def test_ids_of_the_log_that_are_none_are_refused(small, column, value, message):
    log = pd.read_csv(small.responses, sep="\t", dtype=str)
    log.loc[0, column] = value
    small.responses.unlink()
    log.to_csv(small.responses, sep="\t", index=False)
    with pytest.raises(LayoutError, match=message):
        load_subject(small.root, "subj01")


@pytest.mark.parametrize("lines, message", [
    ("0 Unknown\n1 OFA\n1 FFA-1\n", "gives 'FFA-1' the id 1, expected each id and name once, and 2 as NSD has it"),
    ("1 Unknown\n2 OFA\n", "gives 'Unknown' the id 1, expected .* and 0 as NSD"), ("² OFA\n", "expected an id and a name"),
    ("9" * 5000 + " OFA\n", "expected an id and a name"), ("0 Unknown\n", "has no label"),
])
def test_a_table_of_labels_that_is_none_is_refused(small, lines, message):
    path = small.labels[0] / "floc-faces.mgz.ctab"
    path.unlink()
    path.write_text(lines)
    with pytest.raises(LayoutError, match=message):
        load_subject(small.root, "subj01")


def test_a_name_of_a_region_is_no_path(small):
    with pytest.raises(ValueError, match="got roi '../roi/nsdgeneral', expected one of nsdgeneral"):
        read_mask(small, "../roi/nsdgeneral")
    with pytest.raises(ValueError, match="expected one of nsdgeneral"):
        load_subject(small.root, "subj01", DataConfig(roi=""))


SAVED_AGAIN = {
    "semicolons": lambda t: t.to_csv(sep=";", index=False), "tabs": lambda t: t.to_csv(sep="\t", index=False),
    "commas": lambda t: t.to_csv(index=False), "decimal commas": lambda t: t.to_csv(sep=";", decimal=",", index=False),
    "one more index": lambda t: t.to_csv(sep="\t"), "quoted": lambda t: t.to_csv(sep=";", quoting=1, index=False),
    "blanks in the head": lambda t: t.rename(columns=" {} ".format).to_csv(index=False),
    "empty rows": lambda t: t.to_csv(index=False) + "\n" + "," * (t.shape[1] - 1) + "\n", "with a point": lambda t: t.astype(
        {c: float for c in t.select_dtypes("integer")}).to_csv(index=False),
    "old Macintosh": lambda t: t.to_csv(index=False).replace("\n", "\r"),
}


@pytest.mark.parametrize("form", SAVED_AGAIN)
@pytest.mark.parametrize("file, sep", [("stim_info", ","), ("responses", "\t")])
def test_a_table_that_a_spreadsheet_saved_again_is_the_same(small, smallest_subject, file, sep, form):
    path = getattr(small, file)
    table = pd.read_csv(path, sep=sep)
    path.unlink()
    path.write_text(SAVED_AGAIN[form](table), encoding="utf-8", newline="")
    subject = load_subject(small.root, "subj01")
    np.testing.assert_array_equal(subject.trials.image_ids, smallest_subject.trials.image_ids)
    assert subject.stimuli.captions.equals(smallest_subject.stimuli.captions)


@pytest.mark.parametrize("shown", ["5.32E+05", "532,481", "532481.5", "0x10", "1e3"])
def test_an_id_that_a_spreadsheet_shortened_is_no_other_id(small, shown):
    table = pd.read_csv(small.stim_info, dtype={"cocoId": str})
    table.loc[3, "cocoId"] = shown
    small.stim_info.unlink()
    table.to_csv(small.stim_info, index=False)
    with pytest.raises(LayoutError, match=f"has {shown!r} as cocoId in row 4 .*expected whole numbers from 1".replace("+", r"\+")):
        load_subject(small.root, "subj01")


def test_coco_s_folder_may_begin_with_the_home(small, smallest_subject, monkeypatch):
    monkeypatch.setenv("HOME", str(small.coco.parent))
    subject = load_subject(small.root, "subj01", DataConfig(coco_folder="~/annotations"))
    assert subject.stimuli.captions.equals(smallest_subject.stimuli.captions) and len(subject.stimuli.annotations)
