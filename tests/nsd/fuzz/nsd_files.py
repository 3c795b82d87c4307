"""What may happen to NSD's own files: betas, pictures, design, log, table of stimuli, volumes and tables of labels."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from .damage import (ABSENT, BYTES, EITHER, NO_FILE, REFUSED, SAME, Damage, damage, inside_gzip, missing, on_bytes,
                     one_bit_flipped, bits_flipped_at_the_start, truncated, huge_number, write)
from .oracle import Kind


# ── HDF5: betas and pictures ──────────────────────────────────────────────────────────────────────────────────────────
def hdf5(effect: str, **stored) -> Callable:
    """Make a Damage of a function (array, rng) -> array, stored anew with these options of h5py."""
    def of(function):
        def apply(path, rng):
            with h5py.File(path) as file:
                (name,) = file
                content = function(file[name][()], rng)
            path.unlink()
            with h5py.File(path, "w") as file:
                file.create_dataset(name, data=content, **stored)
        return Damage(function.__name__, effect, apply)
    return of


def _cast(kind: str, effect: str = SAME) -> Damage:
    return Damage(f"stored_as_{kind}", effect, hdf5(effect)(lambda a, rng: a.astype(kind)).apply)


@hdf5(SAME, compression="gzip", shuffle=True, fletcher32=True)
def compressed(content, rng):
    return content


@hdf5(SAME)
def in_one_piece(content, rng):
    return content


@damage(SAME)
def more_datasets(path, rng):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "mine"
        file.create_group("more")["sums"] = np.arange(5)


@hdf5(REFUSED)
def a_row_less(content, rng):
    return content[:-1]


@hdf5(REFUSED)
def turned(content, rng):
    return content.transpose(3, 2, 1, 0)


@hdf5(REFUSED)
def one_axis_more(content, rng):
    return content[None]


@hdf5(REFUSED)
def one_axis_less(content, rng):
    return content.reshape(len(content), -1)


@hdf5(REFUSED)
def one_number(content, rng):
    return content.ravel()[0]


@hdf5(REFUSED)
def nothing_stored(content, rng):
    return h5py.Empty(content.dtype)


@hdf5(REFUSED)
def words(content, rng):
    return content.astype(float).astype("S12")


@hdf5(REFUSED)
def complex_numbers(content, rng):
    return content.astype(np.complex64)


@hdf5(REFUSED)
def records(content, rng):
    return content.astype([("value", content.dtype)])


@hdf5(REFUSED)
def not_numbers(content, rng):
    return np.where(rng.random(content.shape[:1] + (1,) * (content.ndim - 1)) < 0.9, np.nan, content)


@hdf5(REFUSED)
def endless_numbers(content, rng):
    return np.where(content == content, rng.choice([-np.inf, np.inf]), content)


@hdf5(REFUSED)
def divided(content, rng):
    return content / 300


@hdf5(REFUSED)
def too_large(content, rng):
    return content.astype(np.int64) + 2 ** 40


@hdf5(REFUSED)
def all_zero(content, rng):
    return np.zeros_like(content)


def renamed_inside(path, place):
    """Put the only data of a file where `place` says for its name."""
    with h5py.File(path) as file:
        (name,) = file
        content = file[name][()]
    path.unlink()
    with h5py.File(path, "w") as file:
        file[place(name)] = content


@damage(REFUSED)
def another_name(path, rng):
    renamed_inside(path, lambda name: rng.choice(["data", name.upper(), f"{name}2", "betas_z"]))


@damage(REFUSED)
def a_group(path, rng):
    renamed_inside(path, lambda name: f"{name}/value")


@damage(REFUSED)
def a_link_to_another_file(path, rng):
    with h5py.File(path) as file:
        (name,) = file
    path.unlink()
    with h5py.File(path, "w") as file:
        file[name] = h5py.ExternalLink("elsewhere.hdf5", name)


@damage(REFUSED)
def terabytes(path, rng):
    with h5py.File(path) as file:
        (name,) = file
        shape, dtype = list(file[name].shape), file[name].dtype
    shape[rng.integers(1, len(shape))] = 2 ** int(rng.integers(25, 45))
    path.unlink()
    with h5py.File(path, "w") as file:
        file.create_dataset(name, shape, dtype, chunks=(1,) * len(shape))


@damage(REFUSED)
def never_filled(path, rng):
    with h5py.File(path) as file:
        (name,) = file
        shape, dtype = file[name].shape, file[name].dtype
    path.unlink()
    with h5py.File(path, "w") as file:
        file.create_dataset(name, shape, dtype, chunks=(shape[0], *(1,) * (len(shape) - 1)) if rng.integers(2) else None)


@damage(REFUSED)
def a_slab_never_filled(path, rng):
    with h5py.File(path) as file:
        (name,) = file
        content = file[name][()]
    path.unlink()
    with h5py.File(path, "w") as file:
        out = file.create_dataset(name, content.shape, content.dtype, chunks=(8, 4, 4, content.shape[3]))
        out[8:] = content[8:]


@hdf5(EITHER)
def rows_in_another_order(content, rng):
    return content[rng.permutation(len(content))]


@damage(SAME)
def as_nifti(path, rng):
    with h5py.File(path) as file:
        betas = file["betas"][:].T
    mask = nib.load(_roi_folder(path) / "nsdgeneral.nii.gz")
    path.unlink()
    nib.save(nib.Nifti1Image(betas, mask.affine), path.with_suffix(".nii.gz"))


@damage(REFUSED)
def as_nifti_of_another_place(path, rng):
    as_nifti.apply(path, rng)
    moved.apply(path.with_suffix(".nii.gz"), rng)


@damage(EITHER)
def as_damaged_nifti(path, rng):
    as_nifti.apply(path, rng)
    (one_bit_flipped, truncated, bits_flipped_at_the_start)[rng.integers(3)].apply(path.with_suffix(".nii.gz"), rng)


@damage(SAME)
def as_mat(path, rng):
    path.rename(path.with_suffix(".mat"))


@damage(SAME)
def more_sessions(path, rng):
    for name in ("betas_session00.hdf5", "betas_session41.hdf5", "betas_session1.hdf5", "nsdimagerybetas_session01.hdf5"):
        (path.parent / name).write_bytes(b"nothing")


def _roi_folder(betas: Path) -> Path:
    root = betas.parents[5]
    return root / "nsddata" / "ppdata" / "subj01" / "func1pt8mm" / "roi"


@hdf5(SAME)
def more_pictures(content, rng):
    return np.concatenate([content, content[:3]])


@hdf5(REFUSED)
def colours_first(content, rng):
    return content.transpose(0, 3, 1, 2)


@hdf5(REFUSED)
def grey(content, rng):
    return content[..., :1]


@hdf5(REFUSED)
def with_alpha(content, rng):
    return np.concatenate([content, content[..., :1]], -1)


@hdf5(REFUSED)
def from_0_to_1(content, rng):
    return (content / 255).astype(np.float32)


@hdf5(REFUSED)
def negative(content, rng):
    return content.astype(np.int16) - 128


HDF5 = (in_one_piece, compressed, more_datasets, a_row_less, turned, one_axis_more, one_axis_less, one_number, nothing_stored,
        words, complex_numbers, records, not_numbers, endless_numbers, too_large, all_zero, another_name, a_group,
        a_link_to_another_file, terabytes, never_filled, a_slab_never_filled)
BETAS = (*HDF5, *map(_cast, ("i4", ">i2", "f4", "f8", ">f8")), _cast("?", REFUSED), divided, rows_in_another_order, as_nifti,
         as_nifti_of_another_place, as_damaged_nifti, as_mat, more_sessions)
PICTURES = (*HDF5, *map(_cast, ("i2", ">u2", "f4", "i8")), _cast("?", REFUSED), more_pictures, colours_first, grey, with_alpha,
            from_0_to_1, negative)


# ── MATLAB: the design ────────────────────────────────────────────────────────────────────────────────────────────────
def mat(effect: str, **options) -> Callable:
    """Make a Damage of a function (content of the file, rng) that changes it."""
    def of(function):
        def apply(path, rng):
            content = {k: v for k, v in loadmat(path).items() if k[0] != "_"}
            function(content, rng)
            out = io.BytesIO()
            savemat(out, content, **options)
            write(path, out.getvalue())
        return Damage(function.__name__, effect, apply)
    return of


NEEDED = ("masterordering", "subjectim", "sharedix")


@mat(SAME, do_compression=True)
def compressed_mat(content, rng):
    pass


@mat(SAME)
def other_types(content, rng):
    for key in NEEDED:
        content[key] = content[key].astype(rng.choice(["u1", "i2", "u4", "f4", "i8"]))


@mat(SAME)
def a_column_for_a_row(content, rng):
    content["masterordering"] = content["masterordering"].reshape(-1, 1)


@mat(SAME)
def more_variables(content, rng):
    content["notes"] = np.array(["mine"], object)
    content.pop("basiccnt", None)


@mat(REFUSED)
def ids_shifted(content, rng):
    key = NEEDED[rng.integers(3)]
    content[key] = content[key] + rng.choice([-1.0, 1, 1000, 2 ** 40, -2 ** 40])


@mat(REFUSED)
def an_id_not_whole(content, rng):
    key = NEEDED[rng.integers(3)]
    content[key] = content[key].astype(float)
    content[key][0, rng.integers(content[key].shape[1])] = rng.choice([np.nan, np.inf, -np.inf, 2.5, 1e300])


@mat(REFUSED)
def a_variable_less(content, rng):
    del content[NEEDED[rng.integers(2)]]


@mat(REFUSED)
def an_empty_variable(content, rng):
    content[NEEDED[rng.integers(3)]] = np.zeros((0, 0))


@mat(REFUSED)
def words_for_ids(content, rng):
    content[NEEDED[rng.integers(3)]] = rng.choice(["some words", "1 2 3"])


@mat(REFUSED)
def cells_for_ids(content, rng):
    key = NEEDED[rng.integers(3)]
    cells = np.empty((1, 3), object)
    cells[:] = [[np.arange(3), "x", np.zeros((2, 2))]]
    content[key] = cells


@mat(REFUSED)
def complex_ids(content, rng):
    key = NEEDED[rng.integers(3)]
    content[key] = content[key] + 1j


@mat(REFUSED)
def sparse_ids(content, rng):
    key = NEEDED[rng.integers(3)]
    content[key] = csc_matrix(content[key].astype(float))


@mat(REFUSED)
def a_structure_for_ids(content, rng):
    key = NEEDED[rng.integers(3)]
    content[key] = {"value": content[key]}


@mat(REFUSED)
def no_subjects(content, rng):
    content["subjectim"] = content["subjectim"][:0] if rng.integers(2) else content["subjectim"][1:]


@mat(REFUSED)
def pictures_turned(content, rng):
    content["subjectim"] = content["subjectim"].T


@mat(REFUSED)
def trials_in_another_order(content, rng):
    content["masterordering"] = rng.permutation(content["masterordering"].ravel())[None]


@mat(REFUSED)
def trials_lost(content, rng):
    content["masterordering"] = content["masterordering"][:, :-int(rng.integers(1, 30))]


@mat(REFUSED)
def other_sessions(content, rng):
    n = int(rng.choice([0, 1, 5, 48]))
    content["stimpattern"] = np.zeros((n, 12, 75))


@damage(REFUSED)
def as_mat_7_3(path, rng):
    content = {k: v for k, v in loadmat(path).items() if k[0] != "_"}
    path.unlink()
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, value in content.items():
            file[key] = value.T
    raw = path.read_bytes()
    write(path, b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H2s", 0x0200, b"IM") + raw[128:])


DESIGN = (compressed_mat, other_types, a_column_for_a_row, more_variables, ids_shifted, an_id_not_whole, a_variable_less,
          an_empty_variable, words_for_ids, cells_for_ids, complex_ids, sparse_ids, a_structure_for_ids, no_subjects,
          pictures_turned, trials_in_another_order, trials_lost, other_sessions, as_mat_7_3)


# ── tables: the log of responses and the table of stimuli ─────────────────────────────────────────────────────────────
def rows(effect: str, **options) -> Callable:
    """Make a Damage of a function (rows with the header first, rng) -> rows; options are the csv writer's."""
    def of(function):
        def apply(path, rng):
            delimiter = "\t" if path.suffix == ".tsv" else ","
            with open(path, newline="") as file:
                content = list(csv.reader(file, delimiter=delimiter))
            out = io.StringIO()
            csv.writer(out, **{"delimiter": delimiter, "lineterminator": "\n"} | options).writerows(function(content, rng))
            write(path, out.getvalue().encode())
        return Damage(function.__name__, effect, apply)
    return of


