"""Chapter 03's tables at smoke size: each source, score and picture is where the chapter says, and floors are floors."""

import numpy as np
import pandas as pd
import pytest

from mindreader.companion import ch03_gan as report
from mindreader.field import metrics as eight
from mindreader.scoring import distances, forced_choice as identification
from mindreader.core import sheet
from mindreader.companion.chapter import start
from mindreader.companion.ch03_gan import fidelity, pictures, contribution
from mindreader.companion.common import pictures_of
from mindreader.core.paper import LOST
from mindreader.studies import sources


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("03_gan", "smoke")


@pytest.fixture(scope="module")
def table(run):
    return report.identification(run, "both")


@pytest.fixture(scope="module")
def sizes(run):
    return report.distances_by_size(run, "both")


@pytest.fixture(scope="module")
def numbers(run):
    return report.eight_numbers(run, "both", eight.feature_extractors())


@pytest.fixture(scope="module")
def by_source(run, numbers):
    return report.scores_by_source(run, "both", numbers)


@pytest.fixture(scope="module")
def curve(run):
    return report.bottleneck_curve(run, "both")


def test_unselected_pictures_are_the_first_ones_in_the_same_places(run):
    sheets, columns = report.unselected(run, "both", n=6), report.sample_columns(run, "both", n=6)
    assert np.array_equal(sheets["seen"], columns["seen"]) and {len(sheet) for sheet in sheets.values()} == {6}
    for name, source in (("from the brain, one trial each", "brain"), ("from the true embedding", "true embedding")):
        made = sources.reconstructions(run, "both", source)
        first = [np.flatnonzero(made.image_ids == image)[0] for image in dict.fromkeys(made.image_ids)][:6]
        assert np.array_equal(sheets[name], made.images[first, 0])


def test_each_heads_column_is_what_its_own_generator_makes(run):
    columns = pictures.by_head(run, n=3)
    assert list(columns) == ["seen", "image head", "caption head", "both heads"]
    ids = pictures.brain_embeddings(run, "both")["image"].image_ids
    seen = [np.flatnonzero((run.subject.stimuli.images == picture).all((1, 2, 3)))[0] for picture in columns["seen"]]
    assert set(run.subject.stimuli.ids[seen]) <= set(ids)
    assert not np.array_equal(columns["image head"], columns["caption head"])


def test_all_sources_have_the_brains_rows(run):
    fed = sources.sources(run, "both")
    brain = fed["brain"]["image"]
    assert list(fed) == [name for name in ("brain", "true embedding", "category centroid", "random training embedding",
                                           "mean embedding", "shuffled brain")]
    for name, embeddings in fed.items():
        for space in ("image", "caption"):
            assert np.array_equal(embeddings[space].image_ids, brain.image_ids), name
            assert np.array_equal(embeddings[space].keys, brain.keys), name


def test_the_category_centroid_is_the_mean_true_embedding_of_its_category(run):
    kind = sources.picture_categories(run)
    given = sources.sources(run, "both")["category centroid"]["image"]
    own = kind.loc[given.image_ids[0]]
    train = [i for i in run.split.train if kind[i] == own]
    expected = run.truth["image"].at(train).mean(0) if train else run.training(run.truth["image"]).vectors.mean(0)
    assert given.vectors[0] == pytest.approx(expected, abs=1e-5)


def test_identification_has_exact_and_drawn_scores_of_heads_and_controls(table):
    two = report.two_way(table).set_index("name")
    assert list(two.index[~two.control]) == ["image head", "caption head", "both heads"]
    assert {"true embedding", "category centroid", "nearest training picture", "shuffled brain"} <= set(two.index)
    assert (abs(table.drawn - table.value) < 5 * table.drawn_sd + 0.1).all()
    assert two.value["true embedding"] > two.high["shuffled brain"]


def test_table_6_says_what_is_lost_and_what_is_quoted(run, table):
    table = report.table_6(table)
    assert list(table.columns) == ["condition", "count", *(f"{n}-way" for n in run.experiment.evaluate.ways)]
    paper = table[table["count"] == "paper"].set_index("condition")
    assert list(paper.index) == ["image head", "caption head", "both heads"] and (paper["2-way"] == LOST).all()
    assert table.iloc[-1].tolist()[:3] == ["best setting, cell unknown", "paper, second hand", "0.782"]
    assert "±" in table[table["count"].str.startswith("ten draws")].iloc[0]["5-way"]


