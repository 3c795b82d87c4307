"""The book's page on the data tells to download what the loader reads, by commands that need no account."""

import re
import shlex
from pathlib import Path

import pytest

from mindreader.nsd.annotations import class_files
from mindreader.nsd.loader import DataConfig, Layout

PAGE = (Path(__file__).resolve().parents[2] / "book" / "data.md").read_text()
BUCKET = "s3://natural-scenes-dataset/"
COMMANDS = [shlex.split(line) for line in re.findall(r"^aws .*$", PAGE, re.M)]


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    root = tmp_path_factory.mktemp("nsd")
    (root / "nsddata").mkdir()
    return Layout(root, "subj01", DataConfig().betas)


def paths(command):
    """Where a command copies from and to, below the bucket and below the folder."""
    source, target = command[-2:]
    assert source.startswith(BUCKET) and target.startswith("$MINDREADER_NSD/")
    return source.removeprefix(BUCKET), target.removeprefix("$MINDREADER_NSD/")


def needed(layout):
    """File or folder -> what the loader reads there, below the root."""
    folders = {layout.roi: "nsdgeneral.nii.gz", layout.labels[0]: "floc-faces.mgz.ctab", layout.betas: "betas_session37.hdf5",
               layout.expdesign.parent: "nsd_expdesign.mat"}
    files = (layout.stimuli, layout.responses)
    return {str(p.relative_to(layout.root)): name for p, name in (folders | {f: None for f in files}).items()}


def test_every_command_asks_for_no_account():
    assert len(COMMANDS) == 6
    for command in COMMANDS:
        assert command[:2] == ["aws", "s3"] and command[2] in ("sync", "cp") and "--no-sign-request" in command
        assert set(c for c in command[3:-2] if c.startswith("-")) <= {"--no-sign-request", "--exclude", "--include"}


def test_every_command_copies_what_the_loader_reads_to_where_it_reads_it(layout):
    assert sorted(a for a, _ in map(paths, COMMANDS)) == sorted(needed(layout))
    for command in COMMANDS:
        source, target = paths(command)
        assert source == target and command[2] == ("cp" if needed(layout)[source] is None else "sync")


def test_what_is_filtered_is_what_is_read(layout):
    for command in COMMANDS:
        if "--exclude" in command:
            assert command[command.index("--exclude") + 1] == "*" and command.index("--exclude") < command.index("--include")
            kept = [command[i + 1] for i, word in enumerate(command) if word == "--include"]
            assert any(Path(needed(layout)[paths(command)[0]]).match(pattern) for pattern in kept)
    assert any(f"--include {layout.ncsnr.name}" in " ".join(command) for command in COMMANDS)


def test_the_list_of_files_is_the_loaders(layout):
    listed = re.search(r"```\n(nsddata/.*?)```", PAGE, re.S)[1].splitlines()
    found = {line.split()[0] for line in listed}
    of_layout = {layout.expdesign, layout.stim_info, layout.stimuli, layout.responses, layout.ncsnr,
                 layout.labels[0] / "*.mgz.ctab", layout.betas / "betas_session01.hdf5"}
    assert found == {str(p.relative_to(layout.root)) for p in of_layout} | {f"{layout.roi.relative_to(layout.root)}/"}


def test_cocos_files_are_named_and_where_they_belong(layout):
    parts = ("train2017", "val2017")
    for path in (*class_files(layout.coco, parts), *(layout.coco / f"captions_{part}.json" for part in parts)):
        assert f"`{path.name}`" in PAGE
    assert f"`{layout.coco.relative_to(layout.root)}/`" in PAGE