def _set(content: list, column: str, value: Callable, where=None) -> list:
    at = content[0].index(column)
    for i in range(1, len(content)) if where is None else [where]:
        content[i][at] = str(value(content[i][at]))
    return content


@rows(SAME, lineterminator="\r\n")
def lines_of_windows(content, rng):
    return content


@rows(SAME, quoting=csv.QUOTE_ALL)
def quoted(content, rng):
    return content


@rows(SAME)
def columns_in_another_order(content, rng):
    order = rng.permutation(len(content[0]))
    return [[row[i] for i in order] for row in content]


@rows(SAME)
def one_column_more(content, rng):
    return [row + ["note" if i == 0 else "x"] for i, row in enumerate(content)]


@on_bytes(SAME)
def byte_order_mark(data, rng):
    return b"\xef\xbb\xbf" + data


@on_bytes(EITHER)
def in_utf_16(data, rng):
    return data.decode().encode("utf-16")


@rows(SAME, delimiter=";")
def semicolons(content, rng):
    return content


@rows(REFUSED)
def header_alone(content, rng):
    return content[:1]


@rows(REFUSED)
def no_header(content, rng):
    return content[1:]


@rows(REFUSED)
def a_column_lost(content, rng):
    needed = [c for c in ("SESSION", "73KID", "10KID", "nsdId", "cocoId", "cocoSplit", "cropBox", "subject1_rep0") if c in content[0]]
    at = content[0].index(rng.choice(needed))
    return [row[:at] + row[at + 1:] for row in content]