def test_extremes_are_the_lowest_and_the_highest_scores(run):
    columns, labels = report.extremes(run, "both", n=3)
    embeddings = sources.reconstruction_features(run, "both")
    first = embeddings.take(embeddings.first_rows())
    won = np.sort(identification.n_way(first, run.true_features, n_choices=2))
    assert [float(label) for label in labels] == [round(x, 3) for x in np.r_[won[:3], won[-3:]]]
    assert all(len(images) == 6 for images in columns.values())


def test_the_variant_of_the_released_code_counts_every_training_trial(run):
    far = report.distances(run, "both").set_index(["name", "metric"]).value
    trials = run.subject.train.image_ids
    expected = distances.frechet_distance(sources.reconstruction_features(run, "both").vectors, run.true_features.at(trials))
    assert far[f"brain, {fidelity.AS_RELEASED}", "FD (twin features)"] == pytest.approx(expected)


def test_distances_over_size_end_with_all_validation_pictures(run, sizes):
    assert sizes.n.max() == len(run.split.validation)
    real = sizes[(sizes.set == "real pictures") & (sizes.metric == "FD")]
    assert real.value.iloc[0] > real.value.iloc[-1] > abs(real.limit.iloc[0])


def test_eight_numbers_have_arrows_and_a_row_for_each_set(run, numbers):
    wide = report.eight_wide(numbers)
    assert list(wide.columns)[:3] == ["name", "PixCorr ↑", "SSIM ↑"] and list(wide.columns)[-1] == "SwAV (twin) ↓"
    assert {contribution.AVERAGED, "brain", "true embedding"} <= set(wide.name)
    assert set(numbers.n) == {len(run.split.validation)}


def test_share_is_the_way_from_the_best_floor_to_the_ceiling():
    def rows(metric, better, values):
        return pd.DataFrame({"name": contribution.ORDER, "metric": metric, "better": better, "value": values})

    table = pd.concat([rows("a", "higher", [0.9, 0.7, 0.8, 0.8, 0.5, 0.4, 0.3]), rows("b", "lower", [1, 3, 2, 2, 5, 6, 7]),
                       rows("c", "higher", [0.5, 0.7, 0.8, 0.8, 0.6, 0.4, 0.3])])
    share = report.brain_share(table).set_index("metric")
    assert share.share["a"] == pytest.approx(0.5) and share.share["b"] == pytest.approx(0.5)
    assert np.isnan(share.share["c"]) and share.floor["b"] == 5


def test_every_source_has_every_score_and_the_category_alone_falls_behind_within_one(by_source):
    table = by_source
    two = table[table.metric == "2-way identification"]
    assert tuple(two.name) == contribution.ORDER
    assert {"FD (twin features)", contribution.CLIP, contribution.WITHIN, "SSIM"} <= set(table.metric)
    within = table[table.metric == contribution.WITHIN].set_index("name").value
    assert within["true embedding"] > within["category centroid"]


def test_without_any_direction_scores_are_at_chance(run, curve):
    curve = curve.set_index(["where", "rank"]).value
    assert curve["in CLIP's image space", 0] == pytest.approx(0.5, abs=0.03)
    full = identification.n_way(pictures.brain_embeddings(run, "both")["image"], run.truth["image"], n_choices=2).mean()
    assert curve["in CLIP's image space"].iloc[-1] == pytest.approx(full, abs=1e-3)


def test_the_browser_goes_from_worst_to_best_and_shows_what_was_seen(run, tmp_path):
    found = report.browse(run, "both", n=9)
    assert len(found.table) == 9 and found.table["2-way"].is_monotonic_increasing
    assert np.array_equal(found.lines[:, 0], sheet.tiles(pictures_of(run, found.table.image_id)))
    assert found.lines.shape[1] == len(sheet.TILES)
    assert found.save(tmp_path / "03_gan").read_bytes()[:3] == b"\xff\xd8\xff"


def test_every_entry_is_a_number_with_its_place(run, table, sizes, numbers, by_source, curve):
    far, gain = report.distances(run, "both"), report.finetuning_gain(run, "both")
    entries = report.identification_entries(run, "both", table) | report.distance_entries(far, sizes, gain)
    entries |= report.contribution_entries(report.brain_share(by_source), by_source, curve, numbers)
    assert {"two_way", "fd_gain", "kd_gain", "eight_ssim", "eight_alexnet_2", "two_way_caption", "rank_16"} <= set(entries)
    assert entries["two_way"]["paper"] == pytest.approx(0.782)
    assert all(np.isfinite(value["ours"]) for key, value in entries.items() if not key.startswith("share"))
