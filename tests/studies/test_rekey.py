"""Keys of records are renewed where nothing but the key changed, and not one is where anything else did."""

import json

import pandas as pd
import pytest

from mindreader.core import FIGURES
from mindreader.studies import rekey

TABLE = "name,metric,value,seed,key,note\nimg,2-way,0.7426,0,aaaaaaaaaaaaaaaa,\nimg,FD,17.28,0,aaaaaaaaaaaaaaaa,\ncap,2-way,0.71,0,bbbbbbbbbbbbbbbb,a note\n"
OLD = {"img/0": "a" * 16, "cap/0": "b" * 16}
NEW = {"img/0": "c" * 16, "cap/0": "d" * 16}


def described(folder, table=TABLE, keys=OLD, settings=None):
    (folder / "tables").mkdir(parents=True)
    for name in rekey.TABLES:
        (folder / "tables" / f"{name}.csv").write_text(table)
    (folder / rekey.DESCRIPTION).write_text(json.dumps({"keys": {"table1": keys}, "settings": settings or {"kimg": 4.0}}))
    return folder


def test_words_and_keys_are_no_difference(tmp_path):
    other = TABLE.replace("a" * 16, "c" * 16).replace("2-way", "two-way").replace("a note", "another note")
    assert rekey.differences(described(tmp_path / "a"), described(tmp_path / "b", other, NEW)) == []


@pytest.mark.parametrize("change, says", [
    (dict(table=TABLE.replace("0.7426", "0.7427")), "table1 has other numbers"),
    (dict(table=TABLE.replace("cap,2-way,0.71,0,bbbbbbbbbbbbbbbb,a note\n", "")), "table1 has other numbers"),
    (dict(keys={"img/0": "c" * 16}), "table1 has other rows"),
    (dict(settings={"kimg": 5.0}), "the settings of the preset book differ"),
])
def test_anything_else_is(tmp_path, change, says):
    found = rekey.differences(described(tmp_path / "a"), described(tmp_path / "b", **change))
    assert any(sentence.startswith(says) for sentence in found)


def test_a_missing_table_is_a_difference(tmp_path):
    before, after = described(tmp_path / "a"), described(tmp_path / "b")
    (after / "tables" / "hits.csv").unlink()
    assert "hits.csv is missing" in rekey.differences(before, after)[0]


def test_only_keys_are_renewed(tmp_path):
    path = tmp_path / "table1.csv"
    path.write_text(TABLE)
    text = rekey.renewed(path, OLD, NEW)
    assert text == TABLE.replace("a" * 16, "c" * 16).replace("b" * 16, "d" * 16)


def test_a_record_that_was_not_current_is_refused(tmp_path):
    path = tmp_path / "table1.csv"
    path.write_text(TABLE.replace("b" * 16, "e" * 16))
    with pytest.raises(ValueError, match="has the key eeeeeeeeeeeeeeee for cap/0, where the code before gives b{16}"):
        rekey.renewed(path, OLD, NEW)


def test_nothing_is_written_where_something_differs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rekey, "renewed", None)
    before, after = described(tmp_path / "a"), described(tmp_path / "b", TABLE.replace("0.71,", "0.72,"))
    assert rekey.main([str(before), "--after", str(after)]) == 1
    assert "No key was renewed: " in capsys.readouterr().err


def test_the_committed_records_are_current():
    """Each key in figures/tables is the one that today's code gives that row, so that no chapter calls its record stale."""
    for name, keys in rekey.current_keys().items():
        table = pd.read_csv(FIGURES / "tables" / f"{name}.csv", dtype=str, keep_default_na=False)
        assert {row: key for row, key in zip(rekey.rows_of(name, table), table.key)} == keys, f"{name}: see CONTRIBUTING, Records"
