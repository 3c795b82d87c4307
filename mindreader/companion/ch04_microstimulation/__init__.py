"""Chapter 04: reconstructions after microstimulation (paper §3.3, A.5)."""

from .detectors import detector_table
from .doses import dose_curves, measured_range, range_table, within_range
from .effects import consistency_table, effect_table, picture_table
from .panels import category_panels, level_panels, matched_effect, region_panels
from .planted import planted_and_recovered, recovered_correlation, recovery_verdicts
from .regions import FACES, FFA, LEVELS, region_counts, REGIONS
from .sentences import comparisons, RULE, sentence_numbers
from .sliders import Sliders, sliders
from .stimulation import (dose_response, face_and_level_panels, region_sizes, stimulation_effect, stimulation_panels,
                          stimulation_summary)

__all__ = ["category_panels", "comparisons", "consistency_table", "detector_table", "dose_curves", "dose_response",
           "effect_table", "face_and_level_panels", "FACES", "FFA", "level_panels", "LEVELS", "matched_effect",
           "measured_range", "picture_table", "planted_and_recovered", "range_table", "recovered_correlation",
           "recovery_verdicts", "region_counts", "region_panels", "region_sizes", "REGIONS", "RULE", "sentence_numbers", "Sliders",
           "sliders", "stimulation_effect", "stimulation_panels", "stimulation_summary", "within_range"]
