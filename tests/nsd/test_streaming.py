"""Records of large JSON files: the same as json finds, and one sentence for what is no such file."""

import gzip
import json

import pytest

from mindreader.nsd import streaming
from mindreader.nsd.streaming import stream_records
from mindreader.records import LayoutError

RECORDS = [{"id": n, "caption": 'says "annotations": [{}] \\ {', "bbox": [1.5, n, -2e-3, 0.0]} for n in range(3)]
CONTENT = {"info": {"annotations": [{"id": 77}], "words": '"annotations": [{"id": 78}]'}, "annotations": RECORDS,
           "empty": [], "more": {"empty": [{"id": 79}]}}


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("form", [
    {}, {"indent": 1}, {"separators": (",", ":")}, {"sort_keys": True}, {"ensure_ascii": False},
])
def test_records_are_those_that_json_finds_in_the_list_at_the_top(tmp_path, form):
    assert list(stream_records(written(tmp_path / "a.json", json.dumps(CONTENT, **form)), "annotations")) == RECORDS


def test_numbers_have_the_type_and_the_value_that_json_finds(tmp_path):
    path = written(tmp_path / "a.json", '{"a": [{"a": 12.5, "b": 7, "c": 7.0, "d": -1e-7, "e": 0.1, "f": true, "g": null}]}')
    (found,) = stream_records(path, "a")
    expected = json.loads(path.read_text())["a"][0]
    assert found == expected and [type(v) for v in found.values()] == [type(v) for v in expected.values()]


def test_a_byte_order_mark_is_no_content(tmp_path):
    assert len(list(stream_records(written(tmp_path / "a.json", json.dumps(CONTENT).encode("utf-8-sig")), "annotations"))) == 3


def test_long_files_are_read_piece_by_piece(tmp_path):
    rows = [{"id": n, "caption": "x" * 5000 + ' "annotations": [ é'} for n in range(500)]
    path = written(tmp_path / "a.json", json.dumps({"info": {}, "annotations": rows}, ensure_ascii=False))
    assert list(stream_records(path, "annotations")) == rows


def test_an_empty_list_is_a_list(tmp_path):
    assert list(stream_records(written(tmp_path / "a.json", json.dumps(CONTENT)), "empty")) == []


TEXT = json.dumps(CONTENT)


@pytest.mark.parametrize("content, message", [
    (TEXT[:TEXT.index("annotations") + 70], r"cannot be read \(it is cut short, .*premature EOF"),
    (TEXT[:-1], r"cannot be read \(it is cut short, .*premature EOF"),
    ("", r"cannot be read \(it is empty"),
    ("<!DOCTYPE html><html></html>", r"cannot be read \(it is a web page"),
    (gzip.compress(TEXT.encode()), "is compressed by gzip"),
    (TEXT.encode("utf-16"), "is UTF-16 text"),
    (TEXT.encode().replace(b"says", b"\xff\xfe"), "cannot be read .*UTF8"),
    (TEXT.replace("-0.002", "NaN", 1), r"cannot be read \(it is damaged: lexical error"),
    (TEXT.replace("-0.002", "1e999", 1), r"cannot be read \(it is damaged: parse error: numeric"),
    (TEXT.replace("-0.002", "1" * 5000, 1), r"cannot be read \(it is damaged: parse error: integer overflow"),
    (TEXT + TEXT, r"cannot be read \(it is damaged: parse error: trailing garbage"),
    (TEXT.replace('"id": 1,', '"id": 1;', 1), r"cannot be read \("),
    (bytes(100), r"cannot be read \("),
    ("[]", "has no list 'annotations'"), ("{}", "has no list 'annotations'"), ("7", "has no list 'annotations'"),
    ('{"annotations": {}}', "has no list 'annotations'"), ('{"info": {"annotations": [{}]}}', "has no list 'annotations'"),
    ('{"annotations": [{}, 7]}', "has 7 as entry 2 of its list 'annotations'"),
    ('{"annotations": [null]}', "has None as entry 1 of its list"),
])
def test_what_is_no_such_file_is_one_sentence(tmp_path, content, message):
    with pytest.raises(LayoutError, match=f"a.json {message}.*expected .*; (get|download|save|unpack) .*") as caught:
        list(stream_records(written(tmp_path / "a.json", content), "annotations"))
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("content", ["[" * 200_000, '{"a":' * 200_000, '{"info": ' + "[" * 200_000 + "]" * 200_000 + "}",
                                     '{"annotations": [' + "[1," * 200_000])
def test_brackets_within_brackets_take_no_time(tmp_path, content):
    with pytest.raises(LayoutError, match="brackets within brackets, [0-9]+ deep"):
        list(stream_records(written(tmp_path / "a.json", content), "annotations"))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 20])
def test_brackets_in_strings_are_none(tmp_path, monkeypatch, block):
    """Run lengths as strings are full of brackets, and a string may end anywhere in a block."""
    monkeypatch.setattr(streaming, "_BLOCK", block)
    rows = [{"id": n, "counts": "[[[[{[" * 40 + '\\' * n + '"' * n + "]}" * n, 'a"[\\': ["\\", "\"[", []]} for n in range(5)]
    path = written(tmp_path / "a.json", json.dumps({"annotations": rows, "empty": []}))
    assert list(stream_records(path, "annotations")) == rows
    assert list(stream_records(path, "empty")) == []


def test_a_missing_file_says_where_it_belongs(tmp_path):
    with pytest.raises(LayoutError, match=r"no stuff.json in .*expected COCO's 2017 annotations there; .*data.coco_folder"):
        list(stream_records(tmp_path / "stuff.json", "annotations"))
