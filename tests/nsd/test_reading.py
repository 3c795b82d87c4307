"""The reason why a file cannot be read decides the advice, whichever file it is."""

import errno
import gzip
import multiprocessing
import os
import re

import h5py
import numpy as np
import pytest

from mindreader.nsd.loader import Layout, load_subject
from mindreader.nsd.reading import is_there, open_hdf5, reading
from mindreader.records import LayoutError

FILES = {"betas": lambda at: at.session(1), "pictures": lambda at: at.stimuli, "design": lambda at: at.expdesign,
         "log": lambda at: at.responses, "table": lambda at: at.stim_info, "mask": lambda at: at.roi / "nsdgeneral.nii.gz",
         "atlas": lambda at: at.roi / "streams.nii.gz", "ncsnr": lambda at: at.ncsnr,
         "half": lambda at: at.roi / "lh.nsdgeneral.nii.gz", "labels": lambda at: at.labels[0] / "floc-faces.mgz.ctab"}


def refusal(small) -> str:
    """The one sentence with which the tree is refused."""
    with pytest.raises(LayoutError) as caught:
        load_subject(small.root, "subj01")
    assert "\n" not in str(caught.value) and "expected" in str(caught.value)
    return str(caught.value)


def replaced(path, content) -> None:
    path.unlink()
    path.write_bytes(content)


