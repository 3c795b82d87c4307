"""The reproduction report counts, joins and judges as it says, on small records made for it."""

import copy
import json
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image

from mindreader.companion.reproduction import __main__ as command
from mindreader.companion.reproduction import cells, comparing, machine, report, tables, trees
from mindreader.records import LayoutError

RESULT = {"origin": "twin", "preset": "book", "versions": {"torch": "2"}, "python": "3.11", "machine": "linux", "values": {
    **{f"r{i}": {"ours": 0.5, "low": 0.4, "high": 0.6, "n": 300, "chance": 0.5, "paper": None, "note": "bar: above 0.4"}
       for i in range(20)},
    "count": {"ours": 7, "low": None, "high": None, "n": None, "chance": None, "paper": None, "note": "claims: supported"}}}
TABLE = """name,metric,value,low,high,n,verdict,drawn
a,forward,0.50,0.40,0.60,300,supported,0.750 ± 0.014
a,backward,0.10,0.05,0.15,300,within noise,0.777 (0.759 to 0.793)
b,forward,nan,,,300,supported,
"""
HERE = {"processor": "this one", "python": "3.11"}


@pytest.fixture
def committed(tmp_path):
    """A record with a result of 21 numbers, a table, its card, a picture, and a chapter that prints."""
    figures = tmp_path / "committed" / "figures"
    for name in ("results", "01_x"):
        (figures / name).mkdir(parents=True)
    (figures / "results" / "01_x.json").write_text(json.dumps(RESULT))
    (figures / "01_x" / "scores.csv").write_text(TABLE)
    card = {"origin": "twin", "experiment": {"seed": 0}, "versions": {"torch": "2"}}
    (figures / "01_x" / "scores.json").write_text(json.dumps(card))
    (figures / "01_x" / "chart.svg").write_text("<svg/>")
    Image.fromarray(np.full((4, 4, 3), 100, np.uint8)).save(figures / "01_x" / "chart.png")
    (figures / "runs").mkdir()
    (figures / "runs" / "reproduction.md").write_text("of no record")
    (tmp_path / "committed" / "notebooks").mkdir()
    output = nbformat.v4.new_output("execute_result", {"text/plain": "'3 claims are supported'"})
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("say(run)", outputs=[output])]),
                   tmp_path / "committed" / "notebooks" / "01_x.ipynb")
    return tmp_path / "committed"


@pytest.fixture
def here(committed):
    """A copy of it, for each test to change."""
    return shutil.copytree(committed, committed.parent / "here")


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def results(folder, **values):
    """Change recorded numbers: key -> value, or None for one that is gone."""
    path = folder / "figures" / "results" / "01_x.json"
    card = json.loads(path.read_text())
    for key, value in values.items():
        card["values"][key] = card["values"].get(key, copy.deepcopy(RESULT["values"]["count"])) | {"ours": value}
    path.write_text(json.dumps(card))


def compared(committed, here):
    return command.report_on(trees.of_folder(committed), trees.of_folder(here), HERE)


def test_the_same_record_is_reproduced_to_the_bit(committed, here):
    found = compared(committed, here)
    assert found.holds and found.differences.is_same and found.reasons == []
    expected = {"numbers": 21, "to the bit": 21, "with an interval": 20, "inside": 20}
    assert found.counts["recorded"] | expected == found.counts["recorded"]
    assert found.counts["tables"] == {"numbers": 11, "to the bit": 11, "with an interval": 3, "inside": 3, "outside": 0,
                                      "without an interval, other": 0, "ends of intervals, other": 0}
    assert "to the last bit" in found.lines()[-1]
    assert "of no record" not in found.markdown()


def test_a_number_inside_its_interval_is_reproduced_and_said_to_be_another(committed, here):
    results(here, r0=0.41)
    found = compared(committed, here)
    assert found.holds and not found.differences.is_same
    assert (found.counts["recorded"]["to the bit"], found.counts["recorded"]["inside"]) == (20, 20)
    assert "may be another kind of machine" in found.verdict
    assert found.as_json()["other"][0] == {"where": "01_x:r0 | ours", "committed": "0.5", "low": 0.4, "high": 0.6, "here": "0.41",
                                           "widths_off": 0, "relative": pytest.approx(0.18)}


