"""The record of stimulation: what a fit measured is found again, tables read back as they were made, and a stale one says so."""

import numpy as np
import pandas as pd
import pytest

from mindreader.core import Store
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.records import LayoutError
from mindreader.studies import refits, stimulated
from mindreader.studies.grids import CURRENT
from mindreader.studies.stimulated import effects, record

TINY = {"evaluate.n_bootstrap": 8}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, and the folder of its record of two fits; few pictures, as all else of it is of smoke."""
    patch = pytest.MonkeyPatch()
    patch.setattr(effects, "N_PICTURES", 4)
    run, root = Pipeline(experiment("smoke", TINY), Store()), tmp_path_factory.mktemp("figures")
    patch.setattr(run, "store", Shelf(run.store, tmp_path_factory.mktemp("store")))
    stimulated.write_record(run, 2, root=root)
    yield run, root
    patch.undo()


class Shelf:
    """The store that all tests share, but for what is stimulated here, with few pictures."""

    def __init__(self, shared, root):
        self.shared, self.own, self.root = shared, Store(root), shared.root

    def __getattr__(self, name):
        return getattr(self.shared, name)

    def fetch(self, stage, *arguments):
        return (self.own if stage == "stimulated" else self.shared).fetch(stage, *arguments)


def test_the_record_has_all_that_the_chapter_shows_by_fits(made):
    run, root = made
    tables, source = stimulated.read_record(run, root, n_fits=2)
    assert source == CURRENT and list(tables) == [*stimulated.FIGURES, "sentences", "planted"]
    assert all(set(table.fits.dropna()) == {2} for table in tables.values())
    for name, table in tables.items():
        assert len(table) and not any(column.startswith("Unnamed") for column in table), name


def test_tables_read_back_as_they_were_made(made):
    run, root = made
    tables, _ = stimulated.read_record(run, root, n_fits=2)
    for name, table in record.tables_of(run, range(2)).items():
        pd.testing.assert_frame_equal(tables[name][list(table)], table, check_dtype=False, rtol=1e-4, atol=1e-6, obj=name)
    assert tables["effect"].control.dtype == bool


def test_its_values_are_means_over_the_fits_of_the_refits(made):
    """By hand: change of cosine with the sentence about faces, by each of the refits' caption mappers."""
    run, root = made
    trials, voxels = stimulated.first_trials(run, effects.N_TRIALS), run.subject.rois["floc-faces"]
    changed, aim = trials.replace(np.where(voxels, np.float32(10), trials.betas)), stimulated.sentence_embeddings(run)["faces"]

    def cosine(repeat, some):
        vectors = refits.refit(run, repeat).mapper("caption").predict(some).vectors
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ aim).mean()

    by_fit = [cosine(repeat, changed) - cosine(repeat, trials) for repeat in range(2)]
    moved = stimulated.read_record(run, root, n_fits=2)[0]["moved"].set_index(["name", "metric"])
    assert moved.loc[("faces", "to faces"), "value"] == pytest.approx(np.mean(by_fit), abs=1e-4) and by_fit[0] != by_fit[1]


def test_a_killed_run_goes_on_with_the_next_fit(made, monkeypatch):
    run, _ = made
    again = Pipeline(run.experiment, run.store)
    monkeypatch.setattr(effects, "decode", None)      # nothing is decoded any more
    monkeypatch.setattr(effects, "generate", None)
    for repeat in range(2):
        record.measure_fit(again, repeat)
    assert record.tables_of(again, range(2))["moved"].equals(record.tables_of(run, range(2))["moved"])
    with pytest.raises(TypeError):
        record.measure_fit(again, 2)


def test_a_record_of_other_settings_or_other_fits_is_stale_and_none_is_an_error(made, tmp_path):
    run, root = made
    other = Pipeline(experiment("smoke", TINY | {"mapping.clamp": 2.0}), run.store)
    assert "other settings, code or weights" in stimulated.read_record(other, root, n_fits=2)[1]
    assert "other settings, code or weights" in stimulated.read_record(run, root)[1]      # which would be of five
    with pytest.raises(LayoutError, match="no stimulated.csv in .*, expected the record of stimulation; run `make tables`"):
        stimulated.read_record(run, tmp_path)


def test_more_fits_and_more_random_sets_are_another_record(made):
    run, _ = made
    several = Pipeline(experiment("smoke", {"evaluate.n_bootstrap": 9}), run.store)
    assert len({stimulated.key(run, 2), stimulated.key(run, 3), stimulated.key(several, 2)}) == 3


def test_another_subjects_run_has_no_record(made, monkeypatch):
    run, root = made
    monkeypatch.setattr(type(run), "origin", "nsd")
    tables, source = stimulated.read_record(run, root)
    assert tables == {} and "is the simulated subject's" in source
