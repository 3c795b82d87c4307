"""Figures of chapters 05 and 06: each says whose brain it shows, comes out the same each time, and shows what it is given."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts

from mindreader.companion import plots, surface

RNG = np.random.default_rng(0)
CLASSES = pd.DataFrame([{"category": f"{kind} {c}", "kind": kind, "input": name, "value": v, "low": v - 0.1, "high": v + 0.1, "n_present": 3 + c}
                        for name in ("CLIP", "fMRI") for kind, n in (("thing", 4), ("stuff", 3)) for c, v in enumerate(RNG.random(n))])
MASKED = pd.DataFrame([{"curve": curve, "way": way, "fitted": fitted, "ratio": ratio, "value": 0.8 - 0.3 * ratio, "low": 0.5, "high": 0.9,
                        "lowest": 0.5, "highest": 0.9} for curve in ("fMRI", "fMRI → CLIP") for way in ("at random", "best first")
                       for fitted in ("as trained", "trained anew") for ratio in (0, 0.5, 1)])
VOXELS = pd.DataFrame({"n_repeats": np.repeat([1, 3], 60), "ceiling": RNG.random(120), "r": RNG.random(120) - 0.2, "r_planted": RNG.random(120),
                       "stream": np.tile(["early", "ventral"], 60), "n_pictures": 9})
FLAT = pd.DataFrame({"x": np.tile(np.arange(20), 10), "y": np.repeat(np.arange(10), 20), "less": RNG.normal(size=200), "r": RNG.random(200)})
REGIONS = {"V1": (FLAT.x < 4).to_numpy(), "faces": (FLAT.x > 15).to_numpy()}
PARTS = ("only pixels", "shared", "only CLIP")
SHARES = pd.DataFrame([{"region": region, "part": part, "value": value, "low": value, "high": value, "ceiling": 0.3, "planted": planted, "n_voxels": 5}
                       for region, planted in (("V1", 1.0), ("floc-faces", 0.1)) for part, value in zip((*PARTS, "total"), (0.1, -0.02, 0.05, 0.13))])

MODELS = pd.DataFrame([{"model": model, "region": region, "value": value, "low": value - 0.02, "high": value + 0.02, "ceiling": ceiling,
                        "n_voxels": 5} for model, value in (("network", 0.2), ("pixels", 0.1)) for region, ceiling in (("all", 0.4), ("V1", 0.3))])
CYCLES = pd.DataFrame([{"name": name, "metric": metric, "value": value, "low": value - 0.02, "high": value + 0.02, "chance": chance, "n": 9,
                        "control": name == "null"} for name, value in (("encoder", 0.8), ("true brain", np.nan), ("null", 0.5))
                       for metric, chance in (("2-way", 0.5), ("10-way", 0.1))])

FIGURES = {
    "encoders": lambda origin: plots.encoders(MODELS, origin=origin, title="spaces"),
    "cycles": lambda origin: plots.cycles(CYCLES, origin=origin, title="cycles"),
    "classes_by_kind": lambda origin: plots.classes_by_kind(CLASSES, by="fMRI", origin=origin, xlabel="AUC", title="classes"),
    "masking": lambda origin: plots.masking(MASKED, ways=("at random", "best first"), origin=origin, title="masks"),
    "accuracy_and_ceiling": lambda origin: plots.accuracy_and_ceiling(VOXELS, origin=origin, title="voxels"),
    "voxel_map": lambda origin: plots.voxel_map(FLAT, {"less": "r less ceiling", "r": "r"}, REGIONS, origin=origin, title="map"),
    "partitions": lambda origin: plots.partitions(SHARES, PARTS, origin=origin, title="shares"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_it_says_whose_brain_it_shows(name):
    says_whose_brain_it_shows(FIGURES[name])


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_the_same_bytes_each_time(name):
    is_the_same_bytes_each_time(FIGURES[name])


def test_classes_are_sorted_by_one_input_and_named_with_their_pictures():
    fig = FIGURES["classes_by_kind"]("twin")
    best = CLASSES[(CLASSES.input == "fMRI") & (CLASSES.kind == "thing")].sort_values("value", ascending=False)
    labels = [t.get_text() for t in fig.axes[0].get_yticklabels()]
    assert labels == [f"{row.category} ({row.n_present})" for row in best.itertuples()] and len(fig.axes) == 2


def test_chance_is_drawn_among_the_classes():
    assert "chance" in texts(FIGURES["classes_by_kind"]("twin"))


def test_things_alone_have_a_panel_alone():
    fig = plots.classes_by_kind(CLASSES[CLASSES.kind == "thing"], by="CLIP", origin="twin", xlabel="AUC", title="things")
    assert len(fig.axes) == 1


def test_refitted_classifiers_are_dotted_and_ways_without_data_left_out():
    fig = plots.masking(MASKED[MASKED.way == "at random"], ways=("at random", "best first"), origin="twin", title="masks")
    assert len(fig.axes) == 1 and {line.get_linestyle() for line in fig.axes[0].lines} == {"-", ":", "--"}


def test_a_difference_is_centred_on_0_and_regions_are_named():
    fig = FIGURES["voxel_map"]("twin")
    low, high = fig.axes[0].images[0].get_clim()
    assert low == -high and fig.axes[1].images[0].get_clim()[0] == 0
    assert [ax.images[0].get_cmap().name for ax in fig.axes[:2]] == ["RdBu_r", "viridis"]
    assert {"V1", "faces"} <= set(texts(fig))


def test_without_a_plant_the_partition_has_one_panel_and_no_dots():
    fig = plots.partitions(SHARES.assign(planted=np.nan), PARTS, origin="nsd", title="shares")
    assert len(fig.axes) == 1 and "planted" not in texts(fig)


def test_planted_and_found_shares_stand_side_by_side():
    fig = FIGURES["partitions"]("twin")
    found, planted = (line.get_xdata() for line in fig.axes[1].lines[:2])
    np.testing.assert_allclose(found, [0.1 / 0.15] * 2)
    np.testing.assert_allclose(planted, [1.0, 0.1])


def test_streams_are_named_in_the_order_of_the_hierarchy():
    ordered = VOXELS.assign(stream=pd.Categorical(VOXELS.stream, ["ventral", "early"]))
    named = [t.get_text() for t in plots.accuracy_and_ceiling(ordered, origin="nsd", title="voxels").axes[-1].get_legend().get_texts()]
    assert named == ["planted response", "ventral", "early"]


def test_the_planted_response_lies_behind_where_there_is_one():
    labels = lambda fig: {t.get_text() for t in fig.axes[-1].get_legend().get_texts()}
    assert "planted response" in labels(FIGURES["accuracy_and_ceiling"]("twin"))
    assert "planted response" not in labels(plots.accuracy_and_ceiling(VOXELS.assign(r_planted=np.nan), origin="nsd", title="voxels"))


def test_each_region_has_a_panel_with_its_own_ceiling_and_each_encoder_a_row():
    fig = FIGURES["encoders"]("twin")
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["all (5 voxels)", "V1 (5 voxels)"]
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["network", "pixels"]
    for ax, ceiling in zip(fig.axes, (0.4, 0.3)):
        assert [line.get_xdata()[0] for line in ax.lines if line.get_label() == "noise ceiling"] == [ceiling]
        assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"] == [0.2, 0.1]


def test_each_measure_has_a_panel_with_its_chance_and_a_cycle_that_cannot_be_made_no_row():
    fig = FIGURES["cycles"]("nsd")
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["encoder", "null"]
    assert [[line.get_xdata()[0] for line in ax.lines if line.get_label() == "chance"] for ax in fig.axes] == [[0.5], [0.1]]
    encoder, null = (line.get_color() for line in fig.axes[0].lines if line.get_marker() == "o")
    assert encoder == plots.COLOURS["brain"] and null == plots.COLOURS["control"]


# ── on fsaverage ──────────────────────────────────────────────────────────────────────────────────────────────────────
SURFACE = pd.DataFrame([{"hemisphere": side, "vertex": vertex, "region": name, "voxel": number, "n_voxels": 2, "less": value}
                        for side in ("lh", "rh") for number, (name, value) in enumerate((("V1v", -0.2), ("EBA", 0.1), ("PPA", np.nan)))
                        for vertex in surface.patches(side)[name]])


def on_fsaverage(origin):
    return plots.surface_map(SURFACE, "less", "r - ceiling", origin=origin, title="on fsaverage")


def test_the_map_on_fsaverage_names_its_regions_its_voxels_and_whose_brain_it_is():
    says_whose_brain_it_shows(on_fsaverage)
    found = texts(on_fsaverage("twin"))
    assert {"V1", "EBA", "left, medial", "right, ventral", "r - ceiling, 6 voxels"} <= set(found) and found.count("EBA") == 1


def test_the_map_on_fsaverage_is_the_same_bytes_each_time():
    is_the_same_bytes_each_time(on_fsaverage)