def test_a_number_outside_its_interval_is_told_in_widths_of_the_interval(committed, here):
    results(here, r3=0.7)
    found = compared(committed, here)
    (outside,) = found.as_json()["outside"]
    assert (outside["where"], outside["widths_off"]) == ("01_x:r3 | ours", pytest.approx(0.5))
    assert "| 01\\_x:r3 \\| ours | 0.5 | 0.4 to 0.6 | 0.7 | 0.500 |" in found.markdown()
    assert found.holds, "19 of 20 are 95 %"


def test_fewer_than_95_of_100_inside_is_no_reproduction(committed, here):
    results(here, r3=0.7, r4=0.39)
    found = compared(committed, here)
    assert not found.holds
    assert found.reasons == ["of the recorded numbers 18 (90.0%) are inside their 95 % intervals, less than 95%"]


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_number_that_became_nothing_is_outside(committed, here, value):
    results(here, r3=value, r4=value)
    found = compared(committed, here)
    assert found.counts["recorded"]["outside"] == 2 and not found.holds


def test_nan_beside_nan_is_the_same_and_nothing_beside_nothing_is_no_number(committed, here):
    change(here / "figures" / "01_x" / "scores.csv", "0.50,", "0.51,")
    found = compared(committed, here)
    assert [n.where for n in found.differences.numbers if not n.is_same] == ["01_x/scores.csv | a | forward | value"]
    assert found.counts["tables"]["numbers"] == 11


@pytest.mark.parametrize("change_it", [
    lambda here: change(here / "figures" / "01_x" / "scores.csv", "within noise", "contradicted"),
    lambda here: change(here / "figures" / "results" / "01_x.json", "claims: supported", "claims: within noise"),
    lambda here: change(here / "notebooks" / "01_x.ipynb", "are supported", "are contradicted"),
])
def test_a_changed_verdict_is_no_reproduction_wherever_it_stands(committed, here, change_it):
    change_it(here)
    found = compared(committed, here)
    assert len(found.differences.verdicts) == 1 and found.reasons == ["1 verdict changed"]
    assert "**Verdicts that changed**" in found.markdown()


def test_other_words_are_told_and_judge_nothing(committed, here):
    change(here / "figures" / "results" / "01_x.json", "bar: above", "measure: above")
    found = compared(committed, here)
    assert found.holds and [(w.committed, w.here) for w in found.differences.words] == [("bar: above 0.4", "measure: above 0.4")]


def test_a_number_in_words_is_compared_as_a_number(committed, here):
    change(here / "figures" / "01_x" / "scores.csv", "0.777 (0.759", "0.758 (0.759")
    found = compared(committed, here)
    assert found.differences.words == [] and not found.holds
    (off,) = found.as_json()["outside"]
    assert off["where"] == "01_x/scores.csv | a | backward | drawn" and off["widths_off"] == pytest.approx(0.001 / 0.034)


def test_rows_in_another_order_are_joined_by_what_they_are_about(committed, here):
    path = here / "figures" / "01_x" / "scores.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")
    found = compared(committed, here)
    assert all(number.is_same for number in found.differences.numbers) and found.differences.words == []
    assert found.differences.other["tables with rows in another order"] == 1 and not found.differences.is_same and found.holds


def test_an_added_column_is_told_and_a_missing_one_is_no_reproduction(committed, here):
    path = here / "figures" / "01_x" / "scores.csv"
    path.write_text("\n".join(line + (",seed" if line.startswith("name") else ",3") for line in TABLE.splitlines()) + "\n")
    assert compared(committed, here).differences.new == {"columns": ["01_x/scores.csv | seed"]} and compared(committed, here).holds
    back = compared(here, committed)
    assert back.differences.gone == {"columns": ["01_x/scores.csv | seed"]} and not back.holds