@rows(REFUSED)
def ids_of_a_column_shifted(content, rng):
    column = rng.choice([c for c in ("SESSION", "73KID", "10KID", "nsdId", "subject1_rep0") if c in content[0]])
    by = int(rng.choice([-1, 1, 1000, -1000, 2 ** 40, 2 ** 62]))
    return _set(content, column, lambda v: int(v) + by)


@rows(REFUSED)
def an_id_that_is_none(content, rng):
    column = rng.choice([c for c in ("SESSION", "73KID", "10KID", "nsdId", "cocoId") if c in content[0]])
    value = rng.choice(["", "NaN", "inf", "-inf", "1e400", "seven", "2.5", "-3", "9" * 40, "0x10", "None"])
    where = _shown_row(content, rng)
    return _set(content, column, lambda v: value, where)


def _shown_row(content: list, rng) -> int:
    """A row of a trial, or of a picture that subject 1 saw within the two sessions of the tree."""
    if "subject1_rep0" not in content[0]:
        return int(rng.integers(1, len(content)))
    at = content[0].index("subject1_rep0")
    return int(rng.choice([i for i in range(1, len(content)) if 1 <= int(content[i][at]) <= 48]))


@rows(REFUSED)
def a_row_twice(content, rng):
    at = _shown_row(content, rng)
    return content[:at] + content[at:at + 1] + content[at:]


