"""A chapter's run: refused in one sentence, and written beside the committed record where it is another run."""

import shutil

import pandas as pd
import pytest

from mindreader.companion import chapter
from mindreader.core import paths, weights
from mindreader.core.params import ParameterError
from mindreader.records import LayoutError


@pytest.mark.parametrize("overrides, says", [
    ({"mapping.loss": "mss"}, "got mapping.loss='mss', expected one of mse, cos, contrastive"),
    ({"screen.threshold": 7.0}, "got screen.threshold=7.0, expected a number of at least 0 and at most 1"),
    ({"gan.kimgs": 1}, "GanConfig has no 'kimgs' (override 'gan.kimgs'); did you mean 'kimg'?"),
    ({"gan.kimg": "much"}, "got gan.kimg='much', expected a number above 0"),
])
def test_an_override_that_cannot_be_is_refused_in_one_sentence(overrides, says):
    with pytest.raises(ParameterError) as error:
        chapter.start("02_mapping", "smoke", overrides=overrides)
    assert str(error.value).startswith(says)
    assert error.value._render_traceback_() == [f"ParameterError: {error.value}"]


def test_a_notebook_shows_what_is_wrong_with_a_file_without_the_way_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_NSD", str(tmp_path / "none"))
    with pytest.raises(LayoutError) as error:
        chapter.start("02_mapping", "paper")
    assert error.value._render_traceback_() == [f"LayoutError: {error.value}"]


@pytest.mark.parametrize("own, says", [
    ({}, ("generator_lf", False, 0.0, 0.032, "cpu")),
    ({"start": "supervised", "low_level": True}, ("generator_sup", True, 0.0, 0.032, "cpu")),
    ({"start": "none", "end_to_end": 1, "kimg": 2}, ("none", False, 1.0, 2.0, "cpu")),
    ({"kimg": 2.0, "overrides": {"gan.kimg": 3.0}}, ("generator_lf", False, 0.0, 3.0, "cpu")),
])
def test_parameters_that_name_a_setting_change_it_and_an_override_goes_before_them(own, says, monkeypatch):
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: None))
    run = chapter.start("03_gan", "smoke", **own).experiment
    assert (run.start, run.gan.low_level, run.end_to_end, run.gan.kimg, run.device) == says


def test_a_chapter_opens_with_whose_data_it_shows_and_how_much(monkeypatch):
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: None))
    monkeypatch.setattr(chapter.Chapter, "origin", "twin")
    run = chapter.start("02_mapping", "smoke", seed=3)
    assert run.opening(trials=6000, of_stuff=7) == "twin01 (simulated subject), preset smoke, seed 3: 6,000 trials, 7 of stuff"


def test_a_device_that_is_not_there_is_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(ParameterError, match=f"device='cuda:{torch.cuda.device_count()}': this machine has .*expected cpu"):
        chapter.start("03_gan", "smoke", device=f"cuda:{torch.cuda.device_count()}")
    with pytest.raises(ParameterError, match="got device='gpu', expected 'cpu', 'cuda' or 'cuda:N'"):
        chapter.start("03_gan", "smoke", device="gpu")


def test_only_the_usual_parameters_write_to_the_committed_record(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: None))
    monkeypatch.setattr(chapter.Chapter, "origin", "twin")
    usual = chapter.start("03_gan", "book", cond="both")
    other = chapter.start("03_gan", "book", cond="img")
    for run in (usual, other):
        run.table(pd.DataFrame({"a": [0.12345]}), "t")
        run.record({"a": 1})
    assert {str(p.parent.relative_to(tmp_path)) for p in tmp_path.rglob("*.*") if p.is_file()} == {
        "03_gan", "results", "runs/03_gan__cond-img/03_gan", "runs/03_gan__cond-img/results"}


def test_a_table_is_rounded_for_the_page_and_whole_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: None))
    monkeypatch.setattr(chapter.Chapter, "origin", "twin")
    shown = chapter.start("03_gan", "book").table(
        pd.DataFrame({"a": [0.12345, float("nan")], "n": [3, 4], "k": pd.array([None, 5], "Int64")}), "t")
    assert shown.values.tolist() == [["0.123", 3, ""], ["", 4, 5]]
    small = chapter.start("03_gan", "book").table(pd.DataFrame({"p": [1e-5, 0.5], "d": [-1e-5, -0.5], "word": ["x" * 80, None]}), "s")
    assert small.values.tolist() == [["< 0.001", "0.000", "x" * 80], ["0.500", "-0.500", ""]] and "x" * 80 in small.to_html()
    assert (tmp_path / "03_gan" / "t.csv").read_text() == "a,n,k\n0.12345,3,\n,4,5\n"


def test_a_clip_in_a_folder_is_named_by_what_it_is_wherever_it_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: None))
    for place in ("here", "there"):
        shutil.copytree(weights.part_folder("clip"), tmp_path / place)

    def stamp(place):
        return chapter.start("02_mapping", "smoke", overrides={"embed.clip": f"local-dir:{tmp_path / place}"})._meta()["networks"]["clip"]

    here = stamp("here")
    assert here.startswith(f"CLIP of a folder, weights {weights.part_checksum('clip')[:8]}, config ")
    assert stamp("there") == here
    config = tmp_path / "there" / "open_clip_config.json"
    config.write_text(config.read_text() + "\n")
    assert stamp("there") != here
    assert "networks" not in chapter.start("02_mapping", "smoke")._meta()