def test_a_missing_file_and_a_missing_number_are_no_reproduction_and_new_ones_are_told(committed, here):
    (here / "figures" / "01_x" / "scores.csv").unlink()
    (here / "figures" / "01_x" / "new.csv").write_text("a\n1\n")
    path = here / "figures" / "results" / "01_x.json"
    card = json.loads(path.read_text())
    del card["values"]["r0"]
    path.write_text(json.dumps(card))
    found = compared(committed, here)
    assert found.differences.gone == {"files": ["01_x/scores.csv"], "numbers": ["01_x:r0"]}
    assert found.differences.new == {"files": ["01_x/new.csv"]}
    assert found.reasons == ["1 files of the record are missing here", "1 numbers of the record are missing here"]


def test_rows_that_come_and_go_are_told(committed, here):
    change(here / "figures" / "01_x" / "scores.csv", "b,forward", "c,forward")
    found = compared(committed, here)
    assert (found.differences.gone, found.differences.new) == ({"rows": ["01_x/scores.csv | b | forward"]},
                                                               {"rows": ["01_x/scores.csv | c | forward"]})


def test_a_picture_is_compared_by_its_pixels(committed, here):
    path = here / "figures" / "01_x" / "chart.png"
    Image.fromarray(np.full((4, 4, 3), 100, np.uint8)).save(path, compress_level=0)
    assert [p.difference for p in compared(committed, here).differences.pictures] == [0], "other bytes, the same pixels"
    Image.fromarray(np.full((4, 4, 3), 104, np.uint8)).save(path)
    assert [p.difference for p in compared(committed, here).differences.pictures] == [pytest.approx(3)], "of 4 channels one is alike"
    Image.fromarray(np.full((4, 5, 3), 100, np.uint8)).save(path)
    found = compared(committed, here)
    assert [p.difference for p in found.differences.pictures] == [None] and "another size" in found.markdown()


def test_another_setting_is_another_experiment(committed, here):
    change(here / "figures" / "01_x" / "scores.json", '"seed": 0', '"seed": 1')
    found = compared(committed, here)
    assert found.reasons == ["1 setting of the run differ: experiment.seed"]


def test_on_the_machine_that_signed_the_record_everything_has_to_be_the_same(committed, here):
    told = {"processor": "this one", "torch": "2", "python": "3.11", "machine": "linux"}
    (committed / "figures" / machine.FILE).write_text(json.dumps(told))
    results(here, r0=0.41)
    same = command.report_on(trees.of_folder(committed), trees.of_folder(here), told)
    other = command.report_on(trees.of_folder(committed), trees.of_folder(here), told | {"processor": "that one"})
    assert same.same_kind
    assert same.reasons == ["this is the kind of machine that made the record, where everything is the same to the last bit"]
    assert not other.same_kind and other.holds and "on another kind of machine" in other.verdict
    assert "| processor | this one | that one |" in other.markdown()


def test_this_machine_is_told_with_its_number_format_and_threads():
    told = machine.this_machine()
    assert told["number format of trainings"] in ("float32", "bfloat16") and int(told["threads"]) >= 1
    assert {"torch", "processor", "instruction sets", "instruction sets of torch", "machine", "python"} <= set(told)
    assert all(isinstance(value, str) and value for value in told.values())


# ── the parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("text, words, values", [
    ("0.5", "#", [0.5]), ("1,234 of 2", "# of #", [1234.0, 2.0]), ("0.114 [0.112, 0.116]", "# [#, #]", [0.114]),
    ("-1.2e-3 to \u22122", "# to #", [-0.0012, -2.0]), ("ViT-B/32 on subj01", "ViT-B/# on subj01", [32.0]), ("", "", [])])
def test_a_text_comes_apart_into_words_and_numbers(text, words, values):
    found, numbers = cells.apart(text)
    assert found == words and [number.value for number in numbers] == values