@rows(EITHER)
def a_row_lost(content, rng):
    at = _shown_row(content, rng)
    if "SESSION" in content[0]:
        at = min(at, len(content) - 3)
    return content[:at] + content[at + 1:]


@rows(REFUSED)
def a_row_cut(content, rng):
    at = _shown_row(content, rng)
    content[at] = content[at][:int(rng.integers(1, 5))]
    return content


@rows(SAME)
def rows_of_pictures_in_another_order(content, rng):
    return content[:1] + [content[1 + i] for i in rng.permutation(len(content) - 1)]


@rows(EITHER)
def rows_of_trials_in_another_order(content, rng):
    return content[:1] + [content[1 + i] for i in rng.permutation(len(content) - 1)]


@rows(SAME)
def last_session_not_logged(content, rng):
    return content[:25]


@rows(SAME)
def only_what_is_needed(content, rng):
    keep = [content[0].index(c) for c in ("SESSION", "73KID", "10KID")]
    return [[row[i] for i in keep] for row in content]


@rows(SAME)
def whole_numbers_as_floats(content, rng):
    for column in ("SESSION", "73KID", "10KID", "nsdId", "cocoId", "subject1_rep0"):
        if column in content[0]:
            _set(content, column, float)
    return content


@rows(EITHER)
def two_pictures_of_one_coco_id(content, rng):
    at = content[0].index("cocoId")
    content[_shown_row(content[:12], rng)][at] = content[_shown_row([content[0]] + [["0"] * 99] * 11 + content[12:], rng)][at]
    return content


