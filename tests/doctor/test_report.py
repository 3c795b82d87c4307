"""The doctor's report: one screen, each thing that is wrong once, an exit status, and the same as JSON."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_nsd import photographs, weights_named

from mindreader.checkpoints import PUBLISHED
from mindreader.doctor import as_text, examine, report
from mindreader.doctor.__main__ import main
from mindreader.experiments import experiment
from mindreader.nsd import RELEASED
from mindreader.studies import costs
from tests.nsd.fuzz import damage as damages

SMALL = "{data.image_size: 8}"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A home and a folder of weights with nothing in them."""
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    for variable in ("MINDREADER_WEIGHTS", "MINDREADER_NSD"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def nsd(smallest, tmp_path):
    return photographs(smallest, tmp_path / "nsd")


def said(capsys, *arguments):
    """Exit status and what was printed."""
    status = main([*map(str, arguments)])
    return status, capsys.readouterr().out


def test_the_simulated_subject_needs_nothing(capsys):
    status, text = said(capsys, "--subject", "twin01", "--preset", "book")
    assert status == 0 and "nothing is needed" in text and "TO FETCH" not in text and "does not run" not in text


def test_the_exit_status_is_that_of_the_chosen_chapter(nsd, capsys):
    status, text = said(capsys, nsd.root, "--chapter", "00", "--overrides", SMALL)
    assert status == 0, text
    assert said(capsys, nsd.root, "--chapter", "01", "--overrides", SMALL)[0] == 1      # there is no CLIP
    (nsd.coco / "instances_train2017.json").unlink()
    assert said(capsys, nsd.root, "--chapter", "00_subject", "--overrides", SMALL)[0] == 1
    assert said(capsys, nsd.root, "--chapter", "07")[0] == 1 and said(capsys, "--chapter", "07", "--subject", "twin01")[0] == 0


def test_without_a_chapter_the_one_about_another_subject_does_not_count(monkeypatch, nsd):
    found = examine(nsd.root, experiment("paper", {"data.image_size": 8}))
    assert not found.can_run
    runs = [one if one.chapter.startswith("07") else type(one)(one.chapter, True) for one in found.answers]
    assert report.dataclasses.replace(found, answers=tuple(runs)).can_run


@pytest.mark.parametrize("arguments", [["--chapter", "9"], ["--subject", "subj09"], ["--overrides", "{gan.kimgs: 1}"],
                                       ["--overrides", "{a: [}"], ["--preset", "x"]])
def test_arguments_that_cannot_be_are_refused_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()[-1]) < 900


def test_what_is_wrong_stands_there_once_and_all_fits_on_a_screen(nsd, capsys):
    for path in (nsd.expdesign, nsd.session(2)):
        damages.write(path, b"")
    nsd.stimuli.unlink()
    _, text = said(capsys, nsd.root, "--overrides", SMALL)
    for path in (nsd.expdesign, nsd.betas / "betas_session02.hdf5"):
        assert text.count(f"{path} cannot be read (it is empty)") == 1
    assert text.count("no nsd_stimuli.hdf5 in") == 1 and "Traceback" not in text
    assert len(text.splitlines()) < 60


def test_each_file_in_turn_is_named_by_the_command(smallest, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "durations", lambda *_: ())
    monkeypatch.setattr(report, "look_for_weights", lambda: ((), ""))
    names = [file.path.relative_to(smallest) for file in report.inspect_subject(smallest, "subj01").files]
    for number, name in enumerate(names):
        layout = photographs(smallest, tmp_path / f"t{number}")
        damages.NO_FILE[(number + 3) % len(damages.NO_FILE)].apply(layout.root / name, np.random.default_rng(number))
        status, text = said(capsys, layout.root, "--chapter", "06" if "ncsnr" in str(name) else "00", "--overrides", SMALL)
        assert status == 1 and sum(f"] {layout.root / name}" in line or f"{layout.root / name} reads" in line or
                                   f"{layout.root / name} gives" in line for line in text.splitlines()) == 1, (name, text)


def test_holes_and_the_bytes_that_fill_them_are_named(nsd, capsys):
    _, text = said(capsys, nsd.root, "--chapter", "00")
    assert "2 of 37 sessions, not there: 3-37" in text
    assert f"# {35 * 2 * 750 * 81 * 104 * 83:,} bytes" in text and "--include 'betas_session0[3-9].hdf5'" in text


@pytest.mark.parametrize("folder", ["nowhere", "file", "empty"])
def test_a_folder_with_nothing_of_nsd_gets_the_commands_that_fetch_all(tmp_path, capsys, folder):
    root = tmp_path / folder
    root.write_text("") if folder == "file" else root.mkdir() if folder == "empty" else None
    status, text = said(capsys, root, "--subject", "subj08")
    assert status == 1 and f"no NSD at {root}" in text and text.count("aws s3 ") == 6
    assert "30 sessions" in text and f"# {30 * 2 * 750 * math.prod(RELEASED['subj08'].shape):,} bytes" in text
    assert "annotations_trainval2017.zip" in text and "Traceback" not in text


