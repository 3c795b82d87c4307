"""Masks of each of COCO's forms beside pycocotools' own, and a sentence for what would make pycocotools leave its memory."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mindreader.nsd.segmentation import decode, encode, is_within, kept_area

HEIGHT, WIDTH = 40, 60


def blob(rng):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for _ in range(rng.integers(1, 5)):
        y, x = rng.integers(HEIGHT), rng.integers(WIDTH)
        mask[y:y + rng.integers(1, 20), x:x + rng.integers(1, 30)] = True
    return mask


def as_string(mask):
    code = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"counts": code["counts"].decode(), "size": list(mask.shape)}


def as_numbers(mask):
    flat = mask.ravel(order="F").astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    return {"counts": ([0] if flat[0] else []) + np.diff(np.r_[0, ends, flat.size]).tolist(), "size": list(mask.shape)}


@pytest.mark.parametrize("form", [as_string, as_numbers])
def test_run_lengths_become_the_mask_that_they_were_made_of(rng, form):
    masks = [blob(rng) for _ in range(200)] + [np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool),
                                               rng.random((HEIGHT, WIDTH)) < 0.5]
    for mask in masks:
        np.testing.assert_array_equal(decode(encode(form(mask), HEIGHT, WIDTH)), mask)


def test_run_lengths_of_large_pictures_need_several_characters(rng):
    mask = np.zeros((500, 640), bool)
    mask[200:, 300:] = rng.random((300, 340)) < 0.999
    np.testing.assert_array_equal(decode(encode(as_string(mask), 500, 640)), mask)


def test_polygons_are_filled_as_pycocotools_fills_them(rng):
    for _ in range(100):
        polygons = [(rng.random(2 * rng.integers(3, 9)) * np.tile([WIDTH, HEIGHT], 9)[:1]).tolist() for _ in range(2)]
        polygons = [p[:len(p) // 2 * 2] for p in polygons]
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH)))
        np.testing.assert_array_equal(decode(encode(polygons, HEIGHT, WIDTH)), expected)


def test_polygons_without_area_cover_nothing():
    square = [10, 10, 20, 10, 20, 20, 10, 20]
    assert not decode(encode([], HEIGHT, WIDTH)).any()
    assert not decode(encode([[]], HEIGHT, WIDTH)).any() and not decode(encode([[3, 3, 30, 30]], HEIGHT, WIDTH)).any()
    np.testing.assert_array_equal(decode(encode([[3, 3, 30, 30], square], HEIGHT, WIDTH)), decode(encode([square], HEIGHT, WIDTH)))
    # Annotation 918 of instances_train2017.json has no area.
    encode([[296.65, 388.33, 296.65, 388.33, 297.68, 388.33, 297.68, 388.33]], 427, 640)


def test_corners_beside_the_picture_are_cut_off():
    np.testing.assert_array_equal(decode(encode([[-5, -5, 30, -5, 30, 20, -5, 20]], HEIGHT, WIDTH)),
                                  decode(encode([[0, 0, 30, 0, 30, 20, 0, 20]], HEIGHT, WIDTH)))


@pytest.mark.parametrize("crop", [(0, 0, 0, 0), (0, 0, 0.25, 0.1), (0.2, 0.35, 0, 0), (0, 0, 0.5, 0.4833), (0, 0.975, 0, 0)])
def test_what_is_within_the_crop_is_what_any_pixel_of_the_mask_is(rng, crop):
    rows, columns = kept_area(crop, HEIGHT, WIDTH)
    masks = [blob(rng) for _ in range(200)]
    within = [mask[rows, columns].any() for mask in masks]
    assert [is_within(encode(as_string(m), HEIGHT, WIDTH), crop) for m in masks] == within
    assert all(within) == (crop == (0, 0, 0, 0)) or crop[3] == 0.1


def test_the_kept_area_is_what_nsd_kept():
    # 0.1671875 is 107 of 640 columns: (0, 0, 107/640, 107/640) leaves 426 of them, as many as the picture has rows.
    assert kept_area((0, 0, 0.1671875, 0.1671875), 426, 640) == (slice(0, 426), slice(107, 533))


@pytest.mark.parametrize("segmentation, message", [
    (None, "neither polygons nor run lengths"), ("abc", "neither"), (7, "neither"), ({"counts": [2400]}, "neither"),
    ({"counts": [2400], "size": [60, 40]}, r"\[60, 40\] in a picture of \[40, 60\]"),
    ({"counts": [2400], "size": None}, "None in a picture"),
    ({"counts": [2399], "size": [40, 60]}, "do not add up"), ({"counts": [], "size": [40, 60]}, "do not add up"),
    ({"counts": [1000, -1, 1401], "size": [40, 60]}, "do not add up"),
    ({"counts": [10**18, 10**18], "size": [40, 60]}, "do not add up"),
    ({"counts": [1200.5, 1199.5], "size": [40, 60]}, "do not add up"),
    ({"counts": ["2400"], "size": [40, 60]}, "no list of numbers"), ({"counts": None, "size": [40, 60]}, "no list of numbers"),
    ({"counts": [10**30], "size": [40, 60]}, "do not add up|out of range"),
    ({"counts": "", "size": [40, 60]}, "holds no run lengths"), ({"counts": "é", "size": [40, 60]}, "holds no run lengths"),
    ({"counts": "oooooooooooooo0", "size": [40, 60]}, "out of range"), ({"counts": "ooo", "size": [40, 60]}, "holds no"),
    ({"counts": "000", "size": [40, 60]}, "do not add up"), ({"counts": "0O0", "size": [40, 60]}, "do not add up"),
    ([[1, 2, 3, 4, 5]], "not all finite and in pairs"), ([[1, 2, 3, 4, 5, float("nan")]], "not all finite"),
    ([1, 2, 3, 4, 5, 6], "no list of numbers"), ([["1", "2", "3", "4", "5", "6"]], "no list of numbers"),
    ([[1, 2, 3, 4, 5, 1e9]], "beyond 120 pixels"), ([{"counts": [2400], "size": [40, 60]}], "no list of numbers"),
])
def test_what_is_no_segmentation_is_refused(segmentation, message):
    with pytest.raises(ValueError, match=message):
        encode(segmentation, HEIGHT, WIDTH)


@pytest.mark.parametrize("height, width", [(0, 5), (-3, 5), (10**6, 10**6)])
def test_a_picture_of_no_size_is_refused(height, width):
    with pytest.raises(ValueError, match="a picture of"):
        encode([], height, width)


def test_damaged_strings_never_reach_pycocotools(rng):
    text = as_string(blob(rng))["counts"]
    for _ in range(2000):
        codes = np.frombuffer(text.encode(), np.uint8).copy()
        codes[rng.integers(len(codes), size=2)] ^= np.uint8(1 << rng.integers(7))
        try:
            code = encode({"counts": bytes(codes).decode(), "size": [HEIGHT, WIDTH]}, HEIGHT, WIDTH)
        except ValueError:
            continue
        assert decode(code).shape == (HEIGHT, WIDTH)
