"""Simulated voxels on fsaverage: each region on the side and lobe of its namesake, no voxel lost, neighbours still neighbours."""

import subprocess
import sys

import numpy as np
import pytest

from mindreader.companion import surface
from mindreader.companion.plots.flatmap import flatten
from mindreader.nsd import ATLASES
from mindreader.twin.cortex import lay_out

SIDES = ("lh", "rh")
# Where the lobes are, in fsaverage's mm: x away from the midline.
BOUNDS = {"V1v": ((0, 30), (-105, -45), (-25, 30)), "V1d": ((0, 30), (-105, -45), (-25, 35)), "PPA": ((10, 45), (-70, -25), (-30, 5)),
          "FFA-1": ((22, 55), (-78, -45), (-35, 0)), "FFA-2": ((22, 60), (-65, -30), (-40, -5)), "OFA": ((28, 65), (-95, -60), (-30, 12)),
          "EBA": ((28, 70), (-90, -45), (-15, 35)), "OPA": ((15, 55), (-95, -60), (5, 45)), "RSC": ((0, 30), (-80, -40), (-5, 35)),
          "hV4": ((15, 50), (-95, -60), (-30, 5)), "parietal": ((5, 50), (-95, -50), (20, 70))}
# Middles of areas of published atlases on fsaverage5 (Wang et al. 2015; PIT, FFC, MT, POS1: Glasser et al. 2016), left and right, in mm.
ATLAS = {"V1v": ((-8, -88, -3), (9, -87, -1)), "V1d": ((-9, -95, 4), (11, -94, 5)), "V2v": ((-10, -84, -9), (11, -83, -8)),
         "V2d": ((-12, -97, 10), (13, -95, 12)), "V3v": ((-19, -79, -11), (20, -79, -10)), "V3d": ((-18, -95, 13), (20, -93, 14)),
         "hV4": ((-28, -81, -12), (29, -81, -11)), "midventral": ((-28, -67, -10), (27, -67, -9)),
         "midlateral": ((-34, -86, 4), (35, -83, 6)), "midparietal": ((-23, -89, 19), (23, -86, 22)),
         "parietal": ((-20, -69, 41), (23, -67, 42)), "OFA": ((-42, -82, -13), (41, -81, -15)), "FFA-1": ((-42, -57, -20), (40, -56, -19)),
         "FFA-2": ((-42, -57, -20), (40, -56, -19)), "EBA": ((-46, -74, 6), (46, -71, 7)), "RSC": ((-10, -59, 13), (11, -57, 15))}


def simulated(n_voxels=600):
    """Places, flat positions and sides of the twin's voxels."""
    cortex = lay_out(n_voxels, seed=0)
    rois = {f"streams/{name}" if atlas == "streams" else name: cortex.labels[atlas] == number
            for atlas, names in ATLASES.items() for number, name in enumerate(names, 1)}
    return surface.place_of(rois), flatten(cortex.coords, cortex.shape), cortex.coords[:, 0] > (cortex.shape[0] - 1) / 2


@pytest.mark.parametrize("side", SIDES)
def test_a_hemisphere_is_a_closed_surface_of_a_brain_s_size(side):
    brain = surface.read_hemisphere(side)
    edges = brain.edges.nnz // 2
    assert len(brain.pial) - edges + len(brain.faces) == 2                      # Euler's number of a sphere
    assert np.sign(np.median(brain.pial[:, 0])) == (1 if side == "rh" else -1)
    assert 50_000 < brain.area.sum() < 120_000                                  # mm², of a hemisphere


@pytest.mark.parametrize("side", SIDES)
def test_every_region_that_is_simulated_has_a_patch_of_its_own(side):
    places, _, right = simulated(15724)
    found = surface.patches(side)
    assert set(places[right == (side == "rh")]) <= set(found)
    every = np.concatenate(list(found.values()))
    assert len(every) == len(set(every)) and min(map(len, found.values())) >= 10


@pytest.mark.parametrize("side", SIDES)
def test_each_patch_is_one_piece_of_about_its_area(side):
    from scipy.sparse.csgraph import connected_components
    brain, found = surface.read_hemisphere(side), surface.patches(side)
    for place in surface.PLACES:
        if place.name in found:
            mine = found[place.name]
            assert connected_components(brain.edges[mine][:, mine], directed=False)[0] == 1, place.name
            assert brain.area[mine].sum() == pytest.approx(place.area, rel=0.15), place.name


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", BOUNDS)
def test_each_region_lies_on_the_right_side_and_lobe(side, name):
    brain = surface.read_hemisphere(side)
    middle = brain.pial[surface.patches(side)[name]].mean(0) * (1 if side == "rh" else -1, 1, 1)
    for value, (low, high) in zip(middle, BOUNDS[name]):
        assert low < value < high, (name, middle)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ATLAS)
def test_a_patch_lies_within_13_mm_of_where_a_published_atlas_has_it(side, name):
    middle = surface.read_hemisphere(side).between[surface.patches(side)[name]].mean(0)
    assert np.linalg.norm(middle - ATLAS[name][SIDES.index(side)]) < 13, middle