@rows(REFUSED)
def coco_id_of_no_picture(content, rng):
    value = rng.choice([-1, 0, 10 ** 7, 2 ** 40, 2 ** 62])
    return _set(content, "cocoId", lambda v: value, _shown_row(content, rng))


@rows(REFUSED)
def another_part_of_coco(content, rng):
    value = rng.choice(["test2017", "val2017", "", "train2014", "../train2017", "TRAIN2017"])
    return _set(content, "cocoSplit", lambda v: value, _shown_row(content, rng))


@rows(REFUSED)
def other_shared_pictures(content, rng):
    at = content[0].index("shared1000")
    flip = {"True": "False", "False": "True"}
    return _set(content, "shared1000", flip.get, _shown_row(content, rng))


@rows(EITHER)
def a_crop_that_is_none(content, rng):
    value = rng.choice(["", "nan", "(0, 0, 0)", "(0, 0, 0, 1)", "(0, 0, -0.5, 0)", "__import__('os')", "(0, 0", "[0, 0, 0, 0]",
                        "('a', 0, 0, 0)", "(nan, 0, 0, 0)", "(1e400, 0, 0, 0)", "((" * 500, "9" * 5000])
    return _set(content, "cropBox", lambda v: value, _shown_row(content, rng))


TABLES = (lines_of_windows, quoted, columns_in_another_order, one_column_more, byte_order_mark, in_utf_16, semicolons,
          no_header, a_column_lost, ids_of_a_column_shifted, an_id_that_is_none, a_row_twice, a_row_lost,
          whole_numbers_as_floats)
LOG = (*TABLES, last_session_not_logged, only_what_is_needed, rows_of_trials_in_another_order)
STIMULI = (*TABLES, header_alone, a_row_cut, rows_of_pictures_in_another_order, two_pictures_of_one_coco_id,
           coco_id_of_no_picture, another_part_of_coco, other_shared_pictures, a_crop_that_is_none)


# ── NIfTI: labels and ncsnr ───────────────────────────────────────────────────────────────────────────────────────────
def nifti(effect: str) -> Callable:
    """Make a Damage of a function (values, affine, rng) -> (values, affine)."""
    def of(function):
        def apply(path, rng):
            image = nib.load(path)
            values, affine = function(np.asarray(image.dataobj).copy(), image.affine.copy(), rng)
            path.unlink()
            nib.save(nib.Nifti1Image(values, affine), path)
        return Damage(function.__name__, effect, apply)
    return of


def _volume_as(kind: str) -> Damage:
    return Damage(f"volume_as_{kind}", SAME, nifti(SAME)(lambda v, a, rng: (v.astype(kind), a)).apply)


@nifti(SAME)
def one_volume_of_four_axes(volume, affine, rng):
    return volume[..., None], affine


@nifti(SAME)
def affine_rounded(volume, affine, rng):
    return volume, affine + rng.uniform(-1e-5, 1e-5, affine.shape) * (np.arange(4) < 3)[:, None]


