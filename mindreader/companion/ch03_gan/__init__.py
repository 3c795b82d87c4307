"""Chapter 03: reconstructions from single trials, their scores and controls, Tables 1, 5 and 6 (paper §2.3, §3.1)."""

from .browser import browse
from .contribution import (bottleneck_curve, brain_share, contribution_entries, eight_numbers, eight_wide,
                           scores_by_source)
from .fidelity import DISTANCES, distance_entries, distances, distances_by_size, finetuning_gain
from .pictures import (RECORDED, by_head, changed_columns, conditions, draws, extremes, gan_history, identification,
                       identification_entries, sample_columns, table_6, two_way, unselected)

__all__ = ["DISTANCES", "bottleneck_curve", "brain_share", "browse", "by_head", "changed_columns", "conditions",
           "contribution_entries", "distance_entries", "distances", "distances_by_size", "draws", "eight_numbers", "eight_wide", "extremes",
           "finetuning_gain", "gan_history", "identification", "identification_entries", "RECORDED",
           "sample_columns", "scores_by_source", "table_6", "two_way", "unselected"]