@pytest.mark.parametrize("side", SIDES)
def test_no_patch_is_crowded_away_from_its_centre(side):
    brain, found = surface.read_hemisphere(side), surface.patches(side)
    away = {place.name: np.linalg.norm(brain.between[found[place.name]].mean(0) * (1 if side == "lh" else -1, 1, 1) - place.centre)
            for place in surface.PLACES if place.name in found}
    assert max(away.values()) < 10, away


@pytest.mark.parametrize("side", SIDES)
def test_the_visual_hierarchy_surrounds_the_calcarine_sulcus_with_upper_field_below(side):
    brain, found = surface.read_hemisphere(side), surface.patches(side)
    height = {name: brain.inflated[found[name], 2].mean() for name in found}
    assert height["V3v"] < height["V2v"] < height["V1v"]

    def touching(a, b):
        return brain.edges[found[a]][:, found[b]].nnz

    for half in "vd":
        assert all(height[f"{area}v"] < height[f"{area}d"] for area in ("V1", "V2", "V3"))
        assert min(touching(f"V1{half}", f"V2{half}"), touching(f"V2{half}", f"V3{half}")) > 10 > touching(f"V1{half}", f"V3{half}")


@pytest.mark.parametrize("n_voxels", [60, 600, 6000])
def test_no_voxel_is_lost_and_every_vertex_of_a_patch_with_voxels_has_one(n_voxels):
    places, flat, right = simulated(n_voxels)
    shares = surface.lay_on(places, flat, right)
    voxels = np.concatenate([pair[0] for side in SIDES for pair in shares[side]])
    assert np.array_equal(np.sort(voxels), np.arange(len(places)))
    for side in SIDES:
        vertices = np.concatenate([pair[1] for pair in shares[side]])
        mine = set(places[right == (side == "rh")])
        assert np.array_equal(np.sort(vertices), np.sort(np.concatenate([surface.patches(side)[name] for name in mine])))
        assert all(right[pair[0]].all() if side == "rh" else not right[pair[0]].any() for pair in shares[side])


def test_neighbouring_voxels_stay_neighbours():
    places, flat, right = simulated(6000)
    brain = surface.read_hemisphere("rh")
    pairs = [pair for pair in surface.lay_on(places, flat, right)["rh"] if places[pair[0][0]] == "EBA"]
    here = np.array([flat[voxels].mean(0) for voxels, _ in pairs])
    there = np.array([brain.sphere[vertices].mean(0) for _, vertices in pairs])
    apart = [np.linalg.norm(each[:, None] - each, axis=-1)[np.triu_indices(len(pairs), 1)] for each in (here, there)]
    assert np.corrcoef(*apart)[0, 1] > 0.5


def test_a_voxel_outside_all_regions_is_refused():
    rois = {f"streams/{name}" if atlas == "streams" else name: np.zeros(3, bool) for atlas, names in ATLASES.items() for name in names}
    rois["streams/early"][:2] = True
    with pytest.raises(ValueError, match="1 voxels are in no visual area, category region or stream"):
        surface.place_of(rois)


def test_smoothing_keeps_a_constant_and_what_is_unknown():
    brain = surface.read_hemisphere("lh")
    values = np.full(len(brain.sulc), 0.3)
    values[100:] = np.nan
    assert np.allclose(surface.smooth(brain, values)[:100], 0.3) and np.isnan(surface.smooth(brain, values)[100:]).all()


@pytest.mark.parametrize("side", SIDES)
def test_a_region_is_drawn_where_it_is_in_sight_and_only_there(side):
    brain, found = surface.read_hemisphere(side), surface.patches(side)
    names, colours = np.full(len(brain.sulc), "", dtype="U16"), np.full((len(brain.sulc), 3), np.nan)
    for name in ("V1v", "FFA-2", "EBA"):
        names[found[name]], colours[found[name]] = name, (1.0, 0.0, 0.0)
    seen = {view: surface.draw(brain, view, colours, names, mm_per_pixel=2.0) for view in surface.VIEWS}
    size = {name: {view: len(seen[view].seen.get(name, ())) for view in seen} for name in ("V1v", "FFA-2", "EBA")}
    assert [max(size[name], key=size[name].get) for name in size] == ["medial", "ventral", "lateral"], size
    assert size["V1v"]["lateral"] < 0.1 * size["V1v"]["medial"] and size["EBA"]["medial"] <= 2   # its fovea reaches round the pole
    picture = seen["lateral"].picture
    red = (picture[..., 0] > 0.3) & (picture[..., 1] < 0.1)
    assert red.sum() > 0.5 * len({tuple(pixel) for pixel in seen["lateral"].seen["EBA"]})
    back = np.argwhere(red)[:, 1].mean() / picture.shape[1]                     # the back of the head is at the right in the left hemisphere
    assert back > 0.6 if side == "lh" else back < 0.4


def test_nothing_of_nilearn_is_imported():
    code = "import sys; from mindreader.companion import surface; surface.patches('lh'); print({'nilearn', 'torch', 'requests'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
