"""Pictures → what a person would see of them: how natural a set of them is, and which things are found again.

    damaged pictures ──exam──▶ which scores of naturalness may be used ──naturalness──▶ a table
    true masks, reconstruction ──segmenter──▶ what is there ──found──▶ recall and precision of each class
                                                            ──contents──▶ ground, number, places and colours of things

No network of this room is in a loss of any other. Read `exam` first.
"""

from .contents import colours, columns, grounds, NO_GROUND, pieces, present
from .damages import DAMAGES, damaged, largest_things, placements, SEEN
from .exam import damaged_sets, examine, GENERATED, verdicts
from .found import found_again, found_apart, recall_and_precision, true_classes
from .labels import label_maps, NO_COLOUR, world_labels
from .naturalness import haze, Naturalness, NATURALNESS
from .segmenter import CLASSES, load_segmenter, N_THINGS, PLACES, Reading, Segmentation, Segmenter, SegmenterConfig

__all__ = ["CLASSES", "colours", "columns", "damaged", "damaged_sets", "DAMAGES", "examine", "found_again", "found_apart", "GENERATED", "grounds",
           "haze", "label_maps", "largest_things", "load_segmenter", "N_THINGS", "NATURALNESS", "Naturalness", "NO_COLOUR", "NO_GROUND",
           "pieces", "placements", "PLACES", "present", "Reading", "recall_and_precision", "SEEN", "Segmentation", "Segmenter",
           "SegmenterConfig", "true_classes", "verdicts", "world_labels"]
