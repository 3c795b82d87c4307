"""Looking at a subject's files: what the loader takes is sound, what it refuses is named, in the loader's own words."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mindreader.nsd import DataConfig, Layout, load_subject
from mindreader.nsd.inspection import inspect_subject
from mindreader.nsd.released import RELEASED
from mindreader.records import LayoutError
from tests.nsd.fuzz import damage as damages
from tests.nsd.fuzz.run import KINDS

CONFIG = DataConfig(image_size=8)
EVERYTHING = ("classes", "noise ceilings")


def look(layout, config=CONFIG, **options):
    return inspect_subject(layout.root, layout.name, config, **options)


def file_at(found, path):
    return next(file for file in found.files if file.path == path)


@pytest.mark.parametrize("is_thorough", [False, True])
def test_a_sound_tree_is_sound(smallest, smallest_subject, is_thorough):
    found = inspect_subject(smallest, "subj01", CONFIG, is_thorough=is_thorough)
    assert {file.state for file in found.files} == {"sound"} and not found.stops(EVERYTHING) and not found.fetches
    assert found.origin == "twin" and found.sessions == {1: True, 2: True}
    subject = smallest_subject
    expected = {"trials": len(subject.trials), "images": len(subject.stimuli.ids), "voxels": subject.n_voxels}
    assert expected.items() <= found.counts.items()
    if is_thorough:
        assert found.counts["captions"] == len(subject.stimuli.captions)
        assert found.counts["classes"] == len(subject.stimuli.annotations)
        assert found.counts["images with captions"] == len(subject.stimuli.ids)


def test_every_file_of_the_tree_that_the_loader_reads_is_named(smallest):
    """What is written and not read: the mark and its truth, a volume of the brain's outline, fsaverage's other tables."""
    listed = {file.path for file in inspect_subject(smallest, "subj01", CONFIG).files}
    kinds = {path for kind in KINDS for path in smallest.glob(kind.glob)}
    assert {path for path in kinds if path.suffix != ".ctab"} <= listed
    for table in (path for path in kinds if path.suffix == ".ctab"):
        assert table.name in {path.name for path in listed}


def test_whatever_file_is_damaged_is_the_one_that_is_named(smallest, tmp_path):
    from .conftest import linked

    ways = damages.NO_FILE
    for number, file in enumerate(inspect_subject(smallest, "subj01", CONFIG).files):
        layout = linked(smallest, tmp_path / str(number))
        path = layout.root / file.path.relative_to(smallest)
        ways[number % len(ways)].apply(path, np.random.default_rng(number))
        found = look(layout)
        assert [file.path for file in found.files if file.state == "damaged"] == [path]
        sentence = file_at(found, path).problem
        assert str(path) in sentence and "\n" not in sentence and "expected" in sentence and sentence in found.stops(EVERYTHING)
        shutil.rmtree(layout.root)


REFUSED = [(kind, damage) for kind in KINDS for damage in kind.damages if damage.effect == damages.REFUSED and damage not in damages.NO_FILE]


@pytest.mark.parametrize("kind, damage", REFUSED[::13], ids=lambda x: getattr(x, "name", ""))
def test_what_the_loader_stops_at_is_what_is_said(small, rng, kind, damage):
    files = sorted(small.root.glob(kind.glob))
    damage.apply(files[rng.integers(len(files))], rng)
    with pytest.raises((LayoutError, ValueError)) as stopped:
        _ = load_subject(small.root, "subj01", CONFIG).stimuli.annotations
    assert str(stopped.value) in look(small, is_thorough=True).stops(EVERYTHING)


def test_of_several_damaged_files_each_is_named(small):
    paths = [small.expdesign, small.roi / "floc-faces.nii.gz", small.roi / "streams.nii.gz", small.session(2), small.stimuli,
             small.coco / "stuff_train2017.json"]
    for path in paths:
        damages.write(path, b"nothing of the kind")
    found = look(small)
    assert {file.path for file in found.files if file.state == "damaged"} == set(paths)
    assert len(found.stops()) == 5 and len(found.stops(("classes",))) == 6


def test_a_damaged_log_does_not_hide_what_is_wrong_with_the_betas(small):
    damages.write(small.responses, b"")
    damages.write(small.session(1), small.session(1).read_bytes()[:-100])
    assert {file.path for file in look(small).files if file.state == "damaged"} == {small.responses, small.session(1)}


@pytest.mark.parametrize("name, state, stops", [
    ("responses", "left out", False), ("ncsnr", "missing", False), ("expdesign", "missing", True), ("stim_info", "missing", True),
    ("stimuli", "missing", True)])
def test_what_is_not_there_stops_only_who_needs_it(small, name, state, stops):
    path = getattr(small, name)
    path.unlink()
    found = look(small)
    assert file_at(found, path).state == state and bool(found.stops()) == stops
    assert bool(found.stops(("noise ceilings",))) == (state == "missing")
    assert any(path.name in fetch.command for fetch in found.fetches)


def test_classes_stop_only_those_that_need_them(small):
    (small.coco / "instances_train2017.json").unlink()
    found = look(small)
    assert not found.stops() and len(found.stops(("classes",))) == 1
    assert found.archives == {"annotations_trainval2017.zip": [small.coco / "instances_train2017.json"]}


def test_a_session_that_is_not_there_is_a_hole_and_none_at_all_stops(small):
    small.session(1).unlink()
    assert look(small).sessions == {1: False, 2: True} and not look(small).stops()
    small.session(2).unlink()
    found = look(small)
    assert found.sessions == {1: False, 2: False} and "betas_session01.hdf5" in found.stops()[0]


def test_only_the_sessions_that_are_asked_for_count(small):
    damages.write(small.session(2), b"")
    assert look(small).stops() and not look(small, DataConfig(max_sessions=1)).stops()


@pytest.mark.parametrize("make", ["nothing", "a file", "an empty folder", "a folder within"])
def test_what_is_no_folder_of_nsd_is_said_in_one_sentence_with_all_that_is_to_fetch(tmp_path, make):
    root = tmp_path / "nsd"
    if make == "a file":
        root.write_text("x")
    elif make != "nothing":
        root.mkdir()
    if make == "a folder within":
        (root / "copy" / "nsddata").mkdir(parents=True)
    found = inspect_subject(root, "subj04", CONFIG)
    assert found.stops() == [found.problem] and "\n" not in found.problem and str(root) in found.problem
    assert ("there is copy/nsddata" in found.problem) == (make == "a folder within")
    assert found.sessions == dict.fromkeys(range(1, 31), False)
    assert not [file for file in found.files if file.state in ("sound", "damaged")]
    assert sum(fetch.n_bytes or 0 for fetch in found.fetches) == 30 * 2 * 750 * 85 * 99 * 80 + 73_000 * 425 * 425 * 3


def test_a_folder_that_one_may_not_look_into_is_said(tmp_path, monkeypatch):
    (tmp_path / "nsddata").mkdir()
    is_dir = Path.is_dir

    def closed(path):
        if path.name == "nsddata" and path.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", closed)
    assert "you may not look into" in inspect_subject(tmp_path, "subj01", CONFIG).problem


def test_the_files_of_another_subject_are_no_files_of_this_one(small):
    found = inspect_subject(small.root, "subj03", CONFIG)
    assert found.stops() and any("betas of subj01, and none of subj03" in note for note in found.notes)
    shutil.move(small.root / "nsddata_betas/ppdata/subj01", small.root / "nsddata_betas/ppdata/subj03")
    shutil.move(small.root / "nsddata/ppdata/subj01", small.root / "nsddata/ppdata/subj03")
    mixed = inspect_subject(small.root, "subj03", CONFIG)
    assert any("than the design" in sentence for sentence in mixed.stops())


def test_voxels_that_are_not_those_of_the_release_are_a_note(small):
    small.marker.unlink()
    found = look(small)
    assert found.origin == "nsd" and "nsdgeneral has 40 voxels, and 15,724 in NSD's release for subj01" in " ".join(found.notes)
    assert found.sessions == {number: number < 3 for number in range(1, RELEASED["subj01"].n_sessions + 1)}


def test_a_region_that_does_not_exist_is_said(small):
    assert any("got roi 'V9', expected one of" in sentence for sentence in look(small, DataConfig(roi="V9")).stops())


def test_nothing_is_written_and_nothing_is_logged(small, caplog):
    before = {path: path.stat().st_mtime_ns for path in small.root.rglob("*")}
    look(small, is_thorough=True)
    assert before == {path: path.stat().st_mtime_ns for path in small.root.rglob("*")} and not caplog.records


def test_hours_of_reading_are_not_spent_on_a_quick_look(small, monkeypatch):
    from mindreader.nsd import inspection

    for reader in ("read_betas", "read_captions", "read_classes"):
        monkeypatch.setattr(inspection, reader, lambda *_: pytest.fail("read"))
    look(small)


# ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_the_commands_copy_makes_an_empty_folder_whole(smallest, tmp_path):
    """A stand-in for Amazon's program copies from a bucket that is the sound tree."""
    from tests.fetching import run_commands

    root = tmp_path / "my nsd"      # a name that a shell would take apart
    found = inspect_subject(root, "subj01", DataConfig(max_sessions=2))
    run_commands([fetch.command for fetch in found.fetches], smallest)
    shutil.copytree(Layout(smallest, "subj01").coco, root / "nsddata_stimuli/stimuli/nsd/annotations")
    after = inspect_subject(root, "subj01", DataConfig(max_sessions=2))
    assert not after.stops(EVERYTHING) and {file.state for file in after.files} <= {"sound", "missing", "left out"}
    assert after.sessions == {1: True, 2: True}
    assert all("/label/streams.mgz.ctab" in fetch.command for fetch in after.fetches)     # the tree has fsaverage's, NSD both


def test_a_damaged_file_is_copied_anew_though_it_is_as_long(small, smallest):
    from tests.fetching import run_commands

    damages.write(small.session(1), bytes(small.session(1).stat().st_size))
    found = look(small)
    run_commands([fetch.command for fetch in found.fetches], smallest)
    assert not look(small).stops(EVERYTHING)
