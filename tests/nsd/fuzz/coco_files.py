"""What may happen to COCO's files."""

from __future__ import annotations

from .damage import BYTES, NO_FILE
from .oracle import Kind

FOLDER = "nsddata_stimuli/stimuli/nsd/annotations"

KINDS = (
    Kind(f"{FOLDER}/captions_*.json", (*BYTES, *NO_FILE), frozenset({"captions"})),
    Kind(f"{FOLDER}/instances_*.json", (*BYTES, *NO_FILE), frozenset({"annotations"})),
    Kind(f"{FOLDER}/stuff_*.json", (*BYTES, *NO_FILE), frozenset({"annotations"})),
)
