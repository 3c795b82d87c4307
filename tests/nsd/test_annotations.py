"""COCO's captions and classes, joined by their whole keys; classes by crop are those of which a pixel is left."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mindreader.nsd.annotations import coco_pictures, read_captions, read_classes
from mindreader.nsd.loader import DataConfig, load_subject
from mindreader.nsd.outlines import read_outlines
from mindreader.records import LayoutError

PART = "train2017"
WIDTH, HEIGHT = 640, 100


def change(path, edit):
    """Edit the content of a JSON file."""
    content = json.loads(path.read_text())
    content = edit(content) or content
    path.unlink()
    path.write_text(json.dumps(content))


def captions_file(folder, records, part=PART):
    (folder / f"captions_{part}.json").write_text(json.dumps({"annotations": records}))


def captions_of(records, tmp_path, ids=(1,)):
    captions_file(tmp_path, records)
    table = read_captions(tmp_path, {PART: np.array(ids)})
    return list(table.itertuples(index=False, name=None))


def class_files(folder, things, *, part=PART, size=(WIDTH, HEIGHT)):
    """Files in which picture 9 has these things: segmentation, or a record, by category id."""
    records = [{"image_id": 9, "id": 100 + n, "category_id": n, "area": 5.0, "iscrowd": 0, "bbox": [0, 0, *size]}
               | (s if isinstance(s, dict) and "counts" not in s else {"segmentation": s}) for n, s in things.items()]
    for stem, content in (("instances", (records, range(1, 91))), ("stuff", ([], range(92, 184)))):
        (folder / f"{stem}_{part}.json").write_text(json.dumps({
            "images": [{"id": 9, "width": size[0], "height": size[1]}], "annotations": content[0],
            "categories": [{"id": n, "name": f"c{n}"} for n in content[1]]}))


def classes(folder, crop):
    return read_classes(folder, {PART: np.array([9])}, {9: crop} if crop else None).category.tolist()


# --- captions --------------------------------------------------------------------------------------------------

def test_ids_may_be_unique_within_a_picture_only(tmp_path):
    records = [{"image_id": i, "id": n, "caption": f"{i}-{n}"} for n in range(3) for i in (5, 2)]
    assert captions_of(records, tmp_path, [2, 5]) == [(i, n, f"{i}-{n}") for n in range(3) for i in (5, 2)]


@pytest.mark.parametrize("image, number", [("1", "7"), (1.0, 7.0), (" 1 ", 7), (1, "0007")])
def test_whole_numbers_may_be_written_as_text_or_with_a_point(tmp_path, image, number):
    assert captions_of([{"image_id": image, "id": number, "caption": "a dog"}], tmp_path) == [(1, 7, "a dog")]


def test_the_same_record_twice_counts_once(tmp_path):
    record = {"image_id": 1, "id": 7, "caption": "a dog"}
    assert captions_of([record, record | {"caption": "a cat", "id": 8}, record | {"caption": " a  dog"}], tmp_path) == [
        (1, 7, "a dog"), (1, 8, "a cat")]


GOOD = {"image_id": 1, "id": 7, "caption": "a dog"}


@pytest.mark.parametrize("records, message", [
    ([GOOD, GOOD | {"caption": "a cat"}], "has two captions of picture 1 with the id 7, expected an id for each"),
    ([GOOD | {"caption": ""}], "picture 1 has no caption"), ([GOOD | {"caption": None}], "has None as caption 7 of picture 1"),
    ([GOOD | {"caption": ["a"]}], r"has \['a'\] as caption"), ([{"image_id": 1, "id": 7}], "has None as caption"),
    ([{"image_id": 1, "caption": "a dog"}], r"has a record with no id \(.*a dog.*\), expected a whole number"),
    ([{"id": 1, "caption": "a dog"}], "has a record with no image_id"),
    ([GOOD | {"id": 7.5}], "with id 7.5"), ([GOOD | {"id": True}], "with id True"), ([GOOD | {"image_id": "x"}], "image_id 'x'"),
    ([GOOD | {"image_id": None}], "image_id None"), ([GOOD | {"id": 1e300}], r"id 1e\+300"), ([GOOD | {"id": [7]}], r"id \[7\]"),
    ([GOOD | {"image_id": 2}], "COCO picture 1 has no caption in .*1 of 1 have none.*expected at least one"), ([], "has no capt"),
])
def test_captions_that_are_none_are_one_sentence(tmp_path, records, message):
    with pytest.raises(LayoutError, match=message) as caught:
        captions_of(records, tmp_path)
    assert "\n" not in str(caught.value) and "captions_train2017.json" in str(caught.value)


def test_a_blank_caption_is_left_out_and_said(tmp_path, caplog):
    assert captions_of([GOOD, GOOD | {"id": 8, "caption": " \n"}], tmp_path) == [(1, 7, "a dog")]
    assert "has no text as caption 8 of picture 1; it is left out" in caplog.text


def test_the_order_of_records_is_of_no_matter(copy, tiny_subject):
    for path in copy.coco.iterdir():
        change(path, lambda content: {k: v[::-1] if isinstance(v, list) else v for k, v in list(content.items())[::-1]})
    stimuli = load_subject(copy.root, "subj01", DataConfig(annotations="crop")).stimuli
    pd.testing.assert_frame_equal(stimuli.captions, tiny_subject.stimuli.captions)
    pd.testing.assert_frame_equal(stimuli.annotations, tiny_subject.stimuli.annotations)


# --- two pictures that share a COCO id -------------------------------------------------------------------------

def rename(copy, image, coco_id, part=PART):
    """Let the stimulus table call this image another COCO picture; the id of the old one."""
    info = pd.read_csv(copy.stim_info, index_col=0)
    old = int(info.cocoId[image])
    info.loc[image, ["cocoId", "cocoSplit"]] = coco_id, part
    copy.stim_info.unlink()
    info.to_csv(copy.stim_info)
    return old


def coco_id_of(copy, image):
    return int(pd.read_csv(copy.stim_info, index_col="nsdId").cocoId[image])


def test_each_part_of_coco_may_have_a_picture_of_the_same_id(copy, tiny_subject):
    first, second = tiny_subject.stimuli.ids[:2]
    new = coco_id_of(copy, second)
    old = rename(copy, first, new, "val2017")
    for stem in ("captions", "instances", "stuff"):
        content = json.loads((copy.coco / f"{stem}_{PART}.json").read_text())
        content["annotations"] = [r | {"image_id": new} for r in content["annotations"] if r["image_id"] == old]
        content["images"] = [r | {"id": new} for r in content["images"] if r["id"] == old]
        (copy.coco / f"{stem}_val2017.json").write_text(json.dumps(content))
    for annotations in ("image", "crop"):
        stimuli = load_subject(copy.root, "subj01", DataConfig(annotations=annotations)).stimuli
        pd.testing.assert_frame_equal(stimuli.captions, tiny_subject.stimuli.captions)
        pd.testing.assert_frame_equal(stimuli.annotations, tiny_subject.stimuli.annotations)


def test_two_images_may_be_of_one_coco_picture(copy, tiny_subject):
    first, second = tiny_subject.stimuli.ids[:2]
    rename(copy, first, coco_id_of(copy, second))
    stimuli = load_subject(copy.root, "subj01").stimuli
    for table, sound in ((stimuli.captions, tiny_subject.stimuli.captions),
                         (stimuli.annotations, tiny_subject.stimuli.annotations)):
        assert table[table.image_id != first].reset_index(drop=True).equals(
            sound[sound.image_id != first].reset_index(drop=True))
        one, other = (table[table.image_id == i].drop(columns="image_id").reset_index(drop=True) for i in (first, second))
        assert len(one) and one.equals(other)


def test_a_coco_picture_that_nsd_has_twice_has_its_captions_twice_and_the_classes_of_each_crop(tmp_path):
    class_files(tmp_path, {1: [[0, 0, 50, 0, 50, 50, 0, 50]], 2: [[600, 0, 640, 0, 640, 50, 600, 50]]})
    info = pd.DataFrame({"cocoId": [9, 9], "cocoSplit": PART, "cropBox": ["(0, 0, 0.84375, 0)", "(0, 0, 0, 0.84375)"]},
                        index=[3, 7])
    groups = list(coco_pictures(info, tmp_path))
    found = {int(g.image_id[9]): read_classes(tmp_path, g.ids, g.crops).category.tolist() for g in groups}
    assert found == {3: ["c2"], 7: ["c1"]}


@pytest.mark.parametrize("box", ["", "(0, 0, 0)", "(0, 0, 0.6, 0.5)", "(0, 0, -0.1, 0)", "(0, 0, 1, 0)", "nan", "(0, 0, 'a', 0)",
                                 "__import__('os')", "(" * 5000, "(0, 0, None, 0)"])
def test_a_crop_that_is_none_is_one_sentence(tmp_path, box):
    info = pd.DataFrame({"cocoId": [9], "cocoSplit": PART, "cropBox": [box]}, index=[3])
    with pytest.raises(LayoutError, match="as cropBox of image 3, expected four fractions .*get the file again") as caught:
        list(coco_pictures(info, tmp_path / "info.csv"))
    assert len(str(caught.value)) < 400


# --- classes ---------------------------------------------------------------------------------------------------

# 100 of 640 columns are cut away at the left.
CROP = (0, 0, 0.15625, 0)
L_SHAPE = [[0, 0, 90, 0, 90, 10, 10, 10, 10, 90, 0, 90]]


def runs(mask):
    flat = mask.ravel(order="F").astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    return {"counts": ([0] if flat[0] else []) + np.diff(np.r_[0, ends, flat.size]).tolist(), "size": list(mask.shape)}


def test_classes_cropped_away_count_only_for_the_whole_picture(tmp_path):
    class_files(tmp_path, {1: [[0, 0, 60, 0, 60, 90, 0, 90]], 2: [[90, 0, 140, 0, 140, 90, 90, 90]],
                           3: [[200, 10, 230, 10, 230, 40, 200, 40]]})
    assert classes(tmp_path, None) == ["c1", "c2", "c3"] and classes(tmp_path, CROP) == ["c2", "c3"]


def test_a_box_that_reaches_in_is_no_class_where_no_pixel_does(tmp_path):
    """An L that lies along the border: only its box crosses the corner that is left."""
    corner = (0.2, 0, 0.05, 0)
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[:20], shape[:, :32] = True, True                       # exactly what (0.2, 0, 0.05, 0) cuts away
    one_more = shape.copy()
    one_more[20, 32] = True
    class_files(tmp_path, {1: L_SHAPE, 2: runs(shape), 3: runs(one_more)})
    assert classes(tmp_path, None) == ["c1", "c2", "c3"] and classes(tmp_path, corner) == ["c3"]


def test_a_class_counts_where_one_of_its_annotations_is_seen(tmp_path):
    class_files(tmp_path, {1: [[0, 0, 60, 0, 60, 90, 0, 90], [300, 0, 360, 0, 360, 90, 300, 90]]})
    assert classes(tmp_path, CROP) == ["c1"]


def test_classes_by_crop_have_an_outline_at_full_size_and_the_others_none(copy):
    info = pd.read_csv(copy.stim_info, index_col="nsdId")
    info["cropBox"] = "(0, 0, 0.3, 0.45)"
    for pictures in coco_pictures(info, copy.stim_info):
        table = read_classes(copy.coco, pictures.ids, pictures.crops)
        outlines = read_outlines(copy.coco, pictures.ids, size=425, crops=pictures.crops)
        for image, marked in outlines.items():
            assert {o.category for o in marked} <= set(table.category[table.coco_id == image])
        whole = read_classes(copy.coco, pictures.ids)
        assert len(table) < len(whole) and not table.merge(whole).shape[0] < len(table)


SQUARE = [[0, 0, 60, 0, 60, 90, 0, 90]]


@pytest.mark.parametrize("thing, message", [
    (None, r"annotation \(101\) with a segmentation that is neither polygons nor run lengths"),
    ({"counts": [7], "size": [HEIGHT, WIDTH]}, r"annotation \(101\) with run lengths that do not add up"),
    ({"counts": [WIDTH * HEIGHT], "size": [WIDTH, HEIGHT]}, r"with run lengths for height and width \[640, 100\] in a picture of"),
    ({"segmentation": SQUARE, "category_id": 12345}, r"annotation \(101\) of category 12345, expected one of the 90 in its list"),
    ({"segmentation": SQUARE, "category_id": None}, "category_id None"), ({}, "neither polygons"),
    ({"segmentation": SQUARE, "image_id": "nine"}, "image_id 'nine'"),
])
def test_annotations_that_are_none_are_one_sentence(tmp_path, thing, message):
    class_files(tmp_path, {1: thing})
    with pytest.raises(LayoutError, match=f"instances_train2017.json .*{message}.*; get the file again"):
        classes(tmp_path, CROP)


def test_a_picture_without_size_is_one_sentence(tmp_path):
    class_files(tmp_path, {1: SQUARE})
    change(tmp_path / "instances_train2017.json", lambda content: content["images"].clear())
    with pytest.raises(LayoutError, match=r"annotation \(101\) with a picture \(9\) that is not in the list 'images'"):
        classes(tmp_path, CROP)
    assert classes(tmp_path, None) == ["c1"]


@pytest.mark.parametrize("edit, message", [
    (lambda c: c["categories"][0].pop("name"), "names its category 1 None"),
    (lambda c: c["categories"].append({"id": 1, "name": "other"}), "names its category 1 'other', expected one name"),
    (lambda c: c["categories"][0].pop("id"), "a record with no id"),
    (lambda c: c.pop("categories"), "has no list 'categories'"),
    (lambda c: c.update(categories=[{"id": 500, "name": "x"}]), "names no category between 1 and 90, expected .* of thing"),
])
def test_categories_that_are_none_are_one_sentence(tmp_path, edit, message):
    class_files(tmp_path, {1: SQUARE})
    change(tmp_path / "instances_train2017.json", lambda content: edit(content) and None)
    with pytest.raises(LayoutError, match=message):
        classes(tmp_path, None)


def test_the_file_of_things_under_the_name_of_stuff_is_noticed(copy):
    path = copy.coco / "stuff_train2017.json"
    path.unlink()
    shutil.copy(copy.coco / "instances_train2017.json", path)
    with pytest.raises(LayoutError, match="stuff_train2017.json names no category between 92 and 182"):
        load_subject(copy.root, "subj01").stimuli.annotations


# --- only what is asked for ------------------------------------------------------------------------------------

def test_classes_are_read_when_they_are_asked_for(copy, tmp_path, tiny_subject):
    for stem in ("instances", "stuff"):
        (copy.coco / f"{stem}_{PART}.json").unlink()
    for cache in (None, tmp_path / "cache"):
        subject = load_subject(copy.root, "subj01", cache=cache)
        pd.testing.assert_frame_equal(subject.stimuli.captions, tiny_subject.stimuli.captions)
        stimuli = subject.stimuli.take(subject.stimuli.ids[:3]).with_captions(subject.stimuli.captions)
        for record in (subject.stimuli, stimuli):
            assert "captions" in repr(record)
            with pytest.raises(LayoutError, match=r"no instances_train2017.json in .*set data.coco_folder"):
                record.annotations


def test_a_split_by_categories_needs_them(copy):
    (copy.coco / f"stuff_{PART}.json").unlink()
    with pytest.raises(LayoutError, match=r"no stuff_train2017.json"):
        load_subject(copy.root, "subj01", DataConfig(split="clusters"))