BECAUSE = {
    "a folder": (lambda p: (p.unlink(), p.mkdir()), r"is a folder, expected a file; put the file itself there"),
    "a broken link": (lambda p: (p.unlink(), p.symlink_to("../.git/annex/objects/x")),
                      r"is a link to \.\./\.git/annex/objects/x, which is not there, .*git annex get"),
    "a pointer of Git LFS": (lambda p: replaced(p, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n"),
                             r"it is a pointer of Git LFS, \d+ bytes.*git lfs pull"),
    "a web page": (lambda p: replaced(p, b"<!DOCTYPE html><html>\n<body>Access Denied</body></html>\n"),
                   r"it is a web page, \d+ bytes.*download it again, with access"),
    "nothing": (lambda p: replaced(p, b""), "it is empty.*download it again"),
}


@pytest.mark.parametrize("why", BECAUSE)
@pytest.mark.parametrize("file", FILES)
def test_the_reason_decides_the_advice_for_every_file(small, file, why):
    path, (damage, message) = FILES[file](small), BECAUSE[why]
    damage(path)
    said = refusal(small)
    assert path.name in said and re.search(message, said), said


def test_betas_that_another_process_holds_open_are_not_called_cut_short(small):
    fork, path = multiprocessing.get_context("fork"), small.session(1)
    begun, end = fork.Event(), fork.Event()
    replaced(path, path.read_bytes())
    holder = fork.Process(target=_hold, args=(path, begun, end))
    holder.start()
    assert begun.wait(20)
    try:
        said = refusal(small)
    finally:
        end.set()
        holder.join()
    assert "betas_session01.hdf5 cannot be read (another process holds it open" in said
    assert "HDF5_USE_FILE_LOCKING=FALSE" in said and "download" not in said


def _hold(path, begun, end):
    with h5py.File(path, "r+"):
        begun.set()
        end.wait(60)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_where_the_file_system_has_no_locks_hdf5_is_read_without(smallest, monkeypatch, number):
    opened, path = h5py.File, Layout(smallest, "subj01").session(1)

    def file(path, mode, **options):
        if options.get("locking") is not False:
            raise OSError(f"Unable to synchronously open file (unable to lock file, errno = {number}, error message = 'x')")
        return opened(path, mode, **options)

    monkeypatch.setattr(h5py, "File", file)
    with open_hdf5(path, "betas") as content:
        assert content["betas"].shape[0] == 24


@pytest.mark.parametrize("problem, form, message", [
    (PermissionError(13, "Permission denied"), "hdf5", "you may not read it.*ask its owner"),
    (OSError("Unable to open file (unable to open file: name = 'x', errno = 13, error message = 'Permission denied')"), "hdf5",
     "you may not read it"),
    (OSError(5, "Input/output error"), "hdf5", "the disk or the mount does not answer.*mount it anew"),
    (OSError("Can't read data (file read failed: time = x, errno = 5, error message = 'Input/output error')"), "hdf5",
     "the disk or the mount does not answer"),
    (OSError(116, "Stale file handle"), "", "does not answer.*Stale"),
    (OSError(24, "Too many open files"), "", "too many files are open.*ulimit"),
    (MemoryError(), "", "not enough memory.*data.roi"),
    (OSError("Can't read data (required filter 'blosc' is not registered)"), "hdf5", "the filter 'blosc'"),
    (OSError("Unable to open file (truncated file: eof = 70, sblock->base_addr = 0, stored_eof = 900)"), "hdf5",
     "cut short, 70 of 900 bytes.*download it again"),
    (EOFError("Compressed file ended"), "", "cut short, 8 bytes"),
    (ValueError("first\nsecond"), "", r"damaged: first\), expected x; download it again"),
])
def test_each_kind_of_error_has_its_own_advice(tmp_path, problem, form, message):
    (tmp_path / "f").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(LayoutError, match=message) as caught:
        with reading(tmp_path / "f", "x", form):
            raise problem
    assert "\n" not in str(caught.value) and caught.value.__cause__ is problem


@pytest.mark.parametrize("form, content, message", [
    ("hdf5", b"no such thing", "it is not an HDF5 file"),
    ("gzip", b"no such thing", "it is not a file compressed with gzip"),
    ("mat", b"no such thing", "it is not a MATLAB 5 file"),
    ("mat", b"MATLAB 7.3 MAT-file, Platform".ljust(600), "it is a MATLAB 7.3 file.*save it with -v7"),
    ("hdf5", bytes(4000), "it begins with zeros only.*broke off"),
    ("gzip", b"/annex/objects/MD5E-s12--abc", "pointer of git-annex.*git annex get"),
])
def test_a_file_of_another_form_is_called_what_it_is(tmp_path, form, content, message):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(LayoutError, match=message):
        with reading(tmp_path / "f", "x", form):
            raise OSError("some words of a library")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_one_may_not_enter_is_not_called_missing(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "f").touch()
    os.chmod(tmp_path / "closed", 0)
    child = os.fork()
    if not child:
        os.setuid(65534)
        try:
            is_there(tmp_path / "closed" / "f")
        except LayoutError as problem:
            os._exit(0 if "you may not read it" in str(problem) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_gzip_file_with_one_wrong_bit_is_refused_wherever_the_bit_is(small):
    path = small.roi / "streams.nii.gz"
    sound = path.read_bytes()
    for place in (len(sound) - 6, len(sound) // 2):
        replaced(path, sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1:])
        assert "streams.nii.gz" in refusal(small)


def test_a_header_that_promises_more_than_its_file_can_hold_is_refused_before_memory_is_taken(small):
    path = small.roi / "streams.nii.gz"
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[42:48] = np.int16([32767] * 3).tobytes()
    replaced(path, gzip.compress(bytes(raw)))
    assert re.search(r"promises \d+ bytes of shape \(32767, 32767, 32767\)", refusal(small))


def test_pictures_and_betas_that_were_never_written_are_refused(small):
    for path, name in ((small.session(1), "betas"), (small.stimuli, "imgBrick")):
        sound = path.read_bytes()
        with h5py.File(path) as file:
            shape, dtype = file[name].shape, file[name].dtype
        path.unlink()
        with h5py.File(path, "w") as file:
            file.create_dataset(name, shape, dtype, chunks=(shape[0] if name == "betas" else 1, 1, 1, 1))
        assert "broke off leaves such files, so download it again" in refusal(small)
        replaced(path, sound)


def test_nothing_of_a_small_region_may_vary_in_a_session(small):
    from mindreader.nsd.betas import read_betas

    with h5py.File(small.session(2)) as file:
        still = (file["betas"][:] == file["betas"][:1]).all(0).T
    assert (read_betas(small.session(2), still, 24) == 0).all()


def test_a_session_that_was_run_and_is_not_on_disk_is_named(small, caplog):
    small.session(2).unlink()
    load_subject(small.root, "subj01")
    assert "no betas_session02 in" in caplog.text


def test_a_gzip_file_that_is_cut_within_its_first_bytes_is_cut_short(small):
    path = small.roi / "nsdgeneral.nii.gz"
    for share in (0.1, 0.5, 0.95):
        sound = path.read_bytes()
        replaced(path, sound[:int(len(sound) * share)])
        assert re.search(r"nsdgeneral.nii.gz cannot be read \(it is cut short, \d+ bytes: .*download it again", refusal(small))
        replaced(path, sound)


def test_betas_that_a_program_left_open_are_not_called_damaged(small):
    path = small.session(2)
    replaced(path, path.read_bytes())
    fork = multiprocessing.get_context("fork")
    writer = fork.Process(target=_leave_open, args=(path,))
    writer.start()
    writer.join()
    assert "betas_session02.hdf5 cannot be read (a program has it open for writing, or ended" in refusal(small)


def _leave_open(path):
    file = h5py.File(path, "r+", libver="latest")
    file.attrs["x"] = 1
    file.flush()
    os._exit(0)


def test_a_name_that_the_table_of_labels_lost_is_said(small, caplog):
    path = small.labels[0] / "prf-visualrois.mgz.ctab"
    replaced(path, path.read_bytes().replace(b"hV4", b"hV"))
    assert not load_subject(small.root, "subj01").rois["hV4"].any()
    assert "the table of labels prf-visualrois.mgz.ctab has no hV4" in caplog.text


def renamed(path, name):
    path.rename(path.with_name(name))


ELSEWHERE = {
    "of another year": (lambda at: [renamed(p, p.name.replace("2017", "2014")) for p in list(at.coco.glob("*.json"))],
                        r"no captions_train2017.json in \S+ \(there is captions_train2014.json"),
    "one folder further in": (lambda at: ((at.roi / "roi").mkdir(), [p.rename(at.roi / "roi" / p.name) for p in list(at.roi.glob("*.nii.gz"))]),
                              r"no nsdgeneral.nii.gz in \S+ \(there is roi/nsdgeneral.nii.gz\)"),
    "packed": (lambda at: renamed(at.stim_info, "nsd_stim_info_merged.csv.gz"),
               r"no nsd_stim_info_merged.csv in \S+ \(there is nsd_stim_info_merged.csv.gz"),
    "unpacked": (lambda at: [renamed(at.session(n), f"betas_session0{n}.nii") for n in (1, 2)],
                 r"no betas_session01.hdf5, .* \(there is betas_session01.nii, betas_session02.nii\)"),
    "another version": (lambda at: renamed(at.betas, "betas_fithrf"), r"func1pt8mm has betas_fithrf\), expected .*data.betas"),
    "a broken link to a folder": (lambda at: (at.roi.rename(at.roi.with_name("x")), at.roi.symlink_to("/gone")),
                                  r"roi is a link to /gone, which is not there"),
    "a link to itself": (lambda at: (at.roi.rename(at.roi.with_name("x")), at.roi.symlink_to(at.roi)), r"roi is a link to \S+roi, which"),
    "a file for a folder": (lambda at: (at.coco.rename(at.coco.with_name("x")), at.coco.touch()), r"annotations is no folder\)"),
    "a folder that is missing": (lambda at: at.func.rename(at.func.with_name("x")), r"\(there is no \S+func1pt8mm\)"),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_of_a_missing_file_is_said_what_is_there_instead(small, case):
    change, message = ELSEWHERE[case]
    change(small)
    assert re.search(message, refusal(small))


@pytest.mark.parametrize("place, message", [
    ("nsd/nsddata/ppdata/subj01", r"no NSD at \S+subj01 \(\S+/nsd holds nsddata/\); set MINDREADER_NSD"),
    (".", r"no NSD at \S+ \(there is nsd/nsddata\)"), ("afile", r"\(\S+afile is no folder\)"),
    ("dangling", r"\(\S+dangling is a link to /gone, which is not there\)"), ("loop", r"\(\S+loop is a link to loop, which is not there\)")])
def test_an_nsd_that_lies_elsewhere_is_found_for_the_message(small, tmp_path, place, message):
    (tmp_path / "afile").touch()
    (tmp_path / "dangling").symlink_to("/gone")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(LayoutError, match=message):
        Layout(tmp_path / place, "subj01")


@pytest.mark.parametrize("file, change, message", [
    ("mask", gzip.decompress, "it is a NIfTI file that is not compressed, .*; compress it with gzip"),
    ("atlas", gzip.compress, "it is compressed twice.*; unpack it once"),
    ("atlas", lambda raw: gzip.compress(b"no such thing" * 99), "it is no NIfTI file"),
    ("betas", gzip.compress, "it is compressed by gzip.*; unpack it"), ("design", gzip.compress, "it is compressed by gzip.*; unpack it"),
    ("table", gzip.compress, "it is compressed by gzip.*; unpack it"), ("log", lambda raw: b"PK\x03\x04" + gzip.compress(raw), "it is a zip archive"),
    ("table", lambda raw: raw.decode().encode("utf-16"), "it is UTF-16 text.*; save it as UTF-8"),
])
def test_a_file_that_a_program_packed_or_unpacked_is_called_that(small, file, change, message):
    path = FILES[file](small)
    replaced(path, change(path.read_bytes()))
    said = refusal(small)
    assert path.name in said and re.search(message, said), said
