"""Whether a chapter can run is known before it begins, by what it needs; for the simulated subject nothing is asked."""

import ast
from pathlib import Path

import pytest
from small_nsd import photographs, weights_named

from mindreader.core.params import ParameterError
from mindreader.doctor import CHAPTERS, chapters, check_chapter
from mindreader.doctor.chapters import Asked, answer
from mindreader.experiments import experiment
from mindreader.nsd import DataConfig, inspect_subject
from mindreader.nsd.loader import Layout
from mindreader.records import LayoutError, Unfit

ROOT = Path(__file__).resolve().parents[2]


class Run(Asked):
    """A chapter's experiment on the layout of a folder."""

    def __init__(self, root, **overrides):
        super().__init__(experiment("paper", {"data.image_size": 8} | overrides))
        self.layout = Layout(root, self.experiment.subject)


def test_there_is_an_answer_for_every_chapter():
    assert list(CHAPTERS) == sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_needs_classes_where_its_code_reads_them(name):
    folder, = (ROOT / "mindreader" / "companion").glob(f"ch{name[:2]}_*")
    words = {getattr(node, "attr", getattr(node, "id", None)) for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))}
    reads = bool(words & {"annotations", "picture_categories", "read_outlines", "category_logits", "Labels"})
    assert not reads or "classes" in CHAPTERS[name].parts


def test_nothing_is_asked_and_nothing_printed_for_the_simulated_subject(monkeypatch, capsys):
    monkeypatch.setattr(chapters, "inspect_subject", lambda *_: pytest.fail("looked"))
    monkeypatch.setattr(chapters, "wrong_with", lambda *_: pytest.fail("opened"))
    run = Asked(experiment("book"))
    run.layout = None       # which would have to be made
    for name in CHAPTERS:
        check_chapter(run, name)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def nsd(smallest, tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)
    return photographs(smallest, tmp_path / "nsd")


def test_a_chapter_whose_files_are_there_is_let_through(nsd):
    check_chapter(Run(nsd.root), "00_subject")


@pytest.mark.parametrize("name", ["expdesign", "stim_info", "stimuli"])
def test_a_chapter_that_lacks_a_file_is_refused_by_its_name(nsd, name):
    getattr(nsd, name).unlink()
    with pytest.raises(LayoutError, match=f"no {getattr(nsd, name).name} in "):
        check_chapter(Run(nsd.root), "00_subject")


def test_classes_that_are_read_late_are_missed_at_once_and_only_where_they_are_read(nsd, monkeypatch):
    damaged = nsd.coco / "stuff_train2017.json"
    damaged.unlink()
    damaged.write_text("{")
    monkeypatch.setattr(Run, "check_networks", lambda self, names: None)
    monkeypatch.setattr(chapters, "_unfit", lambda run, network: "")
    for name, needs in CHAPTERS.items():
        if "classes" in needs.parts:
            with pytest.raises(LayoutError, match="stuff_train2017.json cannot be read"):
                check_chapter(Run(nsd.root), name)
        else:
            check_chapter(Run(nsd.root), name)


def test_of_several_things_the_first_is_said_and_the_command_that_names_all(nsd):
    nsd.stimuli.unlink()
    nsd.expdesign.unlink()
    with pytest.raises(LayoutError) as refused:
        check_chapter(Run(nsd.root), "00_subject")
    assert f"`python -m mindreader.doctor {nsd.root} --subject subj01 --chapter 00` names all" in str(refused.value)


def test_networks_come_before_files(nsd):
    nsd.stimuli.unlink()
    with pytest.raises(LayoutError, match="found no weights of ViT-B-32-quickgelu"):
        check_chapter(Run(nsd.root), "01_screening")
    with pytest.raises(Unfit, match="embed.clip 'mini'"):
        check_chapter(Run(nsd.root, **{"embed.clip": "mini"}), "01_screening")


@pytest.mark.parametrize("content, says", [(b"", "an empty file"), (b"PK\x03\x04 and no more", "expected"), (b"<html>", "expected")])
def test_weights_that_do_not_open_are_said_before_betas_are_read(nsd, tmp_path, monkeypatch, content, says):
    weights_named(tmp_path, monkeypatch, "ViT-B-32.pt", content)
    with pytest.raises(LayoutError, match="ViT-B-32.pt") as refused:
        check_chapter(Run(nsd.root), "01_screening")
    assert says in str(refused.value)


def test_a_generator_of_another_size_is_said_before_anything_is_read(nsd, monkeypatch):
    monkeypatch.setattr(Run, "check_networks", lambda self, names: None)
    with pytest.raises(LayoutError, match="makes pictures of 64 px, expected 8 px"):
        check_chapter(Run(nsd.root), "06_encoding_cycle")
    check_chapter(Run(nsd.root, start="none"), "06_encoding_cycle")


def test_what_only_scores_is_gone_without(nsd, monkeypatch):
    monkeypatch.setattr(chapters, "_unfit", lambda run, network: "")
    run = Asked(experiment("paper", {"start": "none", "embed.clip": "ViT-B-32-quickgelu:/there.pt"}), found(nsd))
    monkeypatch.setattr(Asked, "check_networks", refuse("feature"))
    said = answer("06_encoding_cycle", run, found(nsd))
    assert said.runs and said.without == ("found no feature",) and not said.stops
    monkeypatch.setattr(Asked, "check_networks", refuse("embed"))
    said = answer("06_encoding_cycle", run, found(nsd))
    assert not said.runs and said.stops == ("found no embed",)


def found(layout):
    return inspect_subject(layout.root, "subj01", DataConfig(image_size=8))


def refuse(network):
    def check(self, names):
        if network in names:
            raise Unfit(f"found no {network}")
    return check


def test_the_noise_ceilings_stop_the_chapter_that_compares_with_them(nsd):
    nsd.ncsnr.unlink()
    assert any("ncsnr.nii.gz" in sentence for sentence in answer("06_encoding_cycle", Asked(experiment("paper"), found(nsd)), found(nsd)).stops)
    assert not any("ncsnr" in sentence for sentence in answer("03_gan", Asked(experiment("paper"), found(nsd)), found(nsd)).stops)


def test_the_chapter_about_the_simulated_world_is_for_the_simulated_subject(nsd):
    assert answer("07_pretrained", Asked(experiment("book")), None).runs
    assert not answer("07_pretrained", Asked(experiment("paper"), found(nsd)), found(nsd)).runs


def test_a_chapter_starts_only_past_the_doctor(nsd, monkeypatch):
    from mindreader.companion import chapter

    monkeypatch.setenv("MINDREADER_NSD", str(nsd.root))
    nsd.session(2).unlink()
    (nsd.betas / "betas_session02.hdf5").touch()
    monkeypatch.setattr(chapter.Chapter, "subject", property(lambda self: pytest.fail("read")))
    with pytest.raises(LayoutError, match="betas_session02.hdf5 cannot be read .it is empty"):
        chapter.start("00_subject", "paper")


def test_a_chapter_that_does_not_exist_is_refused(nsd):
    from mindreader.doctor import examine

    with pytest.raises(ParameterError, match="got chapter '9', expected one of 00_subject"):
        examine(nsd.root, experiment("paper"), "9")
