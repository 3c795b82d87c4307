"""The tables of the book's page on the data have what the library knows and computes."""

import re

import pytest

from mindreader.checkpoints import PUBLISHED
from mindreader.doctor import costs_table, weights_table
from mindreader.doctor.report import kept_bytes, sizes_of
from mindreader.experiments import experiment


def test_every_published_file_has_a_row_with_its_size_checksum_and_licence():
    rows = weights_table().to_dict("records")
    assert len(rows) == len(PUBLISHED)
    for one, row in zip(PUBLISHED, rows):
        assert all(file in row["published as"] for file in one.files) and row["about"] == f"{one.megabytes} MB"
        assert one.name in row["published as"] and (row["what for"], row["licence"]) == (one.use, one.licence)
        assert row["sha256"] == (f"{one.sha256[:8]}…" if one.sha256 else "not published")


def test_a_first_chapter_costs_a_session_and_no_training():
    table = costs_table().set_index("")
    first, whole = (table[head] for head in table.columns)
    assert first["to fetch: pictures"] == whole["to fetch: pictures"] == "39.6 GB"
    assert (first["to fetch: betas"], whole["to fetch: betas"]) == ("1.0 GB", "38.8 GB")
    trained = [label for label in table.index if re.search("mappers|generator|encoder", label)]
    assert len(trained) == 3 and (first[trained] == "–").all() and (whole[trained] != "–").all()


@pytest.mark.parametrize("subject, n_sessions", [("subj01", 37), ("subj04", 30)])
def test_sizes_are_those_of_the_release_where_nothing_is_there(subject, n_sessions):
    sizes = sizes_of(experiment("paper", {"subject": subject}))
    assert sizes.n_trials == 750 * n_sessions and sizes.n_images == 10_000 and sizes.n_training < sizes.n_trials


def test_what_is_kept_is_betas_and_pictures():
    run = experiment("paper")
    sizes = sizes_of(run)
    assert kept_bytes(run, sizes) == 4 * sizes.n_trials * sizes.n_voxels + 3 * 256**2 * sizes.n_images
