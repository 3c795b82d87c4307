"""The book's page on the data says in order what a person does, by the doctor's own commands, bytes and names."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mindreader.doctor import __main__ as doctor_command, bytes_in_words, CHAPTERS
from mindreader.experiments import dotted, experiment
from mindreader.nsd import inspect_subject, PICTURES_BYTES, session_bytes
from mindreader.nsd.annotations import class_files
from mindreader.nsd.loader import DataConfig, Layout

PAGE = (Path(__file__).resolve().parents[2] / "book" / "data.md").read_text()
BUCKET = "s3://natural-scenes-dataset/"
ALL, FIRST = (re.findall(r"^aws .*$", block, re.M) for block in re.findall(r"```sh\n(aws .*?)```", PAGE, re.S))
COMMANDS = [shlex.split(line) for line in (*ALL, *FIRST)]


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


def fetches(tmp_path, n_sessions):
    """The doctor's commands for so many sessions of subject 1, written as the page does."""
    root = tmp_path / "nsd"
    found = inspect_subject(root, "subj01", DataConfig(max_sessions=n_sessions)).fetches
    return [fetch.command.replace(str(root), "$MINDREADER_NSD") for fetch in found], found


def test_the_commands_are_the_doctor_s(tmp_path):
    assert fetches(tmp_path, experiment("paper").data.max_sessions)[0] == ALL


def test_a_first_chapter_changes_one_of_them(tmp_path):
    commands = fetches(tmp_path, 1)[0]
    assert FIRST == [commands[4]] and [line for line in commands if line not in ALL] == FIRST


def test_the_bytes_are_the_doctor_s(tmp_path):
    n = experiment("paper").data.max_sessions
    one, betas, pictures = map(bytes_in_words, (session_bytes("subj01"), n * session_bytes("subj01"), PICTURES_BYTES))
    assert f"A session of betas is {one}, the {n} of the paper {betas}, the pictures {pictures}" in PAGE
    assert {fetch.n_bytes for fetch in fetches(tmp_path, n)[1]} == {None, n * session_bytes("subj01"), PICTURES_BYTES}


def test_every_command_asks_for_no_account():
    for command in COMMANDS:
        assert command[:2] == ["aws", "s3"] and command[2] in ("sync", "cp") and "--no-sign-request" in command
        assert set(c for c in command[3:-2] if c.startswith("-")) <= {"--no-sign-request", "--exclude", "--include"}


def test_every_command_copies_to_where_the_loader_reads(layout):
    for command in COMMANDS:
        source, target = paths(command)
        assert source == target
        assert any(source in (name, str(Path(name).parent)) for name in (str(p.relative_to(layout.root)) for p in (
            layout.expdesign, layout.stimuli, layout.responses, layout.roi / "x", layout.labels[0] / "x", layout.ncsnr)))


def test_what_is_done_comes_in_order():
    steps = [re.search(rf"^## {number}\. (.*)$", PAGE, re.M) for number in range(1, 7)]
    assert all(steps) and [step[1].split()[-1] for step in steps] == ["agreement", "Fetch", "Weights", "Check", "minutes", "paper"]
    assert [step.start() for step in steps] == sorted(step.start() for step in steps)


def test_the_doctor_s_commands_on_the_page_are_ones_that_it_takes(monkeypatch, capsys):
    lines = re.findall(r"^(?:export .* && )?python -m mindreader\.doctor(.*?)(?:\s+#.*)?$", PAGE, re.M)
    assert len(lines) >= 4
    monkeypatch.setattr(doctor_command, "as_text", lambda report: "")
    monkeypatch.setattr(doctor_command, "examine", lambda root, run, chapter, **_: pytest.fail("ran") if chapter not in ("", "01") else Asked())
    for line in lines:
        assert doctor_command.main(shlex.split(line)) == 0
    assert "--json" in PAGE and "--subject" in PAGE


class Asked:
    """Stands for a report in which all is well."""

    can_run = True

    def as_dict(self):
        return {}


def test_the_chapters_on_the_page_take_what_is_given_to_them():
    for line in re.findall(r"^papermill (.*)$", PAGE, re.M):
        notebook, *words = shlex.split(line)
        assert Path(notebook).stem in CHAPTERS
        if "-y" in words:
            settings = yaml.safe_load(words[words.index("-y") + 1])
            experiment("paper", dotted(settings["overrides"]))


def test_the_tables_are_made_and_not_typed():
    assert "```{doctor} weights" in PAGE and "```{doctor} costs" in PAGE and "| `ViT-B-32` |" not in PAGE


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