@pytest.mark.parametrize("rows, key", [
    ([dict(image="1", attended="dog", decoded="cat"), dict(image="1", attended="cat", decoded="cat"),
      dict(image="2", attended="dog", decoded="dog")], ["image", "attended"]),
    ([dict(value="1", share="0.1", name="x"), dict(value="2", share="0.2", name="x"), dict(value="3", share="0.1", name="y")],
     ["share", "name"]),
    ([dict(name="x", seed="0", key="4a3f"), dict(name="x", seed="1", key="08dc"), dict(name="y", seed="0", key="77aa")], ["name", "seed"]),
    ([dict(set="x", n="41", metric="FD", value="4.5"), dict(set="x", n="82", metric="FD", value="4.4"),
      dict(set="x", n="41", metric="KD", value="0.5"), dict(set="y", n="41", metric="FD", value="0.5")], ["set", "metric", "n"]),
])
def test_a_row_is_named_by_the_fewest_columns_with_which_rows_find_each_other(rows, key):
    other = [row | {name: "other" for name in ("decoded",) if name in row} for row in rows]
    assert tables.key_of(list(rows[0]), rows, other) == key


def test_rows_that_nothing_tells_apart_are_joined_in_their_order():
    rows = [dict(a="x", value="1"), dict(a="x", value="2")]
    both, gone, new = tables.joined(["a", "value"], rows, rows)
    assert [(one["value"], two["value"]) for _, one, two in both] == [("1", "1"), ("2", "2")] and gone == new == []


def test_a_number_that_names_a_picture_is_a_word(committed, here):
    for folder, image in ((committed, 17), (here, 71)):
        (folder / "figures" / "01_x" / "found.csv").write_text(f"panel,image_id,cosine\nforward,{image},0.5\nforward,3,0.25\n")
    assert compared(committed, here).differences.gone == {"rows": ["01_x/found.csv | 17"]}
    for folder, image in ((committed, 17), (here, 71)):
        (folder / "figures" / "01_x" / "found.csv").write_text(f"panel,image_id,cosine\nforward,{image},0.5\n")
    found = compared(committed, here).differences
    assert [(w.committed, w.here, w.is_verdict) for w in found.words] == [("17", "71", False)]
    assert all(number.is_same for number in found.numbers)


def test_the_verdicts_are_those_of_the_claims():
    from mindreader.studies.claims import VERDICTS

    for word in VERDICTS:
        assert comparing._verdicts_in(f"all are {word}") == [word]


# ── where the records come from ────────────────────────────────────────────────────────────────────────────────────────
def git(folder, *arguments):
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(committed, monkeypatch):
    """The record, committed in a repository of its own that is this checkout."""
    git(committed, "init")
    git(committed, "add", "figures/results", "figures/01_x", "notebooks")
    git(committed, "commit", "-m", "x")
    (committed / "_toc.yml").touch()
    (committed / "notebooks" / "01_x.py").touch()
    for name, folder in dict(ROOT=".", FIGURES="figures", NOTEBOOKS="notebooks").items():
        monkeypatch.setattr(trees.core, name, committed / folder)
    monkeypatch.setattr(command.core, "require_checkout", lambda: None)
    monkeypatch.setattr(command, "WRITTEN", committed / "figures" / "runs" / "reproduction.md")
    return committed