@damage(SAME)
def as_nifti_2(path, rng):
    image = nib.load(path)
    values = np.asarray(image.dataobj).copy()
    path.unlink()
    nib.save(nib.Nifti2Image(values, image.affine), path)


@damage(SAME)
def other_byte_order(path, rng):
    image = nib.load(path)
    values = np.asarray(image.dataobj).copy()
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(values.dtype.newbyteorder(">"))
    path.unlink()
    nib.save(nib.Nifti1Image(values, image.affine, header), path)


@damage(SAME)
def place_in_the_qform(path, rng):
    image = nib.load(path)
    new = nib.Nifti1Image(np.asarray(image.dataobj).copy(), image.affine)
    new.set_qform(image.affine, 1)
    new.set_sform(None, 0)
    path.unlink()
    nib.save(new, path)


@nifti(REFUSED)
def moved(volume, affine, rng):
    affine[rng.integers(3), 3] += rng.choice([-3.6, -1.8, 0.5, 1.8, 10])
    return volume, affine


@nifti(REFUSED)
def mirrored_affine(volume, affine, rng):
    affine[0] *= -1
    return volume, affine


@nifti(REFUSED)
def of_one_millimetre(volume, affine, rng):
    return np.repeat(np.repeat(np.repeat(volume, 2, 0), 2, 1), 2, 2), affine @ np.diag([.5, .5, .5, 1])


@nifti(REFUSED)
def a_slice_less(volume, affine, rng):
    return np.take(volume, np.arange(volume.shape[axis := int(rng.integers(3))] - 1), axis), affine


@nifti(REFUSED)
def axes_swapped(volume, affine, rng):
    return volume.transpose(2, 0, 1), affine


@nifti(REFUSED)
def two_volumes(volume, affine, rng):
    return np.stack([volume, volume], -1), affine


@nifti(REFUSED)
def complex_volume(volume, affine, rng):
    return volume.astype(np.complex64), affine


