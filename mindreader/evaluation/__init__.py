"""Pictures → what a person would see of them: how natural a set of them is, and which things are found again.

    damaged pictures ──exam──▶ which scores of naturalness may be used ──naturalness──▶ a table
    true masks, reconstruction ──segmenter──▶ what is there ──found──▶ recall and precision of each class

No network of this room is in a loss of any other. Read `exam` first.
"""

from .damages import DAMAGES, damaged, largest_things, placements, SEEN
from .exam import damaged_sets, examine, GENERATED, verdicts
from .found import found_again, recall_and_precision, true_classes
from .labels import label_maps, NO_COLOUR, world_labels
from .naturalness import haze, Naturalness, NATURALNESS
from .segmenter import CLASSES, load_segmenter, N_THINGS, PLACES, Reading, Segmentation, Segmenter, SegmenterConfig

__all__ = ["CLASSES", "damaged", "damaged_sets", "DAMAGES", "examine", "found_again", "GENERATED", "haze", "label_maps",
           "largest_things", "load_segmenter", "N_THINGS", "Naturalness", "NATURALNESS", "NO_COLOUR", "placements", "PLACES", "Reading",
           "recall_and_precision", "SEEN", "Segmentation", "Segmenter", "SegmenterConfig", "true_classes", "verdicts", "world_labels"]
