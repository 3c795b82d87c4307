"""What may happen to COCO's files."""

from __future__ import annotations

import gzip
import json

from .damage import BYTES, EITHER, NO_FILE, REFUSED, SAME, Damage, on_bytes, write
from .oracle import Kind

FOLDER = "nsddata_stimuli/stimuli/nsd/annotations"
# What a person or a converter may put where a number, a text or a list belongs.
ODD = (None, True, "", "x", "7", 7.0, 7.5, -1, 0, 1, 2, 2**40, 2**62, 10**30, -10**12, 1e300, [], [7], {}, {"a": 7}, [[]], [[1, 2]],
       [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [[0, 0, 9, 0, 9, 1e9]], [[0, 0, 9, 0, 9, 9]], "  \n", "a\u2028b",
       {"counts": [3], "size": [425, 425]}, {"counts": "o", "size": [425, 425]}, {"counts": [425 * 425], "size": [425, 425]},
       {"counts": "0oooo0", "size": [425, 425]}, {"counts": [0, 425 * 425], "size": [425, 425]}, {"counts": [-1, 1], "size": [1, 0]},
       {"counts": [2**40], "size": [2**20, 2**20]})


def on_json(effect):
    """Make a Damage of a function (content, rng) that changes the content, or gives another."""
    def of(function):
        def apply(path, rng):
            content = json.loads(path.read_text())
            write(path, json.dumps(function(content, rng) or content).encode())
        return Damage(function.__name__, effect, apply)
    return of


def some(rng, records):
    return records[rng.integers(len(records))]


# ── the same in another form ──────────────────────────────────────────────────────────────────────────────────────────────
@on_json(SAME)
def shuffled(content, rng):
    for name, value in content.items():
        if isinstance(value, list):
            content[name] = [value[i] for i in rng.permutation(len(value))]
    return {name: content[name] for name in rng.permutation(list(content)).tolist()}


@on_json(SAME)
def keys_of_records_shuffled(content, rng):
    content["annotations"] = [{k: r[k] for k in rng.permutation(list(r)).tolist()} for r in content["annotations"]]


@on_json(SAME)
def ids_as_text(content, rng):
    _ids(content, str)


@on_json(SAME)
def ids_with_a_point(content, rng):
    _ids(content, float)


@on_json(SAME)
def list_of_the_same_name_before(content, rng):
    false = [{"image_id": content["annotations"][0]["image_id"], "id": 1, "caption": "no", "category_id": 1}]
    return {"info": {"annotations": false, "images": false, "categories": [{"id": 1, "name": "no"}],
                     "description": '"annotations": [{"image_id": 9, "id": 1}], "categories": ['},
            "more": [{"annotations": false}, [false]]} | content


@on_json(SAME)
def more_than_is_needed(content, rng):
    content["annotations"] += [r | {"image_id": 999_999, "id": 999_999} for r in content["annotations"][:5]]
    content["annotations"] = [r | {"score": 0.5, "attributes": {"occluded": None}} for r in content["annotations"]]
    content["segment_info"] = []


@on_json(SAME)
def record_twice(content, rng):
    content["annotations"].insert(0, some(rng, content["annotations"]))


@on_bytes(SAME)
def spread_over_lines(data, rng):
    return json.dumps(json.loads(data), indent=int(rng.integers(1, 9))).replace("\n", "\r\n").encode()


@on_bytes(SAME)
def byte_order_mark(data, rng):
    return b"\xef\xbb\xbf" + data


@on_bytes(SAME)
def escaped(data, rng):
    return b'{"\\u0061nnotations":' + data.split(b'"annotations":', 1)[1][:-1] + b"," + data.split(b'"annotations":', 1)[0][1:-1] + b"}"


@on_json(SAME)
def unused_keys_lost(content, rng):
    for record in content["annotations"]:
        for name in ("bbox", "iscrowd", "area"):
            record.pop(name, None)


# ── what is no such file ──────────────────────────────────────────────────────────────────────────────────────────────────
@on_bytes(REFUSED)
def gzipped(data, rng):
    return gzip.compress(data)


@on_bytes(REFUSED)
def other_encoding(data, rng):
    return data.decode().encode(str(rng.choice(["utf-16", "utf-16-be", "utf-32", "cp037"])))


@on_bytes(REFUSED)
def no_number(data, rng):
    literal = str(rng.choice(["NaN", "Infinity", "-Infinity", "nan", "1.", "01", "0x1F", "1e999", "9" * 5000])).encode()
    return data.replace(b'"id":', b'"id":' + literal + b',"other":', 1)


@on_bytes(REFUSED)
def nested_deep(data, rng):
    n = int(rng.integers(1000, 60_000))
    opening, closing = (b"[", b"]") if rng.integers(2) else (b'{"a":', b"}")
    inside = b"1" if opening != b"[" else b""
    return b'{"nest":' + opening * n + inside + closing * n + b"," + data[1:]


@on_bytes(REFUSED)
def written_in_another_language(data, rng):
    return data.replace(*[(b'"', b"'"), (b"}", b",}"), (b'":', b'"='), (b"{", b"{/* */")][rng.integers(4)])


@on_json(REFUSED)
def list_lost(content, rng):
    content.pop("annotations")


@on_json(REFUSED)
def other_thing_than_a_list(content, rng):
    content["annotations"] = (None, {}, "annotations", 7, {"9": content["annotations"]})[rng.integers(5)]


@on_json(REFUSED)
def list_alone(content, rng):
    return content["annotations"]


@on_json(REFUSED)
def no_objects_in_the_list(content, rng):
    content["annotations"].insert(int(rng.integers(len(content["annotations"]))), (None, 7, "x", [], 0.5)[rng.integers(5)])


@on_json(REFUSED)
def id_lost(content, rng):
    some(rng, content["annotations"]).pop("image_id")


# ── odd values ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@on_json(EITHER)
def odd_value(content, rng):
    lists = [name for name in content if isinstance(content[name], list) and content[name]]
    record = some(rng, content[str(rng.choice(lists))])
    record[str(rng.choice(list(record)))] = ODD[rng.integers(len(ODD))]


@on_json(EITHER)
def odd_value_in_every_record(content, rng):
    name = str(rng.choice(list(content["annotations"][0])))
    for record in content["annotations"]:
        record[name] = ODD[rng.integers(len(ODD))]


@on_json(EITHER)
def key_lost(content, rng):
    lists = [name for name in content if isinstance(content[name], list) and content[name]]
    record = some(rng, content[str(rng.choice(lists))])
    record.pop(str(rng.choice(list(record))))


@on_json(EITHER)
def records_lost(content, rng):
    lists = [name for name in content if isinstance(content[name], list) and content[name]]
    name = str(rng.choice(lists))
    content[name] = [r for r in content[name] if rng.random() < rng.random()]


@on_json(EITHER)
def values_of_two_records_swapped(content, rng):
    one, other = some(rng, content["annotations"]), some(rng, content["annotations"])
    name = str(rng.choice(list(one)))
    one[name], other[name] = other[name], one[name]


@on_json(EITHER)
def list_twice(content, rng):
    content["annotations"] += [dict(r) for r in content["annotations"]]
    some(rng, content["annotations"])["id"] += 1


@on_json(EITHER)
def numbers_shifted(content, rng):
    name = ("id", "image_id", "category_id")[rng.integers(3)]
    for record in content["annotations"]:
        if name in record:
            record[name] += int(rng.choice([-1, 1, 1000]))


# Of captions alone. A picture that no trial shows may be damaged: it is not looked at.
@on_json(EITHER)
def ids_counted_within_each_picture(content, rng):
    seen: dict[int, int] = {}
    for record in content["annotations"]:
        record["id"] = seen[record["image_id"]] = seen.get(record["image_id"], -1) + 1


@on_json(EITHER)
def two_captions_of_one_id(content, rng):
    record = some(rng, content["annotations"])
    content["annotations"].append(record | {"caption": "another one"})


@on_json(EITHER)
def caption_lost(content, rng):
    some(rng, content["annotations"])["caption"] = ("", " \n", None, 7, ["a dog"])[rng.integers(5)]


@on_json(EITHER)
def picture_without_captions(content, rng):
    image = some(rng, content["annotations"])["image_id"]
    content["annotations"] = [r for r in content["annotations"] if r["image_id"] != image]


# Of classes alone.
@on_json(EITHER)
def segmentations_damaged(content, rng):
    for record in content["annotations"]:
        shape = record["segmentation"]
        if rng.random() < 0.1:
            if isinstance(shape, list):
                polygon = shape[rng.integers(len(shape))]
                polygon[rng.integers(len(polygon))] = float(rng.choice([-1e9, -50, 0, 200.5, 1e9, 1e300]))
            elif isinstance(shape["counts"], list):
                shape["counts"][rng.integers(len(shape["counts"]))] += int(rng.choice([-1, 1, 10**6, 2**40]))
            else:
                place = rng.integers(len(shape["counts"]))
                letter = chr(rng.integers(32, 127))
                shape["counts"] = shape["counts"][:place] + letter + shape["counts"][place + 1:]


@on_json(EITHER)
def sizes_of_pictures_changed(content, rng):
    for record in content["images"]:
        record[("height", "width")[rng.integers(2)]] = ODD[rng.integers(len(ODD))]


@on_json(EITHER)
def category_unknown(content, rng):
    some(rng, content["annotations"])["category_id"] = 12345


@on_json(REFUSED)
def categories_of_another_list(content, rng):
    content["categories"] = [{"id": n, "name": f"class {n}"} for n in range(200, 300)]


ANY = (*BYTES, *NO_FILE, shuffled, keys_of_records_shuffled, ids_as_text, ids_with_a_point, list_of_the_same_name_before,
       more_than_is_needed, record_twice, spread_over_lines, byte_order_mark, escaped, unused_keys_lost, gzipped, other_encoding,
       no_number, nested_deep, written_in_another_language, list_lost, other_thing_than_a_list, list_alone,
       no_objects_in_the_list, id_lost, odd_value, odd_value_in_every_record, key_lost, records_lost,
       values_of_two_records_swapped, list_twice, numbers_shifted)
CAPTIONS = (*ANY, ids_counted_within_each_picture, two_captions_of_one_id, caption_lost, picture_without_captions)
CLASSES = (*ANY, segmentations_damaged, sizes_of_pictures_changed, category_unknown, categories_of_another_list)

KINDS = (
    Kind(f"{FOLDER}/captions_*.json", CAPTIONS, frozenset({"captions"})),
    Kind(f"{FOLDER}/instances_*.json", CLASSES, frozenset({"annotations"})),
    Kind(f"{FOLDER}/stuff_*.json", CLASSES, frozenset({"annotations"})),
)


def _ids(content: dict, form) -> None:
    """Write every id of every record in another form."""
    for records in content.values():
        if isinstance(records, list):
            for record in records:
                record |= {name: form(record[name]) for name in ("id", "image_id", "category_id") if name in record}