@nifti(REFUSED)
def colours(volume, affine, rng):
    return np.zeros(volume.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")]), affine


@nifti(REFUSED)
def between_labels(volume, affine, rng):
    return volume + np.float32(rng.choice([0.2, 0.5, -0.4])), affine


@nifti(REFUSED)
def labels_that_are_none(volume, affine, rng):
    volume = volume.astype(np.float32)
    volume[volume > 0] = rng.choice([np.nan, np.inf, -np.inf])
    return volume, affine


@nifti(REFUSED)
def labels_of_no_region(volume, affine, rng):
    volume = volume.astype(np.int32)
    volume[volume > 0] = rng.choice([40, 1000, 65536 + 1, 2 ** 31 - 1, -7])
    return volume, affine


@nifti(REFUSED)
def negative_ratio(volume, affine, rng):
    return np.where(np.isfinite(volume), -1 - volume, np.nan), affine


@nifti(REFUSED)
def endless_ratio(volume, affine, rng):
    return np.where(np.isfinite(volume), np.inf, volume), affine


@nifti(REFUSED)
def in_percent(volume, affine, rng):
    return volume * 1000 + 200, affine


@damage(ABSENT)
def no_ratio_known(path, rng):
    nifti(ABSENT)(lambda v, a, rng: (np.full_like(v, np.nan), a)).apply(path, rng)


@damage(REFUSED)
def not_compressed(path, rng):
    image = nib.load(path)
    write(path, nib.Nifti1Image(np.asarray(image.dataobj).copy(), image.affine).to_bytes())


@damage(REFUSED)
def header_of_terabytes(path, rng):
    image = nib.load(path)
    raw = bytearray(nib.Nifti1Image(np.asarray(image.dataobj).copy(), image.affine).to_bytes())
    for axis in range(3):
        struct.pack_into("<h", raw, 42 + 2 * axis, 32767)
    out = io.BytesIO()
    import gzip
    out.write(gzip.compress(bytes(raw)))
    write(path, out.getvalue())


VOLUMES = (one_volume_of_four_axes, affine_rounded, as_nifti_2, other_byte_order, place_in_the_qform, moved, mirrored_affine,
           of_one_millimetre, a_slice_less, axes_swapped, two_volumes, complex_volume, colours, not_compressed,
           header_of_terabytes, *map(inside_gzip, (truncated,)))
LABELS = (*VOLUMES, *map(_volume_as, ("i1", "i4", "f4", "f8")), between_labels, labels_that_are_none, labels_of_no_region)
RATIO = (*VOLUMES, _volume_as("f8"), negative_ratio, endless_ratio, in_percent, no_ratio_known)


# ── tables of labels ──────────────────────────────────────────────────────────────────────────────────────────────────
def lines(effect: str) -> Callable:
    """Make a Damage of a function (lines, rng) -> lines."""
    return lambda f: Damage(f.__name__, effect, lambda p, rng: write(p, "".join(f(p.read_text().splitlines(True), rng)).encode()))


@lines(SAME)
def more_white_space(content, rng):
    return ["\n", "# mine\n", *("  " + "\t ".join(line.split()) + " 0 255 0 0 \t\r\n" for line in content)]


@lines(SAME)
def lines_in_another_order(content, rng):
    return [content[i] for i in rng.permutation(len(content))]


@lines(REFUSED)
def labels_shifted(content, rng):
    return [f"{int(line.split()[0]) + 1} {line.split()[1]}\n" for line in content]


@lines(REFUSED)
def one_label_twice(content, rng):
    return content[:-1] + [f"{content[1].split()[0]} {content[-1].split()[1]}\n"] if len(content) > 2 else content + content


@lines(REFUSED)
def names_swapped(content, rng):
    ids, names = zip(*(line.split()[:2] for line in content))
    return [f"{i} {n}\n" for i, n in zip(ids, (*names[1:], names[0]))]


@lines(REFUSED)
def no_label(content, rng):
    at = int(rng.integers(len(content)))
    return content[:at] + [rng.choice(["OFA\n", "one V1v\n", "² V1v\n", "1.5 V1v\n", "7\n", "9" * 5000 + " V1v\n", "\x00\x01 \x02\n"])] + \
        content[at + 1:]


@on_bytes(EITHER)
def binary(data, rng):
    return rng.bytes(len(data))


LABEL_TABLES = (more_white_space, lines_in_another_order, labels_shifted, one_label_twice, names_swapped, no_label, binary)

NAMED = "[pfs]*"       # prf-visualrois, floc-*, streams: whose labels are looked up
ROI = "nsddata/ppdata/subj01/func1pt8mm/roi"
BETAS_FOLDER = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
KINDS = (
    Kind(f"{BETAS_FOLDER}/betas_session*.hdf5", (*BYTES, *NO_FILE, missing, *BETAS), frozenset({"betas", "valid"})),
    Kind(f"{BETAS_FOLDER}/ncsnr.nii.gz", (*BYTES, *NO_FILE, missing, *RATIO), frozenset({"ncsnr"})),
    Kind("nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5", (*BYTES, *NO_FILE, *PICTURES), frozenset({"images"})),
    Kind("nsddata/experiments/nsd/nsd_expdesign.mat", (*BYTES, *NO_FILE, *DESIGN)),
    Kind("nsddata/experiments/nsd/nsd_stim_info_merged.csv", (*BYTES, *NO_FILE, *STIMULI), frozenset({"captions", "annotations"})),
    Kind("nsddata/ppdata/subj01/behav/responses.tsv", (*BYTES, *NO_FILE, missing, *LOG)),
    Kind(f"{ROI}/nsdgeneral.nii.gz", (*BYTES, *NO_FILE, *LABELS), settings=(0, 1)),
    Kind(f"{ROI}/{NAMED}.nii.gz", (*BYTES, *NO_FILE, missing, *LABELS), frozenset({"rois"})),
    Kind(f"{ROI}/[lr]h.nsdgeneral.nii.gz", (*BYTES, *NO_FILE, missing, *LABELS), frozenset({"rois"})),
    Kind(f"nsddata/freesurfer/*/label/{NAMED}.mgz.ctab", (*BYTES, *NO_FILE, missing, *LABEL_TABLES), frozenset({"rois"})),
)