def test_json_says_the_same(nsd, capsys):
    damages.write(nsd.session(1), b"")
    status, text = said(capsys, nsd.root, "--json", "--overrides", SMALL)
    found = json.loads(text)
    assert status == 1 and found["can_run"] is False and found["subject"] == "subj01" and found["preset"] == "paper"
    sessions = {file["path"]: file for file in found["data"]["files"] if file["part"] == "betas"}
    assert sessions[str(nsd.betas / "betas_session01.hdf5")]["state"] == "damaged"
    assert set(found["chapters"]) == set(report.CHAPTERS) and all(command["command"].startswith("aws s3 ") for command in found["data"]["fetches"])
    assert found["durations_are"] == "computed" and json.dumps(found, allow_nan=False)


def test_published_weights_are_listed_by_their_checksums(tmp_path, monkeypatch, nsd, capsys):
    path = weights_named(tmp_path, monkeypatch, "alexnet-owt-7be5be79.pth", b"")
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, path)
    _, text = said(capsys, nsd.root, "--chapter", "00")
    assert f"alexnet-owt-7be5be79: checksum NOT as published ({path})" in text
    assert all(one.files[0] in text for one in PUBLISHED)
    damages.write(path, b"")
    assert f"alexnet-owt-7be5be79: found an empty file at {path}" in said(capsys, nsd.root, "--chapter", "00")[1]


def test_a_folder_of_weights_that_is_not_there_is_said(tmp_path, monkeypatch, nsd, capsys):
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path / "none"))
    _, text = said(capsys, nsd.root, "--chapter", "00")
    assert f"found no folder {tmp_path / 'none'}" in text


def test_a_disk_that_is_too_small_is_said(nsd, monkeypatch):
    monkeypatch.setattr(report, "_TRIALS", 10**9)
    nsd.expdesign.unlink()      # so that the sizes are those of the release
    assert "which is less than the" in as_text(examine(nsd.root, experiment("paper"), "00"))


def test_a_gpu_that_torch_cannot_compute_on_is_said_and_why(monkeypatch):
    from mindreader.core import ParameterError
    from mindreader.doctor import machine

    def refuse(device):
        raise ParameterError(f"device={device!r}: it is of compute capability 3.5, and torch is built for sm_90")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "Tesla K40")
    monkeypatch.setattr(machine, "check_device", refuse)
    gpu = machine.look_at_machine().devices[1]
    assert (gpu.name, gpu.what) == ("cuda:0", "Tesla K40") and "compute capability 3.5" in gpu.problem


def test_durations_of_the_mappers_are_those_of_the_record(monkeypatch):
    """By hand: two mappers, 40 epochs in batches of 32 and 40 in batches of 128, at the record's milliseconds."""
    from mindreader.doctor.duration import Sizes, durations

    record = costs.read_record().query("processes == 1 and dtype == 'float32' and n_dims == 512").set_index("batch").milliseconds
    n, run = costs.NSD["n_trials"], experiment("paper")
    found, = durations(["mappers"], run, Sizes(27_750, 9_841, n, costs.NSD["n_voxels"]))
    expected = 2 * 40 * (math.ceil(n / 32) * record[32] + math.ceil(n / 128) * record[128]) / 1e3
    assert found.seconds_gpu == pytest.approx(expected, rel=1e-6) and found.seconds_here > 0


def test_operations_grow_as_what_they_are_of(monkeypatch):
    from mindreader.doctor import duration

    monkeypatch.setattr(duration, "_clip_operations", lambda clip: (2.0, 3.0))
    monkeypatch.setattr(duration, "_gan_operations", lambda network: (5.0, 7.0))
    run, sizes = experiment("paper", {"mapping.augment": False, "gan.kimg": 1.0}), duration.Sizes(300, 100, 200, 50)
    counted = {stage: count(run, sizes) for stage, count in duration.STAGES.items()}
    assert counted["pictures"] == 200 and counted["captions"] == 1500
    assert counted["generator"] == 1000 * (4 * 5 + 9 * 7 + 3 * 2)
    assert counted["encoder"] > 0 and counted["mappers"] > 0


def test_a_clip_without_a_published_name_has_no_duration():
    from mindreader.doctor.duration import Sizes, durations

    found, = durations(["pictures"], experiment("paper", {"embed.clip": "mini"}), Sizes(3, 3, 3, 3))
    assert math.isnan(found.seconds_gpu)


def test_the_command_runs_as_the_pages_write_it(tmp_path):
    done = subprocess.run([sys.executable, "-m", "mindreader.doctor", str(tmp_path), "--chapter", "00"], capture_output=True, text=True)
    assert done.returncode == 1 and not done.stderr.strip() and f"no NSD at {tmp_path}" in done.stdout