def test_the_command_compares_with_the_last_commit_and_changes_nothing_in_git(checkout, capsys):
    assert command.main([]) == 0
    assert "to the last bit" in capsys.readouterr().out
    results(checkout, r0=0.9, r1=0.9)
    status = ["git", "status", "--porcelain", "figures/01_x", "figures/results"]
    before = subprocess.run(status, cwd=checkout, capture_output=True).stdout
    assert command.main(["--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [n["where"] for n in told["outside"]] == ["01_x:r0 | ours", "01_x:r1 | ours"] and told["beside"].startswith("commit ")
    assert json.loads((checkout / "figures" / "runs" / "reproduction.json").read_text()) == told
    assert "Not reproduced" in (checkout / "figures" / "runs" / "reproduction.md").read_text()
    assert subprocess.run(status, cwd=checkout, capture_output=True).stdout == before


def test_it_compares_with_any_commit_and_with_a_folder(checkout, here, capsys):
    results(checkout, r0=0.41)
    git(checkout, "commit", "-am", "y")
    assert command.main([]) == 0 and "to the last bit" in capsys.readouterr().out
    assert command.main(["--against", "HEAD~1"]) == 0 and "may be another kind" in capsys.readouterr().out
    assert command.main(["--against", str(here / "figures")]) == 0 and "may be another kind" in capsys.readouterr().out
    assert command.main(["--book", str(here), "--against", "HEAD~1"]) == 0 and "to the last bit" in capsys.readouterr().out


@pytest.mark.parametrize("against", ["no-such", "--output=x", ""])
def test_a_commit_that_is_not_there_is_told_in_one_sentence(checkout, against, capsys):
    assert command.main([f"--against={against}"]) == 2
    told = capsys.readouterr().err
    assert "name one, or a folder" in told and told.count("\n") == 1


def test_without_git_a_folder_is_asked_for(committed, monkeypatch):
    monkeypatch.setattr(trees.core, "ROOT", committed)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(committed.parent))
    with pytest.raises(LayoutError, match="not a git repository.*expected a clone.*--against"), trees.of_commit():
        pass


def test_a_folder_without_a_book_is_refused(tmp_path):
    with pytest.raises(LayoutError, match="no results/ and no figures/results/, expected a checkout"):
        trees.of_folder(tmp_path)


def test_the_machine_is_signed_into_the_record(checkout, capsys):
    assert command.main(["--sign"]) == 0
    assert json.loads((checkout / "figures" / machine.FILE).read_text()) == machine.this_machine()
    assert machine.of_record(trees.of_folder(checkout)) == machine.this_machine()


def test_the_report_goes_where_git_does_not_look():
    assert trees.WRITTEN.parent == trees.core.FIGURES / "runs"
    assert subprocess.run(["git", "check-ignore", "-q", str(trees.WRITTEN)], cwd=trees.core.ROOT).returncode in (0, 128)


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_file(committed, here):
    for folder, word in ((committed, "a"), (here, "b")):
        (folder / "figures" / "01_x" / "words.csv").write_text("i,text\n" + "".join(f"{i},{word} | <b>\n" for i in range(60)))
    found = compared(committed, here)
    assert f"And {60 - report._LISTED} more" in found.markdown() and "a \\| \\<b\\>" in found.markdown()
    assert len(found.as_json()["words"]) == 60


CONF = """
from pathlib import Path
from mindreader.companion.reproduction import page
page.WRITTEN = Path(__file__).parents[1] / "reproduction.md"
extensions = ["myst_parser", "mindreader.companion.sphinxext"]
html_theme = "basic"
"""


def test_the_page_shows_the_last_report_and_without_one_a_sentence(committed, here, tmp_path):
    def build():
        done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "out")],
                              capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
        return (folder / "out" / "index.html").read_text()

    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text("# Report\n\n```{reproduction}\n```\n")
    assert "No report was made in this checkout yet" in build()
    results(here, r3=0.7, r4=0.39)
    change(here / "figures" / "01_x" / "scores.csv", "a,forward", "a <b> | $x$ `c`,forward")
    (tmp_path / "reproduction.md").write_text(compared(committed, here).markdown())
    (folder / "index.md").touch()
    html = build()
    assert "Not reproduced: of the recorded numbers 18 (90.0%)" in html and "01_x:r3 | ours" in html and html.count("<table") >= 3
    assert "a &lt;b&gt; | $x$ `c`" in html


def test_numbers_that_a_page_takes_as_data_are_numbers_and_no_settings(committed, here):
    """A slider's values have no card and no interval: others are counted, and are no reason against the run."""
    for folder, nearer in ((committed, [0.1, -0.2]), (here, [0.1, 0.3])):
        data = {"origin": "twin", "regions": [{"name": "faces", "nearer": nearer, "outside": [False]}]}
        (folder / "figures" / "01_x" / "sliders.json").write_text(json.dumps(data))
    found = compared(committed, here)
    assert found.holds and found.differences.settings == {}
    (other,) = [number for number in found.differences.numbers if not number.is_same]
    assert (other.kind, other.column, other.committed.value, other.here.value) == ("tables", "regions.nearer", -0.2, 0.3)
    change(here / "figures" / "01_x" / "sliders.json", "faces", "words")
    (words,) = compared(committed, here).differences.words
    assert (words.committed, words.here, words.is_verdict) == ("faces", "words", False)
