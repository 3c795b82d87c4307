"""COCO files of scenes have the real layout, and pycocotools recovers the masks from them."""

import json
from collections import Counter

import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO
from simulated_scenes import few

from mindreader.world import coco
from mindreader.world.rendering import masks
from mindreader.world.sampling import draw_scene
from mindreader.world.sentences import GRADES

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Captions, instances and stuff, written once."""
    return coco.write_coco(tmp_path_factory.mktemp("coco") / "annotations", few(), size=96)


def test_coco_files_have_the_real_layout(files):
    assert [p.name for p in files] == ["captions_train2017.json", "instances_train2017.json",
                                       "stuff_train2017.json"]
    captions, instances, stuff = (json.loads(p.read_text()) for p in files)
    for content in (captions, instances, stuff):
        assert {"info", "licenses", "images", "annotations"} <= set(content)
        assert [i["id"] for i in content["images"]] == list(few())
        first = content["images"][0]
        assert first["file_name"] == "000000000100.jpg" and first["height"] == first["width"] == 96
        ids = [a["id"] for a in content["annotations"]]
        assert len(set(ids)) == len(ids)
    assert "categories" not in captions and len(captions["annotations"]) == 5 * len(few())
    assert len(instances["categories"]) == 80 and len(stuff["categories"]) == 92
    keys = {"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"}
    assert all(set(a) == keys for content in (instances, stuff) for a in content["annotations"])


def test_coco_files_do_not_contain_the_grade(files):
    captions = json.loads(files[0].read_text())
    assert {frozenset(a) for a in captions["annotations"]} == {frozenset({"image_id", "id", "caption"})}
    assert all(f'"{grade}"' not in path.read_text() for grade in GRADES for path in files)


def test_pycocotools_recovers_the_masks(files):
    instances, stuff = COCO(str(files[1])), COCO(str(files[2]))
    forms = Counter()
    for image, scene in few().items():
        things, labels = masks(scene, 96)
        visible = [(t, m) for t, m in zip(scene.things, things) if m.any()]
        records = instances.loadAnns(instances.getAnnIds(image))
        assert [r["category_id"] for r in records] == [t.category for t, _ in visible]
        for record, (thing, mask) in zip(records, visible):
            decoded = instances.annToMask(record).astype(bool)
            assert (decoded != mask).mean() < 0.002
            assert abs(record["area"] - mask.sum()) < 1 and record["iscrowd"] == thing.crowd
            x, y, w, h = record["bbox"]
            assert mask[int(y):int(y + h), int(x):int(x + w)].sum() == mask.sum()
            forms["crowd" if thing.crowd else type(record["segmentation"]).__name__] += 1
            if thing.crowd:
                assert isinstance(record["segmentation"]["counts"], list)
        for record in stuff.loadAnns(stuff.getAnnIds(image)):
            assert isinstance(record["segmentation"]["counts"], str)
            wanted = things.any(0) if record["category_id"] == 183 else labels == record["category_id"]
            assert np.array_equal(stuff.annToMask(record).astype(bool), wanted)
    assert forms["list"] > 30 and forms["crowd"] >= 1


def test_polygons_of_any_mask_hold_exactly_its_pixels():
    rng = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        for _ in range(10):
            mask = rng.random((13, 19)) < share
            mask[2, 3] = True
            runs = rle.merge(rle.frPyObjects(coco._polygons(mask), *mask.shape))
            assert np.array_equal(rle.decode(runs).astype(bool), mask)


def test_an_image_id_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got image id 'a', expected whole numbers"):
        coco.write_coco(tmp_path, {"a": draw_scene(0, "world", 1)}, size=64)
