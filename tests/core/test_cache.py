"""What is slow to gather is gathered once, found again while its sources stay the same, and never in the way."""

import os
import threading

import numpy as np
import pandas as pd
import pytest
from closed_folders import read_only

from mindreader.core import RowCache

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.bin"
    path.write_text("of this content")
    return path


def chunks():
    yield from (ROWS[:1], ROWS[1:])


def refuse():
    raise AssertionError("gathered again")


def rows(folder, source, gather=chunks, key=1):
    return RowCache(folder).rows("betas", {"k": key}, [source], gather, ROWS.shape, np.float32)


def table(folder, source, make=lambda: pd.DataFrame({"id": [1, 2], "text": ["a", "ü"]})):
    return RowCache(folder).table("captions", {"k": 1}, [source], make)


def test_rows_and_tables_are_gathered_once(tmp_path, source):
    cache = tmp_path / "cache"
    np.testing.assert_array_equal(rows(cache, source), ROWS)
    first = table(cache, source)
    np.testing.assert_array_equal(rows(cache, source, refuse), ROWS)
    pd.testing.assert_frame_equal(table(cache, source, refuse), first)
    assert len(list(cache.iterdir())) == 2


def test_another_source_is_gathered_anew(tmp_path, source):
    rows(tmp_path / "cache", source)
    source.write_text("of another content")
    with pytest.raises(AssertionError, match="gathered again"):
        rows(tmp_path / "cache", source, refuse)


@pytest.mark.parametrize("made_before", [True, False])
def test_where_nothing_may_be_written_nothing_is_and_all_can_be_read(tmp_path, source, made_before):
    cache = tmp_path / "home" / "cache"
    cache.parent.mkdir()
    if made_before:
        rows(cache, source), table(cache, source)
    with read_only(cache.parent):
        np.testing.assert_array_equal(rows(cache, source, refuse if made_before else chunks), ROWS)
        np.testing.assert_array_equal(rows(cache, source, key=2), ROWS)
        assert table(cache, source).text.tolist() == ["a", "ü"]
        assert len(list(cache.iterdir()) if made_before else []) == 2 * made_before


def test_two_at_once_write_a_file_each(tmp_path, source):
    both, got = threading.Barrier(2), []

    def together():
        yield ROWS[:1]
        both.wait(60)
        yield ROWS[1:]

    runs = [threading.Thread(target=lambda: got.append(rows(tmp_path / "cache", source, together))) for _ in range(2)]
    [run.start() for run in runs], [run.join() for run in runs]
    assert len(got) == 2 and all((array == ROWS).all() for array in got)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_an_error_on_the_way_leaves_nothing(tmp_path, source):
    def broken():
        yield ROWS[:1]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        rows(tmp_path / "cache", source, broken)
    assert os.listdir(tmp_path / "cache") == []
